"""OpenAI's error envelope, and how an engine's error becomes one.

Every non-2xx answer has the same shape with a string `code`, because SDKs pick the exception class, the
message and sometimes a recovery (a shorter prompt) from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from .dumps import read_dump

RETRY_AFTER_SECONDS = 2
_MESSAGE_CHARACTERS = 2000
_PARAM_CHARACTERS = 200

_TOO_LONG = "context_length_exceeded"
_CONTEXT_LENGTH = re.compile(r"maximum context length is|longer than the maximum model length")
# vLLM appends the parameter that is also in `param`.
_PARAMETER_SUFFIX = re.compile(r"\s*\(parameter=.*\)\s*$", re.DOTALL)
# Time and source position at the beginning of the grammar compiler's message.
_SOURCE_PLACE = re.compile(r"\[\d\d:\d\d:\d\d\] \S+:\d+: ")
# The engine is stopped while this request was on its way: worth a retry elsewhere, not a server bug.
_SHUTTING_DOWN = "after shutdown"


@dataclass
class ApiError(Exception):
    """An answer that is not a success. `status` is the HTTP status; the rest fills the envelope."""

    status: int
    message: str
    code: str
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """OpenAI's error class for the status."""
        if self.status == 429:
            return "rate_limit_error"
        return "server_error" if self.status >= 500 else "invalid_request_error"

    def detail(self) -> dict[str, Any]:
        """The object under `error`."""
        # Both may hold names that the client has made up.
        message, param = _shortened(self.message, _MESSAGE_CHARACTERS), self.param
        if param is not None:
            param = _shortened(param, _PARAM_CHARACTERS)
        return {"message": message, "type": self.type, "param": param, "code": self.code}

    def body(self) -> bytes:
        """The whole JSON body."""
        return orjson.dumps({"error": self.detail()})


def _shortened(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[:characters] + "..."


def invalid(message: str, param: str | None = None, code: str = "invalid_value") -> ApiError:
    """A request that cannot be served as it is: HTTP 400."""
    return ApiError(400, message, code, param)


def context_exceeded(message: str) -> ApiError:
    """A prompt that does not fit: HTTP 400.

    LangChain looks for the code in the exception's text, where openai-python 3 puts only the message.
    """
    return invalid(f"{message} ({_TOO_LONG})", "messages", _TOO_LONG)


def missing(param: str) -> ApiError:
    """A required parameter that is absent: HTTP 400."""
    return invalid(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def unauthorized(authorization: bytes) -> ApiError:
    """A value of the Authorization header (b"" if there is none) without a valid key: HTTP 401."""
    what = "The API key is not valid." if authorization else "The API key is missing."
    message = f"{what} Send it in the header 'Authorization: Bearer KEY'."
    return ApiError(401, message, "invalid_api_key", headers={"www-authenticate": "Bearer"})


def model_not_found(model: str) -> ApiError:
    """A model that this endpoint does not serve: HTTP 404."""
    return ApiError(404, f"The model '{model}' does not exist.", "model_not_found", "model")


def engine_unavailable(message: str) -> ApiError:
    """The engine cannot take a request now: HTTP 503 with Retry-After."""
    return ApiError(503, message, "engine_unavailable", headers={"retry-after": str(RETRY_AFTER_SECONDS)})


def engine_failed(message: str) -> ApiError:
    """The engine broke off or answered nonsense: HTTP 502."""
    return ApiError(502, message, "engine_error")


def _message_of(raw: str) -> str:
    return _SOURCE_PLACE.sub("", _PARAMETER_SUFFIX.sub("", raw))


def _param_of(raw: object) -> str | None:
    return raw.removeprefix("body.") if isinstance(raw, str) and raw else None


def from_engine(status: int, error: Mapping[str, Any]) -> ApiError:
    """The engine's error object (the value under `error`) as one of ours.

    `status` is used unless the object carries its own, as the first line of a stream does.
    """
    code = error.get("code")
    if isinstance(code, int) and 400 <= code < 600:
        status = code
    raw = str(error.get("message") or "The engine gave no reason.")
    message, param = _message_of(raw), _param_of(error.get("param"))
    if _CONTEXT_LENGTH.search(raw):
        return context_exceeded(message)
    if status == 404:
        return ApiError(404, message, "model_not_found", "model")
    if status == 503 or _SHUTTING_DOWN in raw:
        return engine_unavailable(message)
    if status >= 500:
        return ApiError(status, message, "engine_error")
    reading = read_dump(raw)
    if reading is not None:
        return ApiError(status, reading.message, reading.code, reading.param)
    return ApiError(status, message, "invalid_value" if param else "invalid_request", param)


def from_engine_body(status: int, body: bytes) -> ApiError:
    """The engine's whole error answer as one of ours, whatever its shape."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict) and isinstance(document.get("error"), dict):
        return from_engine(status, document["error"])
    text = body[:500].decode(errors="replace").strip() or f"HTTP {status}"
    return from_engine(status, {"message": f"The engine answered: {text}"})
