"""An engine that misbehaves on demand: it answers canned bytes on a Unix socket.

Used only where a real vLLM cannot be made to fail at a chosen byte.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNK = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"tiny",'
    b'"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
)

Script = Callable[["ScriptedEngine", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def chunked(data: bytes) -> bytes:
    """One chunk of HTTP's chunked transfer encoding."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def whole(status: str, body: bytes) -> bytes:
    """A whole JSON answer."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class ScriptedEngine:
    """Serves each connection with the next script; the last one repeats."""

    def __init__(self, socket: Path, *scripts: Script) -> None:
        self._socket, self._scripts = socket, list(scripts)
        self.requests: list[bytes] = []
        self.connections = 0

    async def __aenter__(self) -> ScriptedEngine:
        self._server = await asyncio.start_unix_server(self._serve, self._socket)
        return self

    async def __aexit__(self, *details: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def read_request(self, reader: asyncio.StreamReader) -> None:
        """Reads one request and keeps its body."""
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
        length = int(lengths[0].split(b":")[1]) if lengths else 0
        self.requests.append(await reader.readexactly(length))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        try:
            await script(self, reader, writer)
        finally:
            writer.close()


def answer(*parts: bytes) -> Script:
    """Reads a request, answers these bytes and closes the connection."""

    async def script(
        engine: ScriptedEngine, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await engine.read_request(reader)
        writer.write(b"".join(parts))
        await writer.drain()

    return script


async def hang(engine: ScriptedEngine, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes a request and says nothing until the gateway closes the connection."""
    await engine.read_request(reader)
    await reader.read()


def streams(*parts: bytes) -> Script:
    """Sends these parts of a stream, then says nothing until the gateway closes the connection."""

    async def script(
        engine: ScriptedEngine, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await engine.read_request(reader)
        writer.write(HEAD + b"".join(map(chunked, parts)))
        await reader.read()

    return script
