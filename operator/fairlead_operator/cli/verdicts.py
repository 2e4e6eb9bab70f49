"""The output of `fairlead validate` about the models of files. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fairlead_operator.api.jsonvalue import field
from fairlead_operator.cli.documents import ManifestDocument
from fairlead_operator.cli.output import Paint
from fairlead_operator.cli.validation import Problem


@dataclass(frozen=True)
class Verdict:
    """The problems of one model; without any it is valid, perhaps with warnings."""

    document: ManifestDocument
    problems: Sequence[Problem]
    warnings: Sequence[Problem] = ()

    @property
    def valid(self) -> bool:
        """Whether the API server and the operator would take the model."""
        return not self.problems


def text_lines(verdict: Verdict, paint: Paint) -> Iterator[str]:
    """A line for each problem, or that there is none."""
    document = verdict.document
    for problem in verdict.problems:
        yield f"{document.at(problem.path)}: {paint(problem.text, 'bad')}"
    for problem in verdict.warnings:
        yield f"{document.at(problem.path)}: {paint('warning:', 'warning')} {problem.text}"
    if verdict.valid:
        yield f"{document.at()}: {paint('valid', 'good')}"


def verdicts_document(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The shape of `--output json`, which docs/cli.md documents."""
    return {
        "valid": all(verdict.valid for verdict in verdicts),
        "models": [
            {
                "file": verdict.document.file,
                "document": verdict.document.number,
                "line": verdict.document.line(),
                "name": verdict.document.name,
                "valid": verdict.valid,
                "problems": [_problem(verdict.document, problem) for problem in verdict.problems],
                "warnings": [_problem(verdict.document, problem) for problem in verdict.warnings],
            }
            for verdict in verdicts
        ],
    }


def _problem(document: ManifestDocument, problem: Problem) -> dict[str, Any]:
    return {"line": document.line(problem.path), "field": field(problem.path), "message": problem.text}
