"""Gateway and router with their container's memory, and clients, engines and pods that want more of it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION
from tests.gateway.limited import MEMORY_BYTES
from tests.gateway.scripted import ScriptedEngine, answer, chunked, whole
from tests.gateway.wire import post, until
from tests.router.test_hostile_pod import SIZED, for_ever
from tests.router.wire import ScriptedPod
from tests.support.engine import REPOSITORY

OK = answer(whole("200 OK", COMPLETION))
POST = f"POST {CHAT_PATH} HTTP/1.1\r\nhost: x\r\n".encode()
MEGABYTE = 1 << 20
# What must never be exceeded: the limit that a container is killed at.
PEAK_BYTES = MEMORY_BYTES


class Limited:
    """A process with a memory limit, its attackers at 127.0.0.2 and an honest client at 127.0.0.3."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process, self._port = process, port
        self.sent = 0
        """Attacks whose bytes are all sent, or that were cut off."""

    async def connect(self, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port, local_addr=(host, 0))

    async def attack(self, *parts: bytes, repeat: int = 1, reads: bool = True) -> None:
        """Sends the parts and then the last one `repeat` times, as far as they are taken; then waits for an
        answer or the end. Cancel it to leave.
        """
        reader, writer = await self.connect("127.0.0.2")
        if not reads:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
        try:
            for part in (*parts, *[parts[-1]] * (repeat - 1)):
                writer.write(part)
                await writer.drain()
            self.sent += 1
            await (reader.read(1) if reads else asyncio.Event().wait())
        except ConnectionError:
            self.sent += 1
        finally:
            writer.transport.abort()

    async def served(self) -> bytes:
        """What another client gets."""
        reader, writer = await self.connect("127.0.0.3")
        writer.write(post(CHAT_PATH, json.dumps(CHAT).encode(), "connection: close"))
        async with asyncio.timeout(60):
            received = await reader.read()
        writer.close()
        return received

    def peak_bytes(self) -> int:
        """The most that the process has ever held."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024


@asynccontextmanager
async def limited(kind: str, where: str) -> AsyncIterator[Limited]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.gateway.limited", kind, where),
        cwd=REPOSITORY,
        env={"PYTHONPATH": "operator:serving-image:.", "PATH": ""},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Limited(process, int(await process.stdout.readline()))
    finally:
        # Not asked to end: one that has no memory left may not be able to.
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def fronts(kind: str, socket: Path, script: Any) -> AsyncIterator[Limited]:
    async with AsyncExitStack() as stack:
        if kind == "gateway":
            await stack.enter_async_context(ScriptedEngine(socket, script))
            yield await stack.enter_async_context(limited(kind, str(socket)))
        else:
            pod = await stack.enter_async_context(ScriptedPod(script))
            yield await stack.enter_async_context(limited(kind, str(pod.port)))


def large(text: str, size: int = 31 * MEGABYTE) -> bytes:
    body = json.dumps(CHAT | {"user": ""}, ensure_ascii=False)
    content = text * (size // len(text.encode()))
    return body.replace('"user": ""', f'"user": "{content}"').encode()


OBJECTS = b'{"messages": [' + b"{}," * 10 * MEGABYTE + b"{}]}"
NAME = large("x").replace(b'"tiny"', b'"' + b"y" * 20 * MEGABYTE + b'"')
UPLOAD = POST + b"content-length: 32000000\r\n\r\n"
CHUNKS = POST + b"transfer-encoding: chunked\r\n\r\n"
# name -> what is sent, how often its last part, on how many connections, and whether answers are read.
ATTACKS: dict[str, tuple[tuple[bytes, ...], int, int, bool]] = {
    "headers": ((POST, b"a: b\r\n" * 20_000), 100, 1, True),
    "one-header": ((POST + b"a: ", b"b" * MEGABYTE), 60, 1, True),
    "small-chunks": ((CHUNKS, chunked(b"ab") * 20_000), 100, 4, True),
    "objects": ((post(CHAT_PATH, OBJECTS),), 1, 4, True),
    "unfinished": ((UPLOAD, b"x" * MEGABYTE), 30, 20, True),
    "wide-texts": ((post(CHAT_PATH, large("\U0001f600")),), 1, 6, True),
    "pipelined": ((post(CHAT_PATH, b"[]") * 2000,), 50, 4, False),
    "model-name": ((post(CHAT_PATH, NAME),), 1, 1, True),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("kind", ["gateway", "router"])
async def test_a_client_cannot_exhaust_the_gateways_memory(kind: str, socket: Path, attack: str) -> None:
    parts, repeat, times, reads = ATTACKS[attack]
    async with fronts(kind, socket, OK) as front:
        async with asyncio.TaskGroup() as attackers:
            tasks = [
                attackers.create_task(front.attack(*parts, repeat=repeat, reads=reads)) for _ in range(times)
            ]
            await until(lambda: front.sent == times or attack == "pipelined")
            during = await front.served()
            for task in tasks:
                task.cancel()
        after = await front.served()
        peak = front.peak_bytes()

    assert during.startswith(b"HTTP/1.1 200")
    assert after.startswith(b"HTTP/1.1 200")
    assert peak < PEAK_BYTES


@pytest.mark.parametrize(
    "script",
    [
        for_ever(SIZED % b"503 Service Unavailable", b"x" * MEGABYTE),
        for_ever(SIZED % b"200 OK", b"x" * MEGABYTE),
        for_ever(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n" * 10_000),
        for_ever(b"HTTP/1.1 200 OK\r\na: ", b"b" * MEGABYTE),
    ],
    ids=["error", "answer", "headers", "one-header"],
)
@pytest.mark.parametrize("kind", ["gateway", "router"])
async def test_an_engine_or_a_pod_cannot_exhaust_the_memory(kind: str, socket: Path, script: Any) -> None:
    request = post(CHAT_PATH, json.dumps(CHAT).encode())
    async with fronts(kind, socket, script) as front:
        async with asyncio.TaskGroup() as clients:
            tasks = [clients.create_task(front.attack(request)) for _ in range(4)]
            await until(lambda: all(task.done() for task in tasks))
        peak = front.peak_bytes()

    assert peak < PEAK_BYTES
