"""Every request parameter has its effect on the image that ships: the table of checks, through a pod.

`tests/effects` runs the same checks against a vLLM in a virtual environment, for every dialect. Here they run
against the engine's image, which has neither a compiler nor that environment's other packages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.cases.portforward import PortForward
from e2e.cases.support import NAMESPACE, engine, model, owned, wait_ready
from e2e.world import World
from fairlead_contract.dialects import DIALECTS
from fairlead_contract.parameters import ApiKind
from tests.effects.checks import CHECKS
from tests.effects.endpoint import Endpoint
from tests.effects.gateways import Gateway, Site
from tests.gateway.process import request

pytestmark = pytest.mark.cluster

NAME = "parameters"
API_PORT, ADMIN_PORT = 8000, 8001
DIALECT = DIALECTS["OpenAI"]
SITE = Site(DIALECT.name)
# A random model would fill the room that a schema leaves for whitespace until its tokens are used up.
FORMS = {"backend": "xgrammar", "disable_any_whitespace": True}
# As on OpenShift: a number that no image knows, in group 0.
UNKNOWN_USER = {"runAsUser": 1000660000, "runAsGroup": 0, "fsGroup": 1000660000}
# These compare with a second engine or gateway that is set up differently.
NEED_ANOTHER_DEPLOYMENT = {
    "chat: chat_template",
    "chat: priority",
    "chat: reasoning_content",
    "chat: guided_decoding_backend",
    "chat: include_reasoning",
    "responses: guided_decoding_backend",
    "responses: reasoning",
}


class OtherSiteError(Exception):
    """A check needs a gateway or an engine that this model is not."""


class PodGateway:
    """The gateway in a model's pod."""

    def __init__(self, world: World, pod: str) -> None:
        self._world, self._pod = world, pod
        self._ports = PortForward(world, pod, API_PORT, ADMIN_PORT, namespace=NAMESPACE)

    @property
    def api_port(self) -> int:
        """The port on 127.0.0.1 that leads to its API."""
        return self._ports.local(API_PORT)

    @property
    def output(self) -> str:
        """Its log."""
        return self._world.kubectl("logs", "-n", NAMESPACE, self._pod, "-c", "gateway")

    def admin(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        """Status and body of a request to its admin port."""
        return request(self._ports.local(ADMIN_PORT), path, method)

    def stop(self) -> None:
        """Closes the way to it."""
        self._ports.stop()


class OneSite:
    """A single gateway, which stands for SITE."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.remembered: dict[object, Any] = {}

    def get(self, site: Site) -> Gateway:
        """The gateway. Raises OtherSiteError for any other than SITE."""
        if site != SITE:
            raise OtherSiteError
        return self._gateway


@pytest.fixture(scope="module")
def sites(world: World) -> Iterator[OneSite]:
    """The gateway of a model that is Ready and is set up as the engine of `tests/effects` is."""
    deployment = model(
        NAME,
        engine={
            **engine(f"--structured-outputs-config={json.dumps(FORMS)}"),
            "toolCallParser": "hermes",
            "structuredOutputsBackend": "XGrammar",
        },
    )
    deployment["spec"]["podTemplate"] = {"spec": {"securityContext": UNKNOWN_USER}}
    deployment["spec"]["model"] |= {"servedName": "tiny", "aliases": ["small"]}
    world.apply(deployment, namespace=NAMESPACE)
    try:
        wait_ready(world, NAME)
        gateway = PodGateway(world, owned(world, "pods", NAME)[0]["metadata"]["name"])
        yield OneSite(gateway)
        gateway.stop()
    finally:
        world.kubectl("delete", "-n", NAMESPACE, "modeldeployment", NAME, "--ignore-not-found")


def restarts(world: World) -> list[int]:
    """How often each container of the model's pods was started again."""
    return [
        status["restartCount"]
        for pod in owned(world, "pods", NAME)
        for kind in ("initContainerStatuses", "containerStatuses")
        for status in pod["status"][kind]
    ]


def outcome(sites: OneSite, api: ApiKind, name: str) -> str:
    """`ok`, `other deployment`, or what is wrong with the parameter's effect."""
    try:
        CHECKS[api, name](Endpoint(sites, SITE, DIALECT, api))
    except OtherSiteError:
        return "other deployment"
    except Exception as error:  # One that fails must not hide the others.
        return f"{type(error).__name__}: {error}"
    return "ok"


def test_every_parameter_has_its_effect_and_none_crashes_the_engine(sites: OneSite, world: World) -> None:
    outcomes = {f"{api}: {name}": outcome(sites, api, name) for api, name in sorted(CHECKS)}

    assert {name: found for name, found in outcomes.items() if found not in ("ok", "other deployment")} == {}
    elsewhere = {name for name, found in outcomes.items() if found == "other deployment"}
    assert elsewhere == NEED_ANOTHER_DEPLOYMENT
    assert set(restarts(world)) == {0}
