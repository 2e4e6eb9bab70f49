"""Each failure is counted once and has one Event, whatever the order in which failures are seen."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import REGISTRY

from fairlead_operator.controller.failures import FailureReporter
from fairlead_operator.plan.model_events import Event
from tests.plan.builders import Object, PlannedNamespace, ended, pod, running

CRASH = json.dumps({"reason": "EngineCrashed", "message": "Worker proc died"})


class Model:
    """A model that serves, and what is reported of it look after look."""

    def __init__(self, reporter: FailureReporter) -> None:
        self._world, self._reporter = PlannedNamespace(), reporter
        self._world.serve(2)
        self.look()

    def pods(self, *engines: Object, ready: bool = True) -> None:
        """The pods of the model have these engines."""
        former = self._world.pods[0]["metadata"]["annotations"]
        pods = [pod(f"tiny-{number}", ready=ready, engine=engine) for number, engine in enumerate(engines)]
        for item in pods:
            item["metadata"]["annotations"] = former
        self._world.roll(pods)

    def look(self, written: bool = True) -> list[Event]:
        """The Events of one look; the status is written after it, unless that fails."""
        body = copy.deepcopy(self._world.body)
        planned = self._world.reconcile()
        if not written:
            self._world.body = body
        return self._reporter.report(body, planned)

    @property
    def counted(self) -> float:
        """The sum of the model's counters."""
        return sum(
            sample.value
            for metric in REGISTRY.collect()
            for sample in metric.samples
            if sample.name == "fairlead_model_failures_total" and sample.labels["namespace"] == "demo"
        )


@pytest.fixture
def reporter() -> Iterator[FailureReporter]:
    """A reporter that leaves no counters to other tests."""
    made = FailureReporter()
    yield made
    made.drop(("demo", "tiny"))


def crashed(minute: int, **more: Any) -> Object:
    """An engine that ended in this minute and serves again."""
    end = ended(CRASH, finishedAt=f"2026-01-01T11:{minute:02}:00Z")
    return running(started=True, ready=True, lastState=end, restartCount=1, **more)


def test_two_failures_between_reconciles_are_reported_separately(reporter: FailureReporter) -> None:
    model = Model(reporter)
    model.pods(crashed(1), crashed(2))
    assert [event.note.partition(".")[0] for event in model.look()] == [
        "Worker proc died (pod tiny-0)",
        "Worker proc died (pod tiny-1)",
    ]
    assert (model.look(), model.counted) == ([], 2)


def test_a_failure_observed_after_a_newer_one_is_also_counted(reporter: FailureReporter) -> None:
    model = Model(reporter)
    model.pods(running(), crashed(5))
    model.look()
    model.pods(crashed(4), crashed(5))
    assert len(model.look()) == 1
    assert model.counted == 2


def test_a_failure_whose_status_could_not_be_written_is_not_reported_again(reporter: FailureReporter) -> None:
    model = Model(reporter)
    model.pods(running(), crashed(5))
    assert len(model.look(written=False)) == 1
    assert (model.look(), model.counted) == ([], 1)


def test_after_an_operator_restart_only_failures_newer_than_the_status_are_reported() -> None:
    before, after = FailureReporter(), FailureReporter()
    model = Model(before)
    model.pods(running(), crashed(5))
    model.look()
    before.drop(("demo", "tiny"))
    model._reporter = after
    model.pods(crashed(6), crashed(5))
    assert [event.note.partition(".")[0] for event in model.look()] == ["Worker proc died (pod tiny-0)"]
    assert model.counted == 1
    after.drop(("demo", "tiny"))
    assert model.counted == 0


def test_a_failure_that_is_the_ready_reason_gets_no_second_event(reporter: FailureReporter) -> None:
    model = Model(reporter)
    model.pods({"state": ended(CRASH)}, {"state": ended(CRASH)}, ready=False)
    # Ready names the first pod. The second one has failed too.
    assert [event.note.partition(".")[0] for event in model.look()] == ["Worker proc died (pod tiny-1)"]
    assert model.counted == 2


def test_containers_added_by_users_share_one_failure_counter(reporter: FailureReporter) -> None:
    model = Model(reporter)
    model.pods(running(), {**crashed(1), "name": "mine-1"})
    model.look()
    model.pods({**crashed(2), "name": "mine-2"}, running())
    model.look()
    labels = {"namespace": "demo", "model": "tiny", "container": "other", "reason": "EngineCrashed"}
    assert REGISTRY.get_sample_value("fairlead_model_failures_total", labels) == 2
