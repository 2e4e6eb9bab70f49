"""The documents that one program writes and another reads: status, demand and the state of a download.

A pod's owner can replace its gateway, so an answer of another shape than the document's is invalid.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fairlead_contract.bounds import SENTENCE_CHARACTERS
from fairlead_contract.demand import GatewayDemand, RouterDemand
from fairlead_contract.status import EngineState, PodReport
from fairlead_gateway.load_counters import LoadCounters, read_engine
from fairlead_gateway.router.dispatcher import ModelDispatcher
from fairlead_gateway.router.models import read_model
from fairlead_operator.controller.autoscaler_inputs import GatewayAnswer, observe_demand, observe_pods
from fairlead_operator.controller.counter_totals import CounterTotals
from fairlead_operator.plan.findings import Finding
from fairlead_operator.plan.status.weights import observe_downloads
from fairlead_weights.progress import DownloadProgress, Tally
from tests.gateway.test_load_counters import METRICS
from tests.plan.builders import model, model_body, pod, pod_report, running

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
        {"engine": {"inferred": []}},
        {"engine": {"inferred": {"toolCallParser": 1}}},
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


def test_the_operator_reads_the_demand_document_of_a_gateway() -> None:
    counter, counters = LoadCounters(clock=lambda: 1000.0), CounterTotals()
    for router in (b"", b"0123456789abcdef"):
        counter.arrived(router)
        counter.ended(router, answered=True)
        body = counter.report(queued=1, in_flight=2, engine=read_engine(METRICS, 8))
        answers = {"tiny-1": GatewayAnswer(1000.0, GatewayDemand.model_validate_json(body.to_json()))}
        demand = observe_demand(counters, None, answers)
    assert (demand.arrivals, demand.completions, demand.in_flight) == (0, 1, 3)
    assert demand.last_completion == 1000.0
    (seen,) = observe_pods([pod(ready=True)], "", {}, answers)
    assert seen.engine is not None
    assert (seen.engine.running, seen.engine.prefill_tokens, seen.engine.max_running) == (4, 400.0, 8)


def test_the_operator_reads_the_demand_document_of_a_router() -> None:
    dispatcher, counters = (
        ModelDispatcher(read_model(model_body()), lambda: 0.0, lambda: None),
        CounterTotals(),
    )
    for _ in range(2):
        dispatcher.arrive()
        document = RouterDemand(boot="boot", cursor=1, models={"demo/tiny": dispatcher.figures()})
        answer = RouterDemand.model_validate_json(document.to_json())
        demand = observe_demand(counters, {"uid": (answer.boot, answer.models["demo/tiny"])}, {})
    assert (demand.arrivals, demand.queued, demand.in_flight) == (1, 0, 0)


def observe(progress: DownloadProgress) -> tuple[dict[str, Any], Finding | None]:
    body = pod()
    body["status"]["initContainerStatuses"].append({"name": "weights", "image": "g", **running()})
    reports = {"tiny-1": pod_report(weights=progress.as_document())}
    (found,) = observe_downloads(model(model={"source": "hf://org/big"}), (body,), reports).values()
    return found.status, found.finding


def test_the_operator_reads_the_state_that_the_download_writes() -> None:
    progress = DownloadProgress("hf://org/big", 0.0, {"model": Tally(30, 90), "poet": Tally(10, 10)})
    status, finding = observe(progress)
    assert (status["phase"], status["bytes"], status["totalBytes"], status["percent"]) == (
        "Downloading",
        40,
        100,
        40,
    )
    assert finding is not None
    assert finding.reason == "WeightsDownloading"

    progress.phase, progress.peer = "Waiting", {"bytes": 5, "totalBytes": 10}
    progress.detail = "pod other downloads into the shared cache 50 %"
    status, finding = observe(progress)
    assert (status["phase"], status["percent"]) == ("Waiting", 50)
    assert finding is not None
    assert progress.detail in finding.message
