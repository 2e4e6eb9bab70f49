"""Arbitrary bytes through both HTTP parsers, the event streams and the count of JSON values.

Each target takes bytes and raises AssertionError for what must never happen. `test_fuzzing.py` runs them on
examples that hypothesis makes. `python -m tests.gateway.fuzzing TARGET SECONDS` runs one with `atheris`,
a fuzzer that is guided by coverage, where that is installed.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import httptools
import uvicorn
from uvicorn.server import ServerState

from fairlead_contract.gateway_settings import GatewaySettings
from fairlead_gateway.admission.keys import KeyRing
from fairlead_gateway.contract.api_adapter import Call
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.policy import make_policy
from fairlead_gateway.contract.request import parse_object, require_few_values
from fairlead_gateway.gateway_context import GatewayContext
from fairlead_gateway.routes import generation_routes
from fairlead_gateway.server.engine_request_cycle import api_protocol
from fairlead_gateway.settings import ProcessSettings
from fairlead_gateway.upstream.connection import HttpConnection
from fairlead_gateway.upstream.pool import EnginePool
from tests.gateway.bodies import GENERATIONS

POLICY = make_policy(("tiny",))


def pieces(data: bytes) -> Iterator[bytes]:
    """The bytes in pieces, whose sizes the first byte decides."""
    size = 1 + (data[0] if data else 0)
    rest = data[1:]
    for at in range(0, len(rest), size):
        yield rest[at : at + size]


class _Transport(asyncio.Transport):
    """Keeps what is written. A client that has read everything."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1), "sockname": ("192.0.2.2", 80)})
        self.written = bytearray()
        self.closing = False

    def write(self, data: Any) -> None:
        assert not self.closing
        self.written += data

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = True

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class _Answers:
    """Counts the answers in what a server wrote."""

    def __init__(self) -> None:
        self.complete = 0

    def on_message_complete(self) -> None:
        self.complete += 1


class Server:
    """The gateway's HTTP layer without a socket, before an engine that is not there."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._start())

    async def _start(self) -> None:
        settings = GatewaySettings.model_validate({"model": {"servedName": "tiny"}, "maxBodyBytes": 4096})
        self.services = GatewayContext(settings, KeyRing({}), ProcessSettings(), EnginePool("/nowhere"))
        self.protocol: Any = api_protocol(self.services)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        self._config = uvicorn.Config(app, http=self.protocol, ws="none", lifespan="off", log_config=None)
        self._config.load()

    def __call__(self, data: bytes) -> None:
        """One connection that sends these bytes and is lost."""
        self._loop.run_until_complete(self._serve(data))

    def close(self) -> None:
        """Ends the event loop, which is not the test's."""
        self._loop.close()

    async def _serve(self, data: bytes) -> None:
        transport = _Transport()
        protocol = self.protocol(config=self._config, server_state=ServerState(), app_state={})
        protocol.connection_made(transport)
        for piece in pieces(data):
            if not transport.closing:
                protocol.data_received(piece)
            await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)
        self.services.sweep()
        answers = _Answers()
        parser = httptools.HttpResponseParser(answers)
        parser.feed_data(bytes(transport.written))
        protocol.connection_lost(None)
        await asyncio.sleep(0)
        assert self.services.memory.used == 0
        assert self.services.connections.used == 0
        assert not self.services.active


class _Heard:
    """A handler that knows what must not happen to it."""

    wanted = True

    def __init__(self) -> None:
        self.over = False
        self.status = 0

    def upstream_connected(self, connection: HttpConnection) -> None:
        self.connection = connection

    def upstream_data(self, status: int, data: bytes) -> None:
        assert not self.over
        assert 200 <= status <= 599
        assert self.status in (0, status)
        self.status = status

    def upstream_end(self, status: int) -> None:
        assert not self.over
        assert self.status in (0, status)
        assert 200 <= status <= 599
        self.over = True

    def upstream_lost(self, error: ApiError) -> None:
        assert not self.over
        self.over = True


class _Owner:
    def __init__(self) -> None:
        self.kept = False

    def idle(self, connection: HttpConnection) -> None:
        connection.released_at = None
        self.kept = True

    def closed(self, connection: HttpConnection) -> None:
        pass

    def again(self, handler: Any, request: Any) -> None:
        raise AssertionError("a fresh connection is not repeated")


def answer(data: bytes) -> None:
    """An engine's or a pod's answer: the handler hears of one end, and nothing of what comes behind it."""
    handler, owner, transport = _Heard(), _Owner(), _Transport()
    connection = HttpConnection(owner)
    connection.connection_made(transport)
    connection.send(handler, (b"",), reused=False)
    for piece in pieces(data):
        if transport.closing:
            break
        connection.data_received(piece)
    connection.connection_lost(None)
    assert handler.over


def events(data: bytes) -> None:
    """An engine's stream, for both APIs: events or an error, and never anything behind the end."""
    for path, body in GENERATIONS:
        endpoint = generation_routes(POLICY.dialect)[path.encode()]
        text = repr(body | {"stream": True}).replace("'", '"').replace("True", "true").encode()
        _, relay = endpoint.factory(text, POLICY, Call("0" * 32, lambda: 1)).stream()
        for piece in pieces(data):
            over = relay.finished
            try:
                sent = relay.feed(piece)
            except ApiError:
                break
            assert not (over and sent)
        relay.end()
        assert relay.finished
        assert relay.feed(b"data: {}\n\n") == b""


_LIMIT = 50


def values(data: bytes) -> None:
    """The bound on JSON values holds whatever the texts are, and refuses nothing that has few of them."""
    few = True
    try:
        require_few_values(data, _LIMIT)
    except ApiError:
        few = False
    try:
        document = parse_object(data)
    except ApiError:
        return  # it is no JSON object, so it is refused in any case
    # Of a key that stands several times the document has one.
    assert not few or _count(document) <= 2 * _LIMIT + 2
    assert few or data.count(b'"') + data.count(b",") + data.count(b":") + data.count(b"[") > _LIMIT // 2


def _count(document: Any) -> int:
    if isinstance(document, dict):
        return 1 + sum(1 + _count(value) for value in document.values())
    if isinstance(document, list):
        return 1 + sum(map(_count, document))
    return 1


TARGETS: dict[str, Callable[[], Callable[[bytes], None]]] = {
    "server": Server,
    "answer": lambda: answer,
    "events": lambda: events,
    "values": lambda: values,
}


# What the fuzzer starts from: whole messages, behind a byte for the size of the pieces.
_BODY = b'{"model":"tiny","messages":[{"role":"user","content":"hi"}]}'
_CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'
_CHAT = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
_RESPONSES = b"POST http://x/v1/responses/ HTTP/1.1\r\nhost: y\r\n"
_CHUNKED, _CHUNKS = b"transfer-encoding: chunked\r\n\r\n", b"2;a=b\r\n{}\r\n0\r\na: b\r\n\r\n"
_UPGRADE = b"connection: upgrade\r\nupgrade: h2c\r\n"
_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
SEEDS: dict[str, tuple[bytes, ...]] = {
    "server": (
        b"\xff" + _CHAT + b"content-length: 60\r\n\r\n" + _BODY,
        b"\x20" + _RESPONSES + _CHUNKED + _CHUNKS,
        b"\xff" + _RESPONSES + _UPGRADE + b"content-length: 2\r\n\r\n{}",
        b"\xff" + b"GET /v1/models HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\r\n" * 3,
        b"\xffOPTIONS * HTTP/1.1\r\nhost: x\r\n\r\nHEAD http://x HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\xffCONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
    ),
    "answer": (
        b"\xff" + _OK * 2,
        b"\x10HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\n" + _CHUNKED + _CHUNKS,
        b"\xffHTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\nHTTP/1.0 204 No\r\n\r\n",
    ),
    "events": (
        b"\xff" + _CHUNK + b"data: [DONE]\n\n",
        b'\x09data: {"error": {"message": "x"}}\n\n' + _CHUNK,
    ),
    "values": (_BODY, b'{"a": [' + b"{}," * 60 + b'"\\\\", "\\""]}'),
}


def _functions() -> Iterator[Any]:
    """Those of the gateway's package, whose coverage guides the fuzzer."""
    for name, module in tuple(sys.modules.items()):
        if not name.startswith("fairlead_gateway"):
            continue
        for found in tuple(vars(module).values()):
            if getattr(found, "__module__", None) == name:
                members = vars(found).values() if isinstance(found, type) else (found,)
                yield from (member for member in members if inspect.isfunction(member))


def main() -> None:
    """Command line."""
    import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]

    name, seconds = sys.argv[1], float(sys.argv[2])
    target, runs = TARGETS[name](), 0
    for function in _functions():
        atheris.instrument_func(function)
    end = time.monotonic() + seconds
    corpus = Path(tempfile.mkdtemp(prefix="fairlead-fuzz-"))
    for number, seed in enumerate(SEEDS[name]):
        (corpus / str(number)).write_bytes(seed)

    def once(data: bytes) -> None:
        nonlocal runs
        if time.monotonic() > end:
            print(f"{name}: {runs} inputs in {seconds:g} s, nothing found", flush=True)
            os._exit(0)
        runs += 1
        target(data)

    atheris.Setup([sys.argv[0], "-max_len=4096", str(corpus)], cast("Any", once))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
