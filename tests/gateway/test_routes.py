"""What the API port serves, and how it says that it serves nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION, RESPONSES_PATH
from tests.gateway.scripted import ScriptedEngine, answer, whole
from tests.gateway.wire import running_gateway


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "unknown_url"),
        ("POST", "/v1/completions", 404, "unknown_url"),
        ("POST", "/tokenize", 404, "unknown_url"),
        ("GET", "/metrics", 404, "unknown_url"),
        ("GET", "/drain", 404, "unknown_url"),
        ("POST", "/api/v1/chat/completions", 404, "unknown_url"),
        ("GET", CHAT_PATH, 405, "method_not_allowed"),
        ("DELETE", CHAT_PATH, 405, "method_not_allowed"),
        ("GET", RESPONSES_PATH, 405, "method_not_allowed"),
        ("GET", f"{CHAT_PATH}/id", 404, "unsupported_endpoint"),
        ("POST", f"{CHAT_PATH}/id", 404, "unsupported_endpoint"),
        ("POST", f"{CHAT_PATH}/batch", 404, "unsupported_endpoint"),
        ("GET", f"{CHAT_PATH}/id/messages", 404, "unsupported_endpoint"),
        ("DELETE", f"{CHAT_PATH}/id", 404, "unsupported_endpoint"),
        ("GET", f"{RESPONSES_PATH}/id", 404, "unsupported_endpoint"),
        ("DELETE", f"{RESPONSES_PATH}/id", 404, "unsupported_endpoint"),
        ("GET", f"{RESPONSES_PATH}/id/input_items", 404, "unsupported_endpoint"),
        ("POST", f"{RESPONSES_PATH}/input_tokens", 404, "unsupported_endpoint"),
        ("POST", f"{RESPONSES_PATH}/id/cancel", 404, "unsupported_endpoint"),
        ("POST", f"{RESPONSES_PATH}/compact", 404, "unsupported_endpoint"),
        ("GET", "/v1/models/other/name", 404, "model_not_found"),
    ],
)
async def test_an_unknown_path_is_a_404_in_the_error_envelope(
    socket: Path, method: str, path: str, status: int, code: str
) -> None:
    async with running_gateway(socket) as gateway:
        result = await gateway.call(method, path)

    assert (result.status, result.error["code"]) == (status, code)
    assert result.headers["x-request-id"].startswith("req_")
    assert result.headers.get("allow") == ("OPTIONS, POST" if status == 405 else None)


async def test_post_to_the_list_of_models_is_refused(socket: Path) -> None:
    async with running_gateway(socket) as gateway:
        result = await gateway.call("POST", "/v1/models")

    assert (result.status, result.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_a_dialect_adds_its_own_path(socket: Path) -> None:
    script = answer(whole("200 OK", COMPLETION))
    async with (
        ScriptedEngine(socket, script),
        running_gateway(socket, api={"dialect": "IOIntelligence"}) as gateway,
    ):
        result = await gateway.call("POST", "/api/v1/chat/completions", CHAT)

    assert result.status == 200


@pytest.mark.parametrize("path", [f"{CHAT_PATH}?api-version=1", "/v1/chat%2Fcompletions"])
async def test_a_route_is_found_despite_query_and_percent_escapes(socket: Path, path: str) -> None:
    async with (
        ScriptedEngine(socket, answer(whole("200 OK", COMPLETION))),
        running_gateway(socket) as gateway,
    ):
        reader, writer = await gateway.connect()
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        writer.write(head.encode())
        result = await reader.read()
        writer.close()

    assert b'"code":"invalid_json"' in result


async def test_models_are_listed_under_all_their_names(socket: Path) -> None:
    async with running_gateway(socket, model={"servedName": "org/big", "aliases": ["big"]}) as gateway:
        result = await gateway.call("GET", "/v1/models")

    assert [model["id"] for model in result.json()["data"]] == ["org/big", "big"]


async def test_an_adapter_is_listed_as_a_child_of_the_model(socket: Path) -> None:
    names = {"servedName": "big", "aliases": ["large"], "adapters": ["poet"]}
    async with running_gateway(socket, model=names) as gateway:
        result = await gateway.call("GET", "/v1/models")

    parents = {model["id"]: model.get("parent") for model in result.json()["data"]}
    assert parents == {"big": None, "large": None, "poet": "big"}


async def test_a_request_for_an_adapter_reaches_the_engine_under_its_name(socket: Path) -> None:
    engine = ScriptedEngine(socket, answer(whole("200 OK", COMPLETION)))
    async with engine, running_gateway(socket, model={"servedName": "tiny", "adapters": ["poet"]}) as gateway:
        result = await gateway.call("POST", CHAT_PATH, CHAT | {"model": "poet"})

    assert result.status == 200
    assert json.loads(engine.requests[-1])["model"] == "poet"


@pytest.mark.parametrize("path", ["/v1/models/org/big", "/v1/models/org%2Fbig"])
async def test_a_model_name_with_a_slash_is_found_escaped_or_not(socket: Path, path: str) -> None:
    async with running_gateway(socket, model={"servedName": "org/big"}) as gateway:
        result = await gateway.call("GET", path)

    assert (result.status, result.json()["id"]) == (200, "org/big")


@pytest.mark.parametrize(("settings", "created"), [({"created": 1767268800}, 1767268800), ({}, 0)])
async def test_a_model_is_listed_with_the_creation_time_of_its_object(
    socket: Path, settings: dict[str, Any], created: int
) -> None:
    names = {"servedName": "big", "adapters": ["poet"]}
    async with running_gateway(socket, model=names, **settings) as gateway:
        listed = await gateway.call("GET", "/v1/models")
        one = await gateway.call("GET", "/v1/models/poet")

    assert [model["created"] for model in [*listed.json()["data"], one.json()]] == [created] * 3


async def test_a_model_lists_its_context_length_once_the_engine_has_reported_it(socket: Path) -> None:
    async with running_gateway(socket) as gateway:
        before = (await gateway.call("GET", "/v1/models/tiny")).json()
        gateway.services.learn_context_length(4096)
        after = (await gateway.call("GET", "/v1/models/tiny")).json()

    assert "max_model_len" not in before
    assert after["max_model_len"] == 4096


async def test_every_answer_has_a_request_id_of_its_own(socket: Path) -> None:
    async with running_gateway(socket) as gateway:
        answers = [await gateway.call("GET", "/v1/models"), await gateway.call("GET", "/nowhere")]
        answers += [await gateway.call("POST", CHAT_PATH, b"{") for _ in range(2)]

    assert len({result.headers["x-request-id"] for result in answers}) == 4
