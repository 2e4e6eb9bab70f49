"""Operator and router come to the same result from a ModelDeployment, each by its own code."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.router.models import read_model
from fairlead_gateway.router.namespaces import Namespaces
from fairlead_gateway.router.resolver import ModelResolver
from fairlead_operator.autoscale.decision import Decision
from fairlead_operator.plan.scaling.replicas import Scaling
from fairlead_operator.plan.scaling.status import scaling_status
from fairlead_operator.plan.served_names import ServedNames, claim_of
from fairlead_operator.render.model import parse_model
from tests.plan.builders import NOW, model_body

NAMESPACES = ("a", "b")
Object = dict[str, Any]
words = st.sampled_from(["chat", "code", "x", "Qwen/Q", "org/m", "a/x", "b/x", "a/x/chat", "b/Y"])


@st.composite
def models(draw: st.DrawFn) -> Object:
    """A ModelDeployment as the API server stores it."""
    names = draw(st.lists(words, max_size=5, unique=True))
    served, aliases, adapters = names[:1], names[1:3], names[3:]
    model: Object = {
        "source": "pvc://m",
        "aliases": aliases,
        "adapters": [{"name": name} for name in adapters],
    }
    if served:
        model["servedName"] = served[0]
    metadata = {
        "namespace": draw(st.sampled_from(NAMESPACES)),
        "name": draw(st.sampled_from(["x", "chat"])),
        "creationTimestamp": draw(st.sampled_from(["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"])),
    }
    return {"metadata": {**metadata, "uid": draw(st.sampled_from("12"))}, "spec": {"model": model}}


def key_of(body: Object) -> str:
    return f"{body['metadata']['namespace']}/{body['metadata']['name']}"


@given(models())
def test_operator_and_router_read_the_same_served_names(body: Object) -> None:
    assert list(dict.fromkeys(read_model(body).names)) == list(claim_of(body).names)


@given(st.lists(st.tuples(st.booleans(), models()), max_size=8))
def test_the_router_resolves_a_name_to_the_model_that_the_operator_granted_it(
    steps: list[tuple[bool, Object]],
) -> None:
    stored: dict[str, Object] = {}
    names = ServedNames(NAMESPACES)
    names.learn(())
    running = ModelResolver((), Namespaces(NAMESPACES))
    running.complete()
    for gone, body in steps:
        key = key_of(body)
        stored.pop(key, None)
        names.remove(key) if gone else names.put(claim_of(body))
        if not gone:
            stored[key] = body
        # The operator looks at every model again and writes its status.
        for other, live in stored.items():
            taken = names.taken(other)
            live["status"] = {"servedModels": [name for name in claim_of(live).names if name not in taken]}
        running.change(map(read_model, stored.values()), () if key in stored else [key])
        started = ModelResolver(map(read_model, stored.values()), Namespaces(NAMESPACES))
        for other, live in stored.items():
            for name in claim_of(live).names:
                granted = name in live["status"]["servedModels"]
                assert (reached(running, name) == other) == (reached(started, name) == other) == granted


def reached(directory: ModelResolver, name: str) -> str:
    try:
        return directory.resolve(name).model.key
    except ApiError:
        return ""


def test_the_router_reads_the_status_that_the_operator_writes() -> None:
    scaled = model_body(autoscaling={"minReplicas": 0, "maxReplicas": 2})
    decision = Decision(
        1,
        "WakeUp",
        "",
        inputs={"concurrency": 12.5},
        hold_timeout_seconds=700,
        expected_ready_seconds=40,
    )
    written = scaling_status(parse_model(scaled), Scaling(decision), NOW)
    model = read_model({**scaled, "status": {"autoscaling": json.loads(json.dumps(written))}})
    assert model.concurrency == 12.5
    assert (model.hold.timeout_seconds, model.hold.expected_ready_seconds) == (700, 40)
