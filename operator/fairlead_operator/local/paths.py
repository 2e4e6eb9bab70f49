"""Paths inside a container and the folders of this machine that stand for them. Pure.

A container sees its volumes at fixed paths. A process of this machine has no mounts of its own, so the paths
in its arguments and its environment are replaced by those of the volumes' folders.
"""

from __future__ import annotations

import re
from collections.abc import Mapping


class ContainerPaths:
    """The mounts of one container: its paths with the folders that stand for them."""

    def __init__(self, mounts: Mapping[str, str]) -> None:
        self._mounts = {path.rstrip("/"): folder for path, folder in mounts.items()}
        longest_first = sorted(self._mounts, key=len, reverse=True)
        alternatives = "|".join(re.escape(path) for path in longest_first)
        # A path may stand alone, after a word such as NAME=, or in JSON. It must not be the end of another
        # path, or of a URL, nor the beginning of a longer name.
        self._pattern = re.compile(rf"(?<![\w./-])(?:{alternatives})(?![\w.-])") if alternatives else None

    def local(self, text: str) -> str:
        """The text with every container path replaced."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: self._mounts[found[0]], text)
