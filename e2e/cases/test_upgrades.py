"""From the previous version to this one, back again, and to a release of another name, while a model serves.

One model, which the previous version made, and one stream go through all of it: the cases build on each other
and run in this order. No pod is replaced and no request is lost at any step.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from e2e.cases.held_stream import WHOLE, held_stream
from e2e.cases.load import assert_nothing_lost, load
from e2e.cases.sdk import Client, Script
from e2e.cases.support import NAMESPACE, engine, model, owned, staying_pods, wait_ready
from e2e.world import (
    RELEASE_NAMESPACE,
    CommandError,
    Object,
    World,
    load_images,
    parse_shell_lines,
    run,
    wait_until,
)

pytestmark = pytest.mark.cluster

NAME = "lasting"
CHART = "charts/fairlead"
FIRST, SECOND = "fairlead", "fairlead-two"
CRD = "modeldeployments.fairlead.dev"


@dataclass(frozen=True)
class Lasting:
    """The model's pods as the previous version made them, by UID, and the stream that one of them serves."""

    pods: list[str]
    stream: Script


@pytest.fixture(scope="module")
def lasting(world: World, client: Client) -> Iterator[Lasting]:
    """A model that the previous version made, in its own release, with a stream that has begun."""
    chart, previous = _previous(world)
    helm(world, "uninstall", FIRST, "--wait")
    helm(world, "install", FIRST, chart, *previous.chart_values(), "--wait")
    world.apply(model(NAME, engine=_engine()), namespace=NAMESPACE)
    try:
        wait_ready(world, NAME)
        stream = held_stream(client, NAME)
        yield Lasting(uids(world), stream)
        stream.stop()
    finally:
        world.kubectl("delete", "-n", NAMESPACE, CRD, NAME)
        wait_until("no pod of the model", lambda: not owned(world, "pods", NAME), timeout=180)
        for release in (FIRST, SECOND):
            helm(world, "uninstall", release, "--ignore-not-found", "--wait")
        # As the documentation says for a Helm without --take-ownership.
        owner = f"meta.helm.sh/release-name={FIRST}"
        world.kubectl("annotate", "crd", CRD, owner, "--overwrite")
        world.install_chart()


def _engine() -> Object:
    """spec.engine for launchers that leave torch's compiler on, which the engine's image does not have."""
    settings = engine()
    settings["env"].append({"name": "TORCHDYNAMO_DISABLE", "value": "1"})
    return settings


def _previous(world: World) -> tuple[str, World]:
    """The chart of the previous version, and this world with its images. The engine is the same."""
    built = parse_shell_lines(run([sys.executable, "-m", "e2e.cluster", "previous"], env={}, quiet=False))
    images = [built["FAIRLEAD_OPERATOR_IMAGE"], built["FAIRLEAD_GATEWAY_IMAGE"]]
    operator, gateway = load_images(world.cluster, *images)
    return built["FAIRLEAD_CHART"], replace(world, operator_image=operator, gateway_image=gateway)


def helm(world: World, *args: str) -> str:
    """What helm prints for the namespace of the releases. Raises CommandError."""
    return run(["helm", *args, "--namespace", RELEASE_NAMESPACE], env=world.env)


def uids(world: World) -> list[str]:
    """The UIDs of the model's pods that are not on their way out."""
    return [pod["metadata"]["uid"] for pod in staying_pods(world, NAME)]


def router(release: str) -> str:
    return f"{release}-router.{RELEASE_NAMESPACE}"


@contextmanager
def nothing_lost(client: Client, *addresses: str) -> Iterator[None]:
    """Requests go to these addresses while the body runs, and to the model's Service; all are answered."""
    with ExitStack() as stack:
        outcomes = [stack.enter_context(load(client, NAME, address=address)) for address in ("", *addresses)]
        yield
    assert_nothing_lost(*outcomes)


def set_default(world: World, tokens: int) -> None:
    """Has answers without max_tokens end after so many tokens: only the gateway's settings change."""
    body = json.dumps({"spec": {"api": {"defaults": {"max_tokens": tokens}}}})
    world.kubectl("patch", "-n", NAMESPACE, CRD, NAME, "--type=merge", "-p", body)


def wait_default(client: Client, tokens: int) -> None:
    """Waits until the gateway goes by it, which the operator and the gateway of the pod must agree on."""
    script = """
        answer = client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "hello"}], extra_body={"ignore_eos": True})
        print(json.dumps(answer.usage.completion_tokens))
        """
    # A cluster that is not ours may renew mounted ConfigMaps every minute only.
    wait_until("the default to be in effect", lambda: client.run(NAME, script) == tokens, timeout=300)


def test_an_upgrade_replaces_no_pod_and_loses_no_request(
    lasting: Lasting, world: World, client: Client
) -> None:
    before = operators(world)
    # All routers are replaced while this one is open.
    through_router = held_stream(client, NAME, address=router(FIRST))
    with nothing_lost(client, router(FIRST)):
        helm(world, "upgrade", FIRST, CHART, "--reset-then-reuse-values", *world.chart_values(), "--wait")
        set_default(world, 7)
        wait_default(client, 7)
    through_router.stop()
    assert through_router.result() == WHOLE
    assert operators(world) != before
    assert uids(world) == lasting.pods


def test_a_rollback_replaces_no_pod_and_loses_no_request(
    lasting: Lasting, world: World, client: Client
) -> None:
    with nothing_lost(client, router(FIRST)):
        helm(world, "rollback", FIRST, "--wait")
        set_default(world, 8)
        wait_default(client, 8)
    assert uids(world) == lasting.pods


def test_models_serve_on_without_a_release(lasting: Lasting, world: World, client: Client) -> None:
    with nothing_lost(client):
        helm(world, "uninstall", FIRST, "--wait")
        wait_default(client, 8)
    assert uids(world) == lasting.pods


def test_a_release_of_another_name_adopts_the_definition_and_the_models(
    lasting: Lasting, world: World, client: Client
) -> None:
    install = ("install", SECOND, CHART, *world.chart_values())
    with nothing_lost(client):
        with pytest.raises(CommandError, match="invalid ownership metadata"):
            helm(world, *install)
        helm(world, *install, "--take-ownership", "--wait")
    with nothing_lost(client, router(SECOND)):
        set_default(world, 9)
        wait_default(client, 9)
    assert uids(world) == lasting.pods


def test_a_stream_that_began_before_all_of_it_is_whole(lasting: Lasting) -> None:
    assert lasting.stream.running(), "the stream was over before: it proves nothing"
    lasting.stream.stop()
    assert lasting.stream.result() == WHOLE


def operators(world: World) -> set[Any]:
    """The images of the operators' pods."""
    listed: list[Object] = world.get(
        "pods", "-n", RELEASE_NAMESPACE, "-l", "app.kubernetes.io/component=operator"
    )["items"]
    return {pod["spec"]["containers"][0]["image"] for pod in listed}
