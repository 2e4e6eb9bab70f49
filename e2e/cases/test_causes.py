"""A model that cannot start says why, in `kubectl get modeldeployments` and in its conditions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from e2e.cases.support import NAMESPACE, engine, model
from e2e.world import CommandError, Object, World, wait_until

pytestmark = pytest.mark.cluster

Broken = Callable[..., Object]


@pytest.fixture
def broken(world: World) -> Iterator[Broken]:
    """Applies a model that cannot start, waits for the expected reason, and returns its condition Ready."""
    names: list[str] = []

    def apply(name: str, reason: str, **spec: Any) -> Object:
        names.append(name)
        world.apply(model(name, **spec), namespace=NAMESPACE)

        def told() -> Object | None:
            condition = world.condition(name, "Ready", namespace=NAMESPACE)
            return condition if condition.get("reason") == reason else None

        condition = wait_until(f"modeldeployment/{name} to say {reason}", told, timeout=420)
        row = world.kubectl("get", "modeldeployment", name, "-n", NAMESPACE, "--no-headers")
        assert reason in row.split()
        return condition

    yield apply
    for name in names:
        world.kubectl("delete", "-n", NAMESPACE, "modeldeployment", name, "--wait=false")


def test_too_few_accelerators(broken: Broken) -> None:
    condition = broken(
        "no-gpu",
        "InsufficientResources",
        accelerator={"resourceName": "nvidia.com/gpu", "count": 1},
    )
    assert "nvidia.com/gpu" in condition["message"]


def test_an_unknown_engine_flag(broken: Broken) -> None:
    condition = broken("bad-flag", "EngineArgumentInvalid", engine=engine("--no-such-flag"))
    assert "--no-such-flag" in condition["message"]


def test_a_context_longer_than_the_model_has_names_the_length_that_fits(broken: Broken) -> None:
    condition = broken("long-context", "ContextTooLong", engine={**engine(), "maxModelLen": 1_000_000})
    assert "2048" in condition["message"]


def test_weights_that_are_not_there(broken: Broken) -> None:
    condition = broken("no-weights", "WeightsNotFound", model={"source": "pvc://models/nothing-here"})
    assert "nothing-here" in condition["message"]


def test_an_image_that_cannot_be_pulled(broken: Broken) -> None:
    condition = broken(
        "no-image", "ImagePullFailed", engine={**engine(), "image": "registry.invalid/vllm:none"}
    )
    assert "registry.invalid/vllm:none" in condition["message"]


def test_a_claim_that_does_not_exist(broken: Broken) -> None:
    condition = broken("no-claim", "VolumeNotReady", model={"source": "pvc://missing/tiny"})
    assert "missing" in condition["message"]


def test_a_secret_of_keys_that_does_not_exist(broken: Broken) -> None:
    condition = broken(
        "no-keys", "ContainerConfigError", api={"auth": {"mode": "APIKey", "secretName": "missing-keys"}}
    )
    assert 'secret "missing-keys" not found' in condition["message"]


def test_a_default_that_the_dialect_does_not_allow(broken: Broken) -> None:
    condition = broken("bad-default", "InvalidSpec", api={"defaults": {"temperature": 3}})
    assert "spec.api.defaults.temperature" in condition["message"]


def test_an_invalid_manifest_is_refused_with_the_field_named(world: World) -> None:
    manifest = model("bad-source", model={"source": "ftp://somewhere"})
    with pytest.raises(CommandError, match=r"spec\.model\.source"):
        world.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(manifest))
