"""`fairlead validate --cluster` before a real API server: names that other models have."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import yaml

from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.resources import MODEL_DEPLOYMENT
from tests.cli.conftest import Run, Write
from tests.kube.support import ControlPlane, manifest

pytestmark = pytest.mark.apiserver

Validate = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def validate(
    fairlead: Run,
    write: Write,
    control_plane: ControlPlane,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Validate:
    """Runs `fairlead validate --cluster` on these documents in the test's namespace, the only one that an
    operator watches.
    """
    monkeypatch.setenv("FAIRLEAD_GATEWAY_IMAGE", "gateway:1")
    monkeypatch.setenv("FAIRLEAD_ENGINE_IMAGE", "vllm:1")
    monkeypatch.setenv("FAIRLEAD_WATCH_NAMESPACES", namespace)

    async def run(*documents: object) -> tuple[int, str, str]:
        options = ("--cluster", "--kubeconfig", str(control_plane.kubeconfig), "-n", namespace)
        file = write("---\n".join(yaml.safe_dump(document, sort_keys=False) for document in documents))
        return await asyncio.to_thread(fairlead, "validate", *options, "-f", file)

    return run


async def test_a_served_name_of_another_model_is_reported_with_line_and_holder(
    validate: Validate, kube: KubeClient, namespace: str
) -> None:
    names = {"source": "pvc://m", "servedName": "big", "aliases": ["chat", "free"]}
    await kube.create(MODEL_DEPLOYMENT, namespace, manifest("first", model={**names, "aliases": ["chat"]}))
    code, out, _ = await validate(manifest("second", model=names))
    assert code == 1
    holder = f"ModelDeployment {namespace}/first"
    assert [
        line.partition(". ")[0].partition(" (ModelDeployment second): ")[::2] for line in out.splitlines()
    ] == [
        (
            "model.yaml:8: document 1",
            f"spec.model.servedName: ServedNameTaken: big is a name of {holder}",
        ),
        (
            "model.yaml:10: document 1",
            f"spec.model.aliases[0]: ServedNameTaken: chat is a name of {holder}",
        ),
    ]


async def test_the_holder_of_a_served_name_may_be_applied_again(
    validate: Validate, kube: KubeClient, namespace: str
) -> None:
    body = manifest("first", model={"source": "pvc://m", "aliases": ["chat"]})
    await kube.create(MODEL_DEPLOYMENT, namespace, body)
    await kube.create(
        MODEL_DEPLOYMENT, namespace, manifest("second", model={"source": "pvc://m", "aliases": ["chat"]})
    )
    code, out, _ = await validate(body)
    assert (code, out.endswith(": valid\n")) == (0, True)
    stored = await kube.get(MODEL_DEPLOYMENT, namespace, "first")
    assert stored["status"]["observedGeneration"] == 0


async def test_of_two_models_with_one_served_name_in_a_file_the_second_is_refused(
    validate: Validate, namespace: str
) -> None:
    code, out, _ = await validate(
        manifest("one", model={"source": "pvc://m", "servedName": "chat"}), manifest("chat")
    )
    assert code == 1
    first, second = out.splitlines()
    assert first.endswith("valid")
    assert f"metadata.name: ServedNameTaken: chat is a name of ModelDeployment {namespace}/one" in second


async def test_validation_against_a_cluster_also_reports_schema_errors(validate: Validate) -> None:
    code, out, _ = await validate(manifest("one", replica=2), manifest("two"))
    assert code == 1
    assert "did you mean replicas?" in out
    assert out.splitlines()[-1].endswith("valid")


async def test_an_unreachable_cluster_gives_exit_code_2(fairlead: Run, write: Write, tmp_path: Path) -> None:
    file = write(yaml.safe_dump(manifest()))
    code, out, err = await asyncio.to_thread(
        fairlead, "validate", "--cluster", "-f", file, "--kubeconfig", str(tmp_path / "none")
    )
    assert (code, out) == (2, "")
    assert err.startswith("fairlead validate: no way to a cluster: ")
    assert err.count("\n") == 1
