"""The addresses on which gateway and router listen: all of the pod's, of both families."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from fairlead_gateway.router.settings import RouterSettings
from fairlead_gateway.server.listen import ALL_ADDRESSES, open_sockets
from fairlead_gateway.settings import ProcessSettings
from tests.clients.failing_engine import FailingEngine
from tests.gateway.process import GatewayProcess, free_port, get_status
from tests.support.addresses import needs_ipv6

LOOPBACK = ("127.0.0.1", pytest.param("::1", marks=needs_ipv6))


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    """A gateway that listens where it does by itself, before an engine that says "ab"."""
    engine = FailingEngine()
    try:
        with GatewayProcess(engine, host=ALL_ADDRESSES) as running:
            yield running
    finally:
        engine.stop()


@pytest.mark.parametrize("host", LOOPBACK)
def test_both_ports_of_a_gateway_answer_clients_of_both_families(gateway: GatewayProcess, host: str) -> None:
    assert get_status(host, gateway.api_port, "/v1/models") == 200
    assert get_status(host, gateway.admin_port, "/healthz") == 200


def test_gateway_and_router_listen_on_all_addresses_by_default() -> None:
    assert ProcessSettings().host == ALL_ADDRESSES
    assert RouterSettings().host == ALL_ADDRESSES


@needs_ipv6
def test_peers_of_ipv4_connections_have_ipv4_addresses() -> None:
    with ExitStack() as stack:
        opened = [stack.enter_context(made) for made in open_sockets(ALL_ADDRESSES, free_port())]
        by_family = {made.family: made for made in opened}
        ipv4 = by_family[socket.AF_INET]
        ipv4.listen()
        client = stack.enter_context(socket.create_connection(("127.0.0.1", ipv4.getsockname()[1])))
        accepted, peer = ipv4.accept()
        accepted.close()

        assert peer[0] == "127.0.0.1" == client.getsockname()[0]
        assert by_family[socket.AF_INET6].getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


@pytest.mark.parametrize("refused", [errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EADDRNOTAVAIL])
@pytest.mark.parametrize(
    ("missing", "left"),
    [
        (socket.AF_INET6, socket.AF_INET),
        pytest.param(socket.AF_INET, socket.AF_INET6, marks=needs_ipv6),
    ],
)
def test_an_address_family_without_kernel_support_is_left_out(
    monkeypatch: pytest.MonkeyPatch, refused: int, missing: int, left: int
) -> None:
    port = free_port()
    _lose_family(monkeypatch, missing, refused)
    opened = open_sockets(ALL_ADDRESSES, port)
    families = [made.family for made in opened]
    for made in opened:
        made.close()

    assert families == [left]


def test_a_port_in_use_is_an_error_and_not_a_missing_address_family() -> None:
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))
        holder.listen()
        with pytest.raises(OSError, match="Address already in use"):
            open_sockets(ALL_ADDRESSES, holder.getsockname()[1])


def test_without_any_address_family_the_error_is_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    _lose_family(monkeypatch, socket.AF_INET, errno.EAFNOSUPPORT)
    _lose_family(monkeypatch, socket.AF_INET6, errno.EAFNOSUPPORT)
    with pytest.raises(OSError, match="no such family"):
        open_sockets(ALL_ADDRESSES, port)


def _lose_family(monkeypatch: pytest.MonkeyPatch, missing: int, refused: int) -> None:
    """As with the kernel's parameter `ipv6.disable=1`, which only a boot can set."""
    real = socket.socket

    def open_socket(family: int, *rest: Any) -> Any:
        if family == missing:
            raise OSError(refused, "no such family")
        return real(family, *rest)

    monkeypatch.setattr(socket, "socket", open_socket)
