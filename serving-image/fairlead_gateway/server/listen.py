"""One of several servers in a process, each on a port of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

# Longer than clients keep theirs, so that none is closed just when it is used again (nginx's default).
KEEPALIVE_SECONDS = 75


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
            log_level=log_level,
            timeout_keep_alive=KEEPALIVE_SECONDS,
            timeout_graceful_shutdown=drain_seconds,
        )
    )
