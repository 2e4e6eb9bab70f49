"""Gateway and router as one fixture: both use the same HTTP layer, so its tests run in front of both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.bodies import CHAT, COMPLETION
from tests.gateway.scripted import ScriptedEngine, answer, whole
from tests.gateway.wire import Front, running_gateway
from tests.router.wire import ScriptedPod, running_router

BODY = json.dumps(CHAT).encode()
OK = answer(whole("200 OK", COMPLETION))
both = pytest.mark.parametrize("kind", ["gateway", "router"])


@asynccontextmanager
async def fronts(kind: str, socket: Path, script: Any = OK) -> AsyncIterator[tuple[Front, ScriptedEngine]]:
    """A gateway in front of an engine, or a router in front of a pod, that runs the script."""
    async with AsyncExitStack() as stack:
        if kind == "gateway":
            engine = await stack.enter_async_context(ScriptedEngine(socket, script))
            yield await stack.enter_async_context(running_gateway(socket)), engine
        else:
            pod = await stack.enter_async_context(ScriptedPod(script))
            router = await stack.enter_async_context(running_router())
            router.ready(pod.port)
            yield router, pod


def status_of(received: bytes) -> int:
    return int(received.split(b" ", 2)[1])


def code_of(received: bytes) -> str:
    return str(json.loads(received.rpartition(b"\r\n\r\n")[2])["error"]["code"])


async def exchange(front: Front, *parts: bytes) -> bytes:
    """Everything that comes back for these bytes, also if the other side stops reading them."""
    reader, writer = await front.connect()
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
    except ConnectionError:
        pass
    received = b""
    async with asyncio.timeout(60):
        try:
            while data := await reader.read(1 << 16):
                received += data
        except ConnectionError:
            pass
    writer.close()
    return received
