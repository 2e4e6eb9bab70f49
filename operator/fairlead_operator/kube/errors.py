"""The failures of a request, by what the caller can do about them."""

from __future__ import annotations

import re

from fairlead_operator.bounds import ERROR_CHARACTERS, RETRY_AFTER_SECONDS
from fairlead_operator.kube.decoding import decode


class KubeError(Exception):
    """Base of all failures of a request. `code` is the HTTP status, 0 if there was no answer."""

    def __init__(self, message: str, code: int = 0, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after


class NotFoundError(KubeError):
    """The object, or its kind, does not exist."""


class ConflictError(KubeError):
    """The object exists already or has changed meanwhile: read it again and decide again."""


class InvalidError(KubeError):
    """The API server refuses the content; trying again does not help."""


class ForbiddenError(KubeError):
    """The API server refuses the caller or a policy refuses the object; the message says what."""


class UnavailableError(KubeError):
    """No answer, an overload or a failure of the server: try again, not before `retry_after` seconds if
    given.
    """


class TooLargeError(KubeError):
    """The answer is larger than the caller takes."""


_BY_CODE: dict[int, type[KubeError]] = {
    400: InvalidError,
    401: ForbiddenError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidError,
    415: InvalidError,
    422: InvalidError,
}
# Refusals that the API server does not answer with a code of their own: 500 for an object of server-side
# apply that does not fit the schema of its kind, any code that a webhook chooses for its denial.
# Source: k8s.io/apimachinery/pkg/util/managedfields, k8s.io/apiserver/pkg/admission/plugin/webhook/errors.
_BY_TEXT: tuple[tuple[re.Pattern[str], type[KubeError]], ...] = (
    (re.compile(r"failed to (create typed patch|convert new) object \("), InvalidError),
    (re.compile(r'admission webhook "[^"]*" denied the request'), ForbiddenError),
)


def error_of(code: int, body: bytes, retry_after: str | None) -> KubeError:
    """The exception for an answer that is not 2xx. The message is the API server's own."""
    try:
        message = str(decode(body)["message"])
    except (ValueError, KeyError, TypeError):
        message = body.decode(errors="replace").strip() or f"HTTP {code}"
    kind = next((kind for text, kind in _BY_TEXT if text.match(message)), None)
    kind = kind or _BY_CODE.get(code, UnavailableError)
    return kind(message[:ERROR_CHARACTERS], code, _seconds(retry_after))


def _seconds(retry_after: str | None) -> float | None:
    """Seconds of a Retry-After header; None without one, or if it is a date."""
    if not retry_after or not retry_after.isascii() or not retry_after.isdigit():
        return None
    return min(float(retry_after), RETRY_AFTER_SECONDS)
