"""The error that a model cannot run on this machine."""

from __future__ import annotations


class LocalError(Exception):
    """One or several problems; the text of each names what is wrong and the remedy."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
