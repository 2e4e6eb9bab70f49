"""Events report something new once, and raise a count when it repeats."""

from __future__ import annotations

import pytest

from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.events import EventRecorder
from fairlead_operator.kube.resources import EVENT, MODEL_DEPLOYMENT
from tests.kube.support import Object, manifest

pytestmark = pytest.mark.apiserver


async def model(kube: KubeClient, namespace: str) -> Object:
    return await kube.create(MODEL_DEPLOYMENT, namespace, manifest())


async def test_an_event_refers_to_its_object(kube: KubeClient, namespace: str) -> None:
    body = await model(kube, namespace)
    await EventRecorder(kube, "operator-1").record(body, "Warning", "QuotaExceeded", "no pod can be created")
    (event,) = await kube.list(EVENT, namespace)
    assert (event["type"], event["reason"], event["note"]) == (
        "Warning",
        "QuotaExceeded",
        "no pod can be created",
    )
    assert event["regarding"]["uid"] == body["metadata"]["uid"]


async def test_an_event_repeated_shortly_after_is_not_written(kube: KubeClient, namespace: str) -> None:
    body, recorder = await model(kube, namespace), EventRecorder(kube, "operator-1", clock=lambda: 0.0)
    for _ in range(3):
        await recorder.record(body, "Normal", "Applied", "the same")
    (event,) = await kube.list(EVENT, namespace)
    assert event.get("series") is None


async def test_an_event_repeated_later_raises_the_count(kube: KubeClient, namespace: str) -> None:
    times = iter((0.0, 1000.0, 2000.0))
    body = await model(kube, namespace)
    recorder = EventRecorder(kube, "operator-1", clock=lambda: next(times))
    for _ in range(3):
        await recorder.record(body, "Normal", "Applied", "the same")
    (event,) = await kube.list(EVENT, namespace)
    assert event["series"]["count"] == 3


@pytest.mark.parametrize(("letter", "kept"), [("x", 1024), ("я", 512), ("模", 341)])
async def test_a_long_event_note_is_cut_to_the_limit_of_the_api(
    kube: KubeClient, namespace: str, letter: str, kept: int
) -> None:
    body = await model(kube, namespace)
    await EventRecorder(kube, "operator-1").record(body, "Normal", "Applied", letter * 5000)
    (event,) = await kube.list(EVENT, namespace)
    assert event["note"] == letter * kept


async def test_events_of_one_reason_with_changing_notes_are_limited(kube: KubeClient, namespace: str) -> None:
    now = 0.0
    body, recorder = await model(kube, namespace), EventRecorder(kube, "operator-1", clock=lambda: now)
    for attempt in range(20):
        await recorder.record(body, "Warning", "Evicted", f"pod tiny-{attempt} was evicted")
    await recorder.record(body, "Normal", "Ready", "another reason is not held back")
    at_once = len(await kube.list(EVENT, namespace))
    now = 301.0
    for attempt in range(20, 40):
        await recorder.record(body, "Warning", "Evicted", f"pod tiny-{attempt} was evicted")
    assert (at_once, len(await kube.list(EVENT, namespace))) == (6, 7)
