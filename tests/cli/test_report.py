"""What `fairlead explain` prints, as people read it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fairlead_operator.cli.report import ModelFacts, age, report
from fairlead_operator.plan.findings import Finding
from tests.plan.builders import NOW, Object, condition, model_body, pod, pod_report

BODY = model_body(model={"source": "hf://a/b"}, replicas=2)


def status(reason: str, message: str, ready: str = "False", **more: object) -> dict[str, object]:
    said = {"reason": reason, "message": message}
    conditions = [condition("Ready", ready, **said), condition("Stalled", "False", **said)]
    return {"conditions": conditions, "readyReplicas": 1, **more}


def test_the_report_of_a_model_that_waits_for_a_node_names_pod_and_resource() -> None:
    refused = "not enough nvidia.com/gpu for pod tiny-2: Insufficient nvidia.com/gpu"
    facts = ModelFacts(
        body=BODY,
        status=status("InsufficientResources", f"{refused}; 1 of 2 replicas ready"),
        pods=(pod("tiny-2", unschedulable="no"), pod("tiny-1", ready=True)),
        causes={"tiny-2": Finding("InsufficientResources", refused)},
        reports={"tiny-1": pod_report(2, queued=1)},
        events=(
            {
                "type": "Warning",
                "reason": "FailedScheduling",
                "note": "0/1 nodes are\navailable",
                "eventTime": "2026-01-01T11:59:30Z",
                "regarding": {"kind": "Pod", "name": "tiny-2"},
            },
        ),
        next_step="nothing is to be changed. It looks again in 10 s, or when something changes.",
    )
    assert report(facts, NOW) == (
        "ModelDeployment demo/tiny (hf://a/b): 1 of 2 replicas answer requests\n"
        "\n"
        "Not ready: InsufficientResources\n"
        "  No node has enough of a resource free: accelerators, CPU or memory. The message names which.\n"
        "  not enough nvidia.com/gpu for pod tiny-2: Insufficient nvidia.com/gpu; 1 of 2 replicas ready\n"
        "\n"
        "PODS\n"
        "  NAME    STATE     NODE    AGE  ABOUT\n"
        "  tiny-1  Ready     node-1  2m   2 requests in flight, 1 queued\n"
        "  tiny-2  Starting  -       2m   InsufficientResources: not enough nvidia.com/gpu for pod tiny-2: "
        "Insufficient nvidia.com/gpu\n"
        "\n"
        "CONDITIONS\n"
        "  TYPE     STATUS  REASON                 SINCE\n"
        "  Ready    False   InsufficientResources  1m\n"
        "  Stalled  False   InsufficientResources  1m\n"
        "\n"
        "EVENTS\n"
        "  AGE  TYPE     REASON            OBJECT      NOTE\n"
        "  30s  Warning  FailedScheduling  Pod/tiny-2  0/1 nodes are available\n"
        "\n"
        "NEXT: nothing is to be changed. It looks again in 10 s, or when something changes.\n"
    )


def test_the_report_of_a_downloading_model_shows_its_progress() -> None:
    weights = {
        "phase": "Downloading",
        "source": "hf://a/b",
        "bytes": 1_500_000_000,
        "totalBytes": 16_000_000_000,
        "percent": 9,
        "pod": "tiny-1",
    }
    text = report(ModelFacts(BODY, status("Downloading", "9 %", weights=weights)), NOW)
    assert "WEIGHTS: Downloading hf://a/b (1.5 GB of 16.0 GB, 9 %), pod tiny-1\n" in text


def test_the_report_shows_the_phases_of_the_last_start() -> None:
    startup = {
        "pod": "tiny-1",
        "schedulingSeconds": 0,
        "preparingSeconds": 40,
        "downloadSeconds": 30,
        "engineSeconds": 60,
        "totalSeconds": 100,
    }
    text = report(ModelFacts(BODY, status("Ready", "fine", "True", startup=startup)), NOW)
    assert "LAST START: preparing 40 s, download 30 s, engine 60 s, total 100 s (pod tiny-1)\n" in text


def test_the_report_of_a_stalled_model_says_that_waiting_does_not_help() -> None:
    stalled = [
        condition(kind, word, reason="InvalidSpec", message="x")
        for kind, word in (("Ready", "False"), ("Stalled", "True"))
    ]
    assert "Waiting does not help" in report(ModelFacts(BODY, {"conditions": stalled}), NOW)


def test_the_report_notes_data_that_could_not_be_read() -> None:
    assert "\nNOTE: pods could not be read\n" in report(
        ModelFacts(BODY, status("Ready", "fine", "True"), notes=("pods could not be read",)), NOW
    )


def test_the_report_of_a_model_without_status_says_not_ready_unknown() -> None:
    assert "Not ready: Unknown\n" in report(ModelFacts(BODY, {}), NOW)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59, "59s"), (60, "1m"), (7199, "1h"), (90_000, "1d"), (-5, "0s")]
)
def test_an_age_is_shown_in_its_largest_unit(seconds: int, text: str) -> None:
    assert age((NOW - timedelta(seconds=seconds)).isoformat(), NOW) == text


def test_texts_of_other_writers_cannot_control_the_terminal() -> None:
    conditions = [
        condition("Other", "True", reason="\x1b[2J\x07Fine"),
        condition("Ready", "False", reason="x"),
    ]
    text = report(ModelFacts(body=BODY, status={"conditions": conditions}), NOW)
    assert "[2JFine" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({}, None),
        ({"restarts": 2}, "RESTARTS: 2"),
        (
            {"restarts": 1, "lastFailure": {"container": "vllm", "exitCode": 137}},
            "LAST FAILURE: 1m ago, HostOutOfMemory: killed (container vllm of pod tiny-1, exit code 137); "
            "1 restarts of the present pods",
        ),
        (
            {"lastFailure": {}},
            "LAST FAILURE: 1m ago, HostOutOfMemory: killed (pod tiny-1); 0 restarts of the present pods",
        ),
    ],
)
def test_the_report_of_a_ready_model_shows_its_last_failure(more: Object, line: str | None) -> None:
    base = {"time": "2026-01-01T11:59:00Z", "pod": "tiny-1", "reason": "HostOutOfMemory", "message": "killed"}
    if "lastFailure" in more:
        more = {**more, "lastFailure": {**base, **more["lastFailure"]}}
    lines = report(ModelFacts(body=BODY, status=status("Ready", "ok", "True", **more)), NOW).splitlines()
    assert [item for item in lines if item.startswith(("LAST FAILURE", "RESTARTS"))] == (
        [line] if line else []
    )
