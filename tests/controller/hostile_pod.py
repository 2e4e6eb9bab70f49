"""Pods whose gateway was replaced: admin ports that answer as no gateway would, each on an address of the
loopback network.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.support.control_plane import free_port

Object = dict[str, Any]

DEMAND: Object = {
    "boot": "g",
    "queued": 0,
    "inFlight": 1,
    "completions": 5,
    "direct": {"arrivals": 3, "completions": 2},
    "lastCompletionAt": None,
    "engine": None,
}
_BLOCK = b"x" * 65536
# 64 MiB of blanks, which JSON allows before a value: 64 kB on the wire.
_BOMB = gzip.compress(b" " * (64 << 20) + json.dumps(DEMAND).encode())


class Wire:
    """What a pod writes to; `sent` are the bytes that it got rid of."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.sent = 0

    async def write(self, data: bytes) -> None:
        """Sends, as fast as the other side takes it."""
        self._writer.write(data)
        await self._writer.drain()
        self.sent += len(data)


Behaviour = Callable[[Wire], Awaitable[None]]


class HostilePod:
    """One admin port. `hits` are the requests that came, `wires` what was answered."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._connections: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}
        self.hits: list[str] = []
        self.wires: list[Wire] = []

    @property
    def open(self) -> int:
        """Connections that are open now."""
        return len(self._connections)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one connection, until the caller ends it."""
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.hits.append(head.split(b"\r\n")[0].decode())
            self.wires.append(Wire(writer))
            answering = asyncio.ensure_future(self._behaviour(self.wires[-1]))
            gone = asyncio.create_task(reader.read())
            await asyncio.wait([answering, gone], return_when=asyncio.FIRST_COMPLETED)
            for each in (answering, gone):
                each.cancel()
            await asyncio.gather(answering, gone, return_exceptions=True)
        writer.transport.abort() if self._is_stuck(writer) else writer.close()
        del self._connections[task]

    async def close(self) -> None:
        """Ends all connections."""
        tasks = list(self._connections)
        for writer in self._connections.values():
            writer.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)

    @staticmethod
    def _is_stuck(writer: asyncio.StreamWriter) -> bool:
        return writer.transport.get_write_buffer_size() > len(_BLOCK)


@asynccontextmanager
async def running_pods(
    behaviours: Mapping[str, Behaviour],
) -> AsyncIterator[tuple[int, dict[str, HostilePod]]]:
    """Listens on one port of every address; the port, and the pods by address."""
    pods = {address: HostilePod(behaviour) for address, behaviour in behaviours.items()}
    port, servers = await _listen(pods)
    try:
        yield port, pods
    finally:
        for server in servers:
            server.close()
        for pod in pods.values():
            await pod.close()


async def _listen(pods: Mapping[str, HostilePod]) -> tuple[int, list[asyncio.Server]]:
    """A port that is free on all addresses, not only on the first one."""
    for _ in range(20):
        port, servers = free_port(), []
        try:
            for address, pod in pods.items():
                servers.append(await asyncio.start_server(pod.serve, address, port))
        except OSError:
            for server in servers:
                server.close()
        else:
            return port, servers
    raise OSError("no port is free on all addresses")


def pod_at(address: str, name: str = "", namespace: str = "demo") -> Object:
    """A pod as the API server has it, as far as it is asked by it."""
    name = name or f"pod-{address}"
    metadata = {"name": name, "namespace": namespace, "uid": f"{namespace}/{name}"}
    return {"metadata": metadata, "status": {"podIP": address}}


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole response."""
    lines = [f"HTTP/1.1 {status}", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def says(document: Any, status: str = "200 OK") -> Behaviour:
    """Answers with this JSON value."""
    return sends(response(json.dumps(document).encode(), status=status))


def demands(**changes: Any) -> Behaviour:
    """Answers as a gateway does, but for these values."""
    return says({**DEMAND, **changes})


def sends(*parts: bytes) -> Behaviour:
    """Answers with these bytes and ends the connection."""

    async def behave(wire: Wire) -> None:
        await wire.write(b"".join(parts))

    return behave


def sends_for_ever(begin: bytes, part: bytes, pause: float = 0.0) -> Behaviour:
    """Begins so, and goes on with the same part until the connection is cut."""

    async def behave(wire: Wire) -> None:
        await wire.write(begin)
        while True:
            await wire.write(part)
            await asyncio.sleep(pause)

    return behave


async def is_silent(wire: Wire) -> None:
    """Takes the request and answers nothing."""
    await asyncio.Event().wait()


def redirects(status: str, port: Callable[[], int], target: str) -> Behaviour:
    """Sends the caller to another pod's drain."""

    async def behave(wire: Wire) -> None:
        location = f"location: http://{target}:{port()}/drain"
        await wire.write(response(json.dumps(DEMAND).encode(), location, status=status))

    return behave


_OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
_CHUNKED = _OK + b"transfer-encoding: chunked\r\n\r\n"
_JSON = json.dumps(DEMAND).encode()

# Answers that must count as none, by what is wrong with them.
TRANSPORT: dict[str, Behaviour] = {
    "gzip bomb": sends(response(_BOMB, "content-encoding: gzip")),
    "deflated": sends(response(gzip.compress(_JSON), "content-encoding: gzip")),
    "unknown encoding": sends(response(_JSON, "content-encoding: zzz")),
    "endless body": sends_for_ever(_OK + b"content-length: 1000000000000\r\n\r\n", _BLOCK),
    "endless body without a length": sends_for_ever(_OK + b"connection: close\r\n\r\n", _BLOCK),
    "endless chunks": sends_for_ever(_CHUNKED, b"10000\r\n" + _BLOCK + b"\r\n"),
    "endless small chunks": sends_for_ever(_CHUNKED, b"1\r\n \r\n" * 1000),
    "endless extension of a chunk": sends_for_ever(_CHUNKED + b"1;a=", _BLOCK),
    "endless trailers": sends_for_ever(_CHUNKED + b"0\r\n", b"a: b\r\n" * 1000),
    "endless status line": sends_for_ever(b"HTTP/1.1 200 ", _BLOCK),
    "endless header": sends_for_ever(_OK + b"a: ", _BLOCK),
    "endless name of a header": sends_for_ever(_OK, _BLOCK),
    "endless headers": sends_for_ever(_OK, b"a: b\r\n" * 1000),
    "endless interim responses": sends_for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "a body of a megabyte": sends(response(b" " * (1 << 20) + _JSON)),
    "a body that drips": sends_for_ever(_OK + b"content-length: 100000\r\n\r\n", b" ", pause=0.05),
    "headers that drip": sends_for_ever(_OK, b"a: b\r\n", pause=0.1),
    "silence": is_silent,
    "nothing": sends(b""),
    "half an answer": sends(response(_JSON)[:-10]),
    "no HTTP": sends(b"\x16\x03\x01" + _BLOCK),
    "another protocol": sends(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
    ),
    "created": says(DEMAND, status="201 Created"),
    "no content": sends(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "part": says(DEMAND, status="206 Partial Content"),
    "unavailable": says(DEMAND, status="503 Service Unavailable"),
}
ENDLESS = [name for name in TRANSPORT if name.startswith("endless")]
SHAPE: dict[str, Behaviour] = {
    "text for a number": demands(inFlight="1"),
    "truth for a number": demands(inFlight=True),
    "negative": demands(queued=-1),
    "more than there can be": demands(inFlight=10**30),
    "negative counter": demands(direct={"arrivals": -5, "completions": 0}),
    "not a number": demands(completions=float("nan")),
    "infinite": demands(lastCompletionAt=float("inf")),
    "beyond any float": sends(response(_JSON.replace(b'"inFlight": 1', b'"inFlight": 1e999'))),
    "a number of 60 kB": sends(response(_JSON.replace(b'"inFlight": 1', b'"inFlight": 1' + b"0" * 60_000))),
    "null": demands(inFlight=None),
    "without the load": says({name: value for name, value in DEMAND.items() if name != "inFlight"}),
    "without direct requests": says({name: value for name, value in DEMAND.items() if name != "direct"}),
    "direct is a list": demands(direct=[1, 2]),
    "engine is a text": demands(engine="fast"),
    "engine without figures": demands(engine={}),
    "engine with too much": demands(engine={"running": 1, "waiting": 0, "kvUsage": 1e300}),
    "routers without end": demands(routers={str(number): {"arrivals": 1} for number in range(1000)}),
    "a list": says([DEMAND]),
    "a word": says("all is well"),
    "no JSON": sends(response(b"<html>")),
    "an empty body": sends(response(b"")),
    "nested deeply": sends(response(b'{"a":' * 10_000)),
    "lists nested deeply": sends(response(b"[" * 60_000)),
    "bytes that are no text": sends(response(b'{"boot": "\xff\xfe"}')),
}
# Answers that are odd and harmless.
HARMLESS: dict[str, Behaviour] = {
    "more than is known": demands(novel={"a": [1, 2, {"b": None}]}),
    "a thousand keys": demands(**{f"k{number}": number for number in range(1000)}),
    "chunks": sends(_CHUNKED, b"%x\r\n" % len(_JSON), _JSON, b"\r\n0\r\n\r\n"),
    "until the end of the connection": sends(_OK, b"connection: close\r\n\r\n", _JSON),
    "one interim response": sends(b"HTTP/1.1 100 Continue\r\n\r\n", response(_JSON)),
    "an older gateway": says(
        {name: value for name, value in DEMAND.items() if name not in ("boot", "engine")}
    ),
}
REDIRECTS = ("301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect")
