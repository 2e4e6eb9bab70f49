"""`python -m tests.gateway.limited gateway|router`: one of the two with the memory of its container.

A gateway is in front of an engine at the Unix socket that is given, a router in front of a pod at a port. It
prints the port of its API, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

import uvloop

from tests.gateway.wire import running_gateway
from tests.router.wire import running_router

# The memory limit of both containers. What is mapped but not written counts here too, so this is stricter.
MEMORY_BYTES = 1 << 30


async def _ended() -> None:
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def _gateway(socket: str) -> None:
    async with running_gateway(Path(socket)) as gateway:
        print(gateway.port, flush=True)
        await _ended()


async def _router(port: str) -> None:
    async with running_router() as router:
        router.ready(int(port))
        print(router.port, flush=True)
        await _ended()


def main() -> None:
    """Command line."""
    kind, where = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    uvloop.run({"gateway": _gateway, "router": _router}[kind](where))


if __name__ == "__main__":
    main()
