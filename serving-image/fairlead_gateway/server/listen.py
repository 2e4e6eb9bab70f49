"""One of several servers in a process, each on a port of its own."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from fairlead_gateway.bounds import MAX_ADMIN_CONNECTIONS

# Longer than clients keep theirs, so that none is closed just when it is used again (nginx's default).
KEEPALIVE_SECONDS = 75


# Descriptors that are kept for the admin port, files and the API server when clients hold all others.
_RESERVED_DESCRIPTORS = MAX_ADMIN_CONNECTIONS + 128


def connection_limit(wanted: int) -> int:
    """How many connections to the API port the process can serve, at most `wanted`.

    Raises the process's own limit of descriptors as far as it may. Each client may need a second connection,
    to the engine or to a pod. Beyond the limit of descriptors no port would accept a connection, so the
    kubelet's probes would fail.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * wanted + _RESERVED_DESCRIPTORS
    most = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, (soft - _RESERVED_DESCRIPTORS) // 2))


class _Server(uvicorn.Server):
    """Signals are for the process, so no server may take them for itself."""

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
) -> uvicorn.Server:
    """A server that, once told to exit, lets running requests finish within `drain_seconds`."""
    return _Server(
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
            # Decisions by address (`POST /drain`, shares) need the real peer, not what a header says.
            proxy_headers=False,
            log_level=log_level,
            timeout_keep_alive=KEEPALIVE_SECONDS,
            timeout_graceful_shutdown=drain_seconds,
        )
    )
