"""One generation request from arrival to last byte, for both APIs.

The order matters: the engine's first event is read before a 200 is sent, because vLLM reports many
validation errors only there and a started stream cannot become a 400 any more.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from starlette.types import Receive, Scope, Send

from .admission.gate import Gate
from .contract.errors import ApiError, engine_failed, from_engine_body
from .contract.request import EngineRequest
from .contract.sse import EVENT_END, TRUNCATED, error_of
from .exchange import ClientGoneError, read_body, send_json, start, until_client_leaves
from .settings import GatewaySettings
from .telemetry import Telemetry
from .upstream.client import EngineClient

_ENGINE_PATH = "/v1/chat/completions"
_STREAM_HEADERS = (("cache-control", "no-cache"), ("x-accel-buffering", "no"))
_IGNORED_HEADER = "x-fairlead-ignored-params"


@dataclass(frozen=True)
class Services:
    """What a request needs besides itself."""

    settings: GatewaySettings
    engine: EngineClient
    gate: Gate
    telemetry: Telemetry


class Relay(Protocol):
    """A state machine from the engine's stream to the client's: ChatRelay, or ResponseStream behind it."""

    finished: bool

    def feed(self, data: bytes) -> bytes:
        """The client's bytes for the engine's."""

    def end(self) -> bytes:
        """The client's bytes when the engine's stream is over."""

    def fail(self, error: ApiError) -> bytes:
        """The client's bytes when the stream cannot go on."""


class Dialogue(Protocol):
    """What differs between the APIs: one object per request, made from its body."""

    engine: EngineRequest
    engine_names: Mapping[str, str]

    def whole(self, body: bytes) -> bytes:
        """The answer for the engine's whole answer."""

    def stream(self) -> tuple[bytes, Relay]:
        """The first bytes of a stream and what makes the others."""


class DialogueFactory(Protocol):
    """Checks a body and makes the dialogue, or raises ApiError."""

    def __call__(self, body: bytes, served: tuple[str, ...]) -> Dialogue: ...


class GenerationEndpoint:
    """The ASGI application of one generation route."""

    def __init__(self, name: str, services: Services, factory: DialogueFactory) -> None:
        self._name, self._services, self._factory = name, services, factory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry. Raises ApiError for every failure before the answer has begun."""
        arrived = time.monotonic()
        try:
            body = await read_body(scope, receive, self._services.settings.max_body_bytes)
        except ClientGoneError:
            return
        dialogue = self._factory(body, self._services.settings.model.names)
        try:
            await until_client_leaves(receive, self._answer(dialogue, send, arrived))
        except ApiError as error:
            # The engine names what it was sent, the client knows what it has sent.
            error.param = dialogue.engine_names.get(error.param or "", error.param)
            raise

    async def _answer(self, dialogue: Dialogue, send: Send, arrived: float) -> None:
        headers: tuple[tuple[str, str], ...] = ()
        if dialogue.engine.ignored:
            headers = ((_IGNORED_HEADER, ",".join(dialogue.engine.ignored)),)
        async with (
            self._services.gate.enter(),
            self._services.engine.post(_ENGINE_PATH, dialogue.engine.body) as response,
        ):
            if response.status != 200:
                raise from_engine_body(response.status, await _read(response))
            if dialogue.engine.stream:
                first = await _first_event(response)
                self._services.telemetry.observe_first_event(self._name, time.monotonic() - arrived)
                await start(send, 200, "text/event-stream; charset=utf-8", (*_STREAM_HEADERS, *headers))
                await _relay(response, first, dialogue, send)
            else:
                await send_json(send, 200, dialogue.whole(await _read(response)), headers)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    try:
        return await response.read()
    except (aiohttp.ClientError, OSError):
        raise engine_failed(TRUNCATED) from None


async def _first_event(response: aiohttp.ClientResponse) -> bytes:
    """The bytes up to at least the end of the first event. Raises the error that it may carry."""
    received = b""
    try:
        while EVENT_END not in received:
            data = await response.content.readany()
            if not data:
                raise engine_failed(TRUNCATED)
            received += data
    except (aiohttp.ClientError, OSError):
        raise engine_failed(TRUNCATED) from None
    error = error_of(received.split(EVENT_END, 1)[0])
    if error is not None:
        raise error
    return received


async def _relay(response: aiohttp.ClientResponse, first: bytes, dialogue: Dialogue, send: Send) -> None:
    beginning, relay = dialogue.stream()
    await _send_some(send, beginning + relay.feed(first))
    try:
        while not relay.finished and (data := await response.content.readany()):
            await _send_some(send, relay.feed(data))
        rest = relay.end()
    except (aiohttp.ClientError, OSError):
        rest = relay.fail(engine_failed(TRUNCATED))
    await send({"type": "http.response.body", "body": rest})


async def _send_some(send: Send, data: bytes) -> None:
    if data:
        await send({"type": "http.response.body", "body": data, "more_body": True})
