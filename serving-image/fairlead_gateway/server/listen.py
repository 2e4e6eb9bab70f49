"""One of several servers in a process, each on a port of its own."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from fairlead_gateway.bounds import MAX_ADMIN_CONNECTIONS, MAX_HANDSHAKES

from .tls import TlsAcceptor

# Longer than clients keep theirs, so that none is closed while it is used again (nginx's default).
KEEPALIVE_SECONDS = 75
# The host for all addresses of the pod, of both families.
ALL_ADDRESSES = ""
# Errors of socket calls where the kernel, or this network namespace, lacks a family.
_FAMILY_MISSING = frozenset({errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EADDRNOTAVAIL})


# Descriptors that are kept for the admin port, files and the API server when clients hold all others.
_RESERVED_DESCRIPTORS = MAX_ADMIN_CONNECTIONS + MAX_HANDSHAKES + 128


def connection_limit(requested: int) -> int:
    """How many connections to the API port the process can serve, at most `wanted`.

    Raises the process's own limit of descriptors as far as it may. Each client may need a second connection,
    to the engine or to a pod. Beyond the limit of descriptors no port would accept a connection, so the
    kubelet's probes would fail.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * requested + _RESERVED_DESCRIPTORS
    most = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    if soft == resource.RLIM_INFINITY:
        return requested
    return max(1, min(requested, (soft - _RESERVED_DESCRIPTORS) // 2))


def open_sockets(host: str, port: int) -> list[socket.socket]:
    """Bound TCP sockets for `host`: one for an address, one for each family for ALL_ADDRESSES.

    Two sockets instead of one that takes both families: `bindv6only` does not matter, and the peers of IPv4
    connections are IPv4 addresses. A family that the kernel does not have is left out; with
    `ipv6.disable=1` only IPv4 remains. Raises OSError if the port cannot be bound.
    """
    if host != ALL_ADDRESSES:
        return [_bound(socket.AF_INET6 if ":" in host else socket.AF_INET, host, port)]
    opened: list[socket.socket] = []
    missing: list[OSError] = []
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104
        try:
            opened.append(_bound(family, address, port))
        except OSError as error:
            if error.errno in _FAMILY_MISSING:
                missing.append(error)
                continue
            for other in opened:
                other.close()
            raise
    if not opened:
        raise missing[0]
    return opened


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
    except BaseException:
        made.close()
        raise
    return made


class _Server(uvicorn.Server):
    """A uvicorn server for ALL_ADDRESSES too. Signals belong to the process, so no server may handle them.

    `tls` is a second port, of connections with TLS: the same server, so that one stop ends both.
    """

    tls: tuple[int, ssl.SSLContext] | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serves until `should_exit`. Ends the process with a message if the port cannot be bound."""
        await super().serve(sockets or self._open(self.config.port))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to accept connections."""
        await super().startup(sockets)
        if self.tls is None:
            return
        port, context = self.tls
        acceptors = [TlsAcceptor(opened, context, self._make_protocol) for opened in self._open(port)]
        self.servers.extend(cast(list[Any], acceptors))

    def _make_protocol(self) -> asyncio.Protocol:
        """As uvicorn does it for connections without TLS."""
        make = cast(Any, self.config.http_protocol_class)
        made: asyncio.Protocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    def _open(self, port: int) -> list[socket.socket]:
        host = self.config.host
        try:
            return open_sockets(host, port)
        except OSError as error:
            raise SystemExit(f"fairlead gateway: cannot listen on port {port} of {host!r}: {error}") from None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listener(
    app: ASGIApp,
    http: type[asyncio.Protocol],
    host: str,
    port: int,
    log_level: str,
    drain_seconds: int = 1,
    tls: tuple[int, ssl.SSLContext] | None = None,
) -> uvicorn.Server:
    """A server that lets running requests finish within `drain_seconds` before it exits.

    `tls` is a second port, with TLS.
    """
    server = _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=http,
            ws="none",
            loop="none",
            lifespan="off",
            access_log=False,
            server_header=False,
            # Decisions by address (`POST /drain`, shares) need the real peer, not a header's value.
            proxy_headers=False,
            log_level=log_level,
            # uvicorn's loggers have no handlers of their own: their records are formatted as all others.
            log_config=None,
            timeout_keep_alive=KEEPALIVE_SECONDS,
            timeout_graceful_shutdown=drain_seconds,
        )
    )
    server.tls = tls
    return server
