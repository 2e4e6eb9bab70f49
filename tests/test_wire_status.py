"""What a gateway says of its pod counts only in its shape: any other answer is none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fairlead_contract.bounds import SENTENCE_CHARACTERS
from fairlead_contract.status import EngineState, PodReport

GOOD: dict[str, Any] = {
    "inFlight": 2,
    "queued": 1,
    "draining": False,
    "ready": True,
    "engine": {"phase": "LoadingWeights", "startedAt": 1.5},
    "weights": {
        "phase": "Downloading",
        "source": "hf://org/big",
        "bytes": 5,
        "totalBytes": 10,
        "bytesPerSecond": None,
        "startedAt": 1.0,
        "detail": "",
        "cause": None,
    },
    "unresponsiveSeconds": 0.0,
}


def read(document: object) -> PodReport:
    return PodReport.model_validate_json(json.dumps(document))


def test_the_status_answer_of_a_gateway_is_read() -> None:
    report = read(GOOD)
    assert report.load == 3
    assert report.weights is not None
    assert report.weights.figures == {
        "phase": "Downloading",
        "source": "hf://org/big",
        "bytes": 5,
        "totalBytes": 10,
    }


def test_the_state_files_of_other_containers_are_sent_with_the_keys_of_newer_versions() -> None:
    engine, weights = {"phase": "Ready", "later": [1]}, {"phase": "Done", "later": {}}
    sent = PodReport(in_flight=1, queued=2, draining=True).with_state_files(engine, weights)
    assert sent == {
        "inFlight": 1,
        "queued": 2,
        "draining": True,
        "drained": False,
        "ready": False,
        "engine": engine,
        "weights": weights,
        "unresponsiveSeconds": 0.0,
    }
    assert read(sent).engine == EngineState(phase="Ready")


def test_a_status_answer_without_engine_and_weights_is_read() -> None:
    assert read({"inFlight": 0, "queued": 0, "engine": None, "weights": None}).load == 0


@pytest.mark.parametrize(
    "change",
    [
        {"inFlight": "2"},
        {"draining": "yes"},
        {"inFlight": True},
        {"inFlight": 1.5},
        {"inFlight": -1},
        {"inFlight": 10**30},
        {"inFlight": None},
        {"inFlight": [2]},
        {"queued": {}},
        {"unresponsiveSeconds": float("nan")},
        {"unresponsiveSeconds": float("inf")},
        {"unresponsiveSeconds": "301"},
        {"engine": "LoadingWeights"},
        {"engine": {"phase": 5}},
        {"weights": []},
        {"weights": {"bytes": -1}},
        {"weights": {"bytes": 1e300}},
        {"weights": {"totalBytes": "10"}},
        {"weights": {"bytesPerSecond": True}},
        {"weights": {"cause": "WeightsNotFound"}},
        {"weights": {"cause": {"reason": {"a": 1}}}},
        {"weights": {"source": ["hf://"]}},
    ],
)
def test_a_status_answer_with_another_shape_is_invalid(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read({**GOOD, **change})


@pytest.mark.parametrize("missing", ["inFlight", "queued"])
def test_a_status_answer_without_the_load_is_invalid(missing: str) -> None:
    with pytest.raises(ValidationError):
        read({name: value for name, value in GOOD.items() if name != missing})


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"[]", b"7", b'"x"', b"\xff\xfe{}", b"{" * 60_000, b'{"a":' * 12_000, b"[" * 60_000),
        b'{"inFlight": 1e999, "queued": 0}',
        b'{"inFlight": NaN, "queued": 0}',
        b'{"inFlight": ' + b"9" * 60_000 + b', "queued": 0}',
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_status_answer_that_is_not_json_is_invalid(body: bytes) -> None:
    with pytest.raises(ValidationError):
        PodReport.model_validate_json(body)


def test_texts_of_a_status_answer_are_cut_and_printable() -> None:
    long = {**GOOD, "weights": {"detail": "\x1b[31m" + "x" * 5000, "cause": {"reason": "W" * 5000}}}
    weights = read(long).weights
    assert weights is not None
    assert weights.cause is not None
    assert weights.detail.startswith("[31mx")
    assert len(weights.detail) <= SENTENCE_CHARACTERS
    assert len(weights.cause.reason) == 128


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(GOOD)), inner),
    max_leaves=10,
)


@given(JSON)
def test_any_document_of_a_pod_is_a_valid_or_an_invalid_answer(document: object) -> None:
    try:
        report = read(document)
    except ValidationError:
        return
    assert 0 <= report.load < 10**10
