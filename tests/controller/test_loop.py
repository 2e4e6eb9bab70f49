"""One turn of the reconcile loop: a failure is logged with its model and tried again."""

from __future__ import annotations

from typing import Any, cast

import pytest

from fairlead_operator.controller.child_index import Key
from fairlead_operator.controller.loop import reconcile_once
from fairlead_operator.controller.queue import WorkQueue
from fairlead_operator.controller.reconciler import Reconciler
from fairlead_operator.kube.errors import KubeError
from tests.support.clock import Clock


class Failing:
    """A reconciler that raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def reconcile(self, key: Key) -> float | None:
        raise self._error


@pytest.mark.parametrize("error", [KubeError("no"), ValueError("a bug")], ids=["refused", "bug"])
async def test_a_failed_reconcile_is_logged_with_namespace_and_model(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    queue: WorkQueue[Key] = WorkQueue(clock=Clock(), jitter=lambda seconds: seconds, pause_seconds=0)
    queue.add(("team", "tiny"))
    key = await queue.get()
    await reconcile_once(queue, cast("Reconciler", Failing(error)), key)

    record: Any = caplog.records[-1]
    assert (record.namespace, record.model) == ("team", "tiny")
