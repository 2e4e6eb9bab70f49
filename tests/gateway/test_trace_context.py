"""`traceparent` and `tracestate` go from the client to router, gateway and engine, bounded and checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from fairlead_gateway.bounds import MAX_TRACE_STATE_BYTES
from tests.gateway.bodies import CHAT, CHAT_PATH
from tests.gateway.scripted import ScriptedEngine
from tests.gateway.test_request_ids import header, recording
from tests.gateway.wire import running_gateway
from tests.router.wire import running_router

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GIVEN = f"00-{TRACE}-{PARENT}-01"
INVALID = [
    "",
    "no",
    GIVEN.upper(),
    f"ff-{TRACE}-{PARENT}-01",
    f"00-{'0' * 32}-{PARENT}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"{GIVEN}-more",
]


async def at_engine(socket: Path, headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    """What an engine behind gateway and router gets of the two headers."""
    heads: list[bytes] = []
    async with (
        ScriptedEngine(socket, recording(heads)),
        running_gateway(socket) as gateway,
        running_router() as router,
    ):
        router.ready(gateway.port)
        result = await router.call("POST", CHAT_PATH, CHAT, headers)
    assert result.status == 200
    return header(heads[0], "traceparent"), header(heads[0], "tracestate")


async def test_the_engine_gets_the_clients_trace_context(socket: Path) -> None:
    sent = {"traceparent": GIVEN, "tracestate": "vendor=1,other=2"}
    assert await at_engine(socket, sent) == (GIVEN, "vendor=1,other=2")


async def test_without_a_trace_the_engine_gets_no_headers_of_one(socket: Path) -> None:
    assert await at_engine(socket, {"tracestate": "vendor=1"}) == (None, None)


@pytest.mark.parametrize("value", INVALID)
async def test_an_invalid_traceparent_is_left_out(value: str, socket: Path) -> None:
    assert await at_engine(socket, {"traceparent": value}) == (None, None)


async def test_a_tracestate_that_is_too_long_is_left_out(socket: Path) -> None:
    longest = "v=" + "a" * (MAX_TRACE_STATE_BYTES - 2)
    sent = {"traceparent": GIVEN}
    assert await at_engine(socket, sent | {"tracestate": longest}) == (GIVEN, longest)
    assert await at_engine(socket, sent | {"tracestate": longest + "a"}) == (GIVEN, None)
