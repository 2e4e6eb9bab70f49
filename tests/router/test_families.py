"""IPv6 and dual stack: where the router listens, and which of a pod's addresses it uses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fairlead_gateway.router.settings import RouterSettings
from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION
from tests.gateway.process import get_status, wait_for
from tests.gateway.scripted import answer, whole
from tests.router.objects import Object, endpoint, endpoint_slice
from tests.router.process import RouterProcess
from tests.router.wire import ScriptedPod, running_router
from tests.support.addresses import needs_ipv6

OK = answer(whole("200 OK", COMPLETION))


@pytest.fixture(scope="module")
def router() -> Iterator[RouterProcess]:
    """A router that listens where it does by itself. Its API server is not there."""
    with RouterProcess.alone() as running:
        wait_for(lambda: running.admin("/healthz")[0] == 200)
        yield running


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def test_both_ports_of_a_router_answer_clients_of_both_families(router: RouterProcess, host: str) -> None:
    assert get_status(host, router.api_port, "/nowhere") == 404
    assert get_status(host, router.admin_port, "/healthz") == 200


@needs_ipv6
async def test_a_request_reaches_a_pod_that_has_an_ipv6_address() -> None:
    async with ScriptedPod(OK, host="::1") as pod, running_router() as router:
        router.services.model_registry.replace_slices(
            set(), {"team/v6": endpoint_slice(endpoint("::1", "pod-0"), port=pod.port, family="IPv6")}
        )
        result = await router.call("POST", CHAT_PATH, CHAT)

    assert (result.status, result.body) == (200, COMPLETION)


def of_both_families(*, ipv4_ready: bool = True) -> dict[str, Object]:
    """The slices of a dual-stack Service with two pods."""
    return {
        "team/v4": endpoint_slice(
            endpoint("10.0.0.7", "pod-0", ready=ipv4_ready), endpoint("10.0.0.8", "pod-1", ready=ipv4_ready)
        ),
        "team/v6": endpoint_slice(endpoint("fd00::7", "pod-0"), endpoint("fd00::8", "pod-1"), family="IPv6"),
    }


async def test_a_pod_with_addresses_of_both_families_counts_as_one_pod() -> None:
    async with running_router() as router:
        router.services.model_registry.replace_slices(set(), of_both_families())
        pods = sorted(router.dispatcher.pods)

    assert [(address.pod, address.host) for address in pods] == [("pod-0", "10.0.0.7"), ("pod-1", "10.0.0.8")]


async def test_a_pod_is_reached_by_its_other_family_when_one_is_removed() -> None:
    async with running_router() as router:
        model_registry = router.services.model_registry
        model_registry.replace_slices(set(), of_both_families())
        model_registry.replace_slices({"team/v4"}, of_both_families(ipv4_ready=False))
        pods = sorted(router.dispatcher.pods)

    assert [address.host for address in pods] == ["fd00::7", "fd00::8"]


def test_the_url_of_an_api_server_with_an_ipv6_address_has_brackets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT_HTTPS", "443")

    assert RouterSettings().api_server == "https://[fd00::1]:443"
