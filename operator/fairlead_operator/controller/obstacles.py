"""The status after a failure to carry out a spec, for every kind of failure.

| failure | reason | again after |
|---|---|---|
| content that is refused (400, 413, 415, 422; 500 for what does not fit a schema) | ObjectRejected | 1 min |
| a policy, a webhook or RBAC that refuses (401, 403) | ObjectRejected | 1 min |
| a quota that does not allow the object (403) | QuotaExceeded | 1 min |
| a kind that does not exist (404) | ApiNotServed | 1 min |
| a conflict (409), an overload (429), a fault (5xx), no answer | ApiRequestFailed | 1 s to 5 min |
| any other exception | ReconcileFailed | 1 s to 5 min |

A change of the spec is an attempt at once. The first failure of the kind that may pass is not reported: most
are over with the next attempt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead_operator.controller.child_index import Key
from fairlead_operator.kube.errors import ForbiddenError, InvalidError, KubeError, NotFoundError
from fairlead_operator.plan.findings import Finding, steady

if TYPE_CHECKING:
    from fairlead_operator.kube.podschema import FieldProblem

# The text of server-side apply around the field and its error.
_WRAPPING = (
    (re.compile(r"^failed to create typed patch object \([^)]*\): "), ""),
    (re.compile(r"^failed to convert new object \([^)]*\) to proper version: "), ""),
    (re.compile(r"&value\.valueUnstructured\{Value:(.*)\}"), r"\1"),
)


@dataclass(frozen=True)
class Failure:
    """A failure to carry out a plan, and the object of the request (`Kind/NAME`)."""

    error: Exception
    about: str = ""


class Failures:
    """Counts for each model the failed attempts in a row, of those that another attempt may resolve."""

    def __init__(self) -> None:
        self._counts: dict[Key, int] = {}

    def is_news(self, key: Key, error: Exception) -> bool:
        """Counts a failure. True if it is to be reported: a transient one only when it is repeated."""
        if not isinstance(error, KubeError) or is_refusal(error):
            return True
        self._counts[key] = self._counts.get(key, 0) + 1
        return self._counts[key] > 1

    def over(self, key: Key) -> None:
        """An attempt has not failed, or the model is gone."""
        self._counts.pop(key, None)


def is_refusal(error: Exception) -> bool:
    """Whether the API server refused the request: the same attempt fails until something changes."""
    return isinstance(error, InvalidError | ForbiddenError | NotFoundError)


def finding_of(error: Exception, about: str = "", problems: Sequence[FieldProblem] = ()) -> Finding:
    """The finding of a failure. `about` is the object of the request, `problems` the errors of the spec."""
    if not isinstance(error, KubeError):
        return Finding("ReconcileFailed", steady(f"{type(error).__name__}: {error}"))
    text = str(error)
    for pattern, replacement in _WRAPPING:
        text = pattern.sub(replacement, text)
    named = "; ".join(map(str, problems))
    answer = f"{about}: {text}" if about else text
    return Finding(_reason(error), steady(f"{named} ({answer})" if named else answer))


def _reason(error: KubeError) -> str:
    if not is_refusal(error):
        return "ApiRequestFailed"
    if isinstance(error, NotFoundError):
        return "ApiNotServed"
    return "QuotaExceeded" if "exceeded quota" in str(error) else "ObjectRejected"
