"""Failures of the API server become exceptions, by what the caller can do."""

from __future__ import annotations

import json

import pytest

from fairlead_operator.bounds import ERROR_CHARACTERS, RETRY_AFTER_SECONDS
from fairlead_operator.kube.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    KubeError,
    NotFoundError,
    UnavailableError,
    error_of,
)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (404, NotFoundError),
        (409, ConflictError),
        (400, InvalidError),
        (422, InvalidError),
        (401, ForbiddenError),
        (403, ForbiddenError),
        (429, UnavailableError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
def test_each_status_code_maps_to_its_exception(code: int, kind: type[KubeError]) -> None:
    error = error_of(code, b'{"message": "what the server says"}', None)
    assert type(error) is kind
    assert (str(error), error.code) == ("what the server says", code)


@pytest.mark.parametrize("body", [b"plain text", b"[]", b'{"kind": "Status"}'])
def test_an_error_body_that_is_not_a_status_is_quoted(body: bytes) -> None:
    assert str(error_of(500, body, None)) == body.decode()


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (
            500,
            "failed to create typed patch object (a/b; apps/v1, Kind=Deployment): .spec.x: no",
            InvalidError,
        ),
        (
            500,
            "failed to convert new object (a/b; apps/v1, Kind=Deployment) to proper version: no",
            InvalidError,
        ),
        (418, 'admission webhook "a.b" denied the request: no', ForbiddenError),
        (500, 'Internal error occurred: failed calling webhook "a.b": no', UnavailableError),
    ],
)
def test_a_refusal_is_recognized_by_its_message_whatever_its_code(
    code: int, text: str, kind: type[KubeError]
) -> None:
    error = error_of(code, json.dumps({"message": text}).encode(), None)
    assert (type(error), str(error), error.code) == (kind, text, code)


def test_retry_after_is_read_from_the_header() -> None:
    assert error_of(429, b"", "7").retry_after == 7
    assert error_of(429, b"", "soon").retry_after is None


@pytest.mark.parametrize(("text", "seconds"), [("²", None), ("9" * 5000, RETRY_AFTER_SECONDS), ("-5", None)])
def test_retry_after_is_bounded(text: str, seconds: float | None) -> None:
    assert error_of(429, b"", text).retry_after == seconds


@pytest.mark.parametrize("body", [b"x" * 10**6, b'{"message": "' + b"x" * 10**6 + b'"}', b"[" * 10**6])
def test_a_long_error_message_is_cut(body: bytes) -> None:
    assert 0 < len(str(error_of(500, body, None))) <= ERROR_CHARACTERS
