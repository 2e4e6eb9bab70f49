"""One id for a request: the client's, or ours, in the answer, in the request log and at the next program."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from fairlead_gateway.bounds import MAX_REQUEST_ID_BYTES
from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION, GENERATIONS
from tests.gateway.fronts import both, exchange, fronts
from tests.gateway.scripted import Script, ScriptedEngine, answer, whole
from tests.gateway.wire import running_gateway
from tests.router.wire import running_router

LOG = logging.getLogger("fairlead.gateway.requests")
FAILING = answer(whole("500 Oops", b'{"error":{"message":"no","type":"a","code":500}}'))
LONGEST = "a" * MAX_REQUEST_ID_BYTES
FIT = ["mine", "3f2b7c1e-0d9a-4f0b-9c55-0a1b2c3d4e5f", "Root=1-67891233-abc", "urn:a/b.c_d~e+f@g=", LONGEST]
UNFIT = ["", LONGEST + "a", "two words", 'quo"te', "a,b", "{}", "$(id)", "caf\u00e9", "tab\tulator"]


def recording(heads: list[bytes]) -> Script:
    """Answers OK and keeps the heads of the requests."""

    async def script(engine: ScriptedEngine, reader: Any, writer: Any) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            heads.append(head.lower())
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            engine.requests.append(await reader.readexactly(int(length)))
            writer.write(whole("200 OK", COMPLETION))

    return script


def header(head: bytes, name: str) -> str | None:
    """A header's value in a head; None without one."""
    lines = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return dict(line.split(": ", 1) for line in lines).get(name)


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(record.message) for record in caplog.records if record.name == LOG.name]


@both
@pytest.mark.parametrize("sent", FIT)
async def test_the_clients_id_is_returned(kind: str, sent: str, socket: Path) -> None:
    async with fronts(kind, socket) as (front, _):
        answers = [
            await front.call("POST", CHAT_PATH, CHAT, {"x-request-id": sent}),
            await front.call("POST", CHAT_PATH, b"no JSON", {"x-request-id": sent}),
            await front.call("GET", "/v1/models", headers={"x-request-id": sent}),
            await front.call("GET", "/absent", headers={"x-request-id": sent}),
        ]

    assert [result.status for result in answers] == [200, 400, 200, 404]
    assert {result.headers["x-request-id"] for result in answers} == {sent}


@both
@pytest.mark.parametrize("sent", UNFIT)
async def test_an_id_that_is_unfit_for_headers_and_logs_is_replaced(
    kind: str, sent: str, socket: Path
) -> None:
    body = json.dumps(CHAT).encode()
    head = f"POST {CHAT_PATH} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-request-id: {sent}\r\n"
    length = f"content-length: {len(body)}\r\n\r\n"
    async with fronts(kind, socket) as (front, _):
        received = await exchange(front, (head + length).encode("latin-1"), body)

    assert received.startswith(b"HTTP/1.1 200")
    own = header(received, "x-request-id")
    assert own is not None
    assert own.startswith("req_")
    assert len(own) == len("req_") + 32


@both
async def test_of_two_ids_in_one_request_neither_counts(kind: str, socket: Path) -> None:
    body = json.dumps(CHAT).encode()
    head = (
        f"POST {CHAT_PATH} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-request-id: a\r\nx-request-id: b\r\n"
    )
    async with fronts(kind, socket) as (front, _):
        received = await exchange(front, f"{head}content-length: {len(body)}\r\n\r\n".encode(), body)

    assert str(header(received, "x-request-id")).startswith("req_")


@both
async def test_the_id_of_a_failed_request_is_in_the_log(
    kind: str, socket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with fronts(kind, socket, FAILING) as (front, _):
        sent = await front.call("POST", CHAT_PATH, CHAT, {"x-request-id": "mine"})
        own = await front.call("POST", CHAT_PATH, CHAT)

    assert sent.status >= 500
    assert [line["request_id"] for line in logged(caplog)] == ["mine", own.headers["x-request-id"]]


@both
async def test_the_id_of_a_refused_connection_is_in_the_log(
    kind: str, socket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOG.name)
    async with fronts(kind, socket) as (front, _):
        received = await exchange(front, b"not HTTP\r\n\r\n")

    (line,) = logged(caplog)
    assert (line["request_id"], line["status"]) == (header(received, "x-request-id"), 400)


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_the_engine_gets_the_clients_id_with_a_suffix_that_makes_it_unique(
    path: str, body: dict[str, Any], socket: Path
) -> None:
    heads: list[bytes] = []
    async with ScriptedEngine(socket, recording(heads)), running_gateway(socket) as gateway:
        for _ in range(2):
            await gateway.call("POST", path, body, {"x-request-id": "mine"})

    first, second = (str(header(head, "x-request-id")) for head in heads)
    assert first.startswith("mine-")
    assert second.startswith("mine-")
    assert first != second


async def test_the_engine_gets_an_id_of_the_gateways_own_as_it_is(socket: Path) -> None:
    heads: list[bytes] = []
    async with ScriptedEngine(socket, recording(heads)), running_gateway(socket) as gateway:
        result = await gateway.call("POST", CHAT_PATH, CHAT)

    assert header(heads[0], "x-request-id") == result.headers["x-request-id"]


@pytest.mark.parametrize("sent", [{"x-request-id": "mine"}, {}], ids=["the-clients", "the-routers"])
async def test_router_gateway_and_engine_have_the_same_id(
    sent: dict[str, str], socket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        ScriptedEngine(socket, FAILING),
        running_gateway(socket) as gateway,
        running_router() as router,
    ):
        router.ready(gateway.port)
        result = await router.call("POST", CHAT_PATH, CHAT, sent)

    of_gateway, of_router = logged(caplog)
    assert result.headers["x-request-id"] == sent.get("x-request-id", result.headers["x-request-id"])
    assert of_gateway["request_id"] == of_router["request_id"] == result.headers["x-request-id"]
    assert "pod" in of_router
