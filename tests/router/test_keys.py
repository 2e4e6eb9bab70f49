"""API keys at the router: a request without a valid one goes nowhere, and gateways get an identity."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION
from tests.gateway.scripted import ScriptedEngine, answer, whole
from tests.gateway.wire import running_gateway
from tests.router.objects import model
from tests.router.wire import KEY, ScriptedPod, running_router
from tests.support.api_keys import KeyFolder, bearer

OK = answer(whole("200 OK", COMPLETION))
UNAUTHORIZED = answer(whole("401 Unauthorized", b'{"error":{"message":"no","code":"invalid_api_key"}}'))


@pytest.fixture
def folder(tmp_path: Path) -> KeyFolder:
    """One with the key `sk-alice` of alice."""
    made = KeyFolder.make(tmp_path)
    made.add("alice", "sk-alice", owner="team-a")
    return made


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), {"Authorization": "Basic YTpi"}])
@pytest.mark.parametrize(("method", "path"), [("POST", CHAT_PATH), ("GET", "/v1/models")])
async def test_a_request_without_a_valid_key_is_refused(
    folder: KeyFolder, method: str, path: str, headers: dict[str, str]
) -> None:
    async with ScriptedPod(OK) as pod, running_router(**folder.settings) as router:
        router.ready(pod.port)
        result = await router.call(method, path, CHAT if method == "POST" else b"", headers)
    assert (result.status, result.json()["error"]["code"]) == (401, "invalid_api_key")
    assert result.headers["www-authenticate"] == "Bearer"
    assert not pod.requests


async def test_a_request_without_a_valid_key_starts_no_model(folder: KeyFolder) -> None:
    async with running_router(**folder.settings) as router:
        before = router.services.model_registry.rise.cursor
        for headers in ({}, bearer("wrong")):
            assert (await router.call("POST", CHAT_PATH, CHAT, headers)).status == 401
        assert router.services.model_registry.rise.cursor == before
        assert router.dispatcher.figures().arrivals == 0


async def test_a_pod_gets_an_identity_and_never_the_key(folder: KeyFolder) -> None:
    async with ScriptedPod(OK) as pod, running_router(**folder.settings) as router:
        router.ready(pod.port)
        assert (await router.call("POST", CHAT_PATH, CHAT, bearer("sk-alice"))).status == 200
    (head,) = pod.heads
    assert b"sk-alice" not in head
    (line,) = [line for line in head.split(b"\r\n") if line.lower().startswith(b"authorization:")]
    claims = jwt.decode(line.split(b" ")[-1], options={"verify_signature": False})
    assert (claims["sub"], claims["owner"], claims["aud"]) == ("alice", "team-a", KEY)


@pytest.mark.parametrize("mode", ["None", "APIKey"])
async def test_a_gateway_accepts_the_identity_and_no_one_without_it(
    folder: KeyFolder, socket: Path, mode: str
) -> None:
    settings: dict[str, Any] = {
        "resource": {"namespace": "team", "name": "tiny"},
        "auth": {"mode": mode},
        "identity": folder.identity,
    }
    async with (
        ScriptedEngine(socket, OK),
        running_gateway(socket, **settings) as gateway,
        running_router(**folder.settings) as router,
    ):
        router.ready(gateway.port)
        through = await router.call("POST", CHAT_PATH, CHAT, bearer("sk-alice"))
        direct = await gateway.call("POST", CHAT_PATH, CHAT, bearer("sk-alice"))
        listed = await gateway.call("GET", "/v1/models")
    assert through.status == 200, through.body
    assert (direct.status, listed.status) == (401, 401)


async def test_a_pod_that_does_not_know_the_router_is_a_fault_of_the_service(folder: KeyFolder) -> None:
    async with ScriptedPod(UNAUTHORIZED) as pod, running_router(**folder.settings) as router:
        router.ready(pod.port)
        result = await router.call("POST", CHAT_PATH, CHAT, bearer("sk-alice"))
    assert result.status == 502
    assert "identity" in result.json()["error"]["message"]


async def test_a_key_is_valid_and_is_revoked_without_a_restart(folder: KeyFolder) -> None:
    async with ScriptedPod(OK) as pod, running_router(**folder.settings) as router:
        router.ready(pod.port)
        assert router.key_files is not None
        folder.add("bob", "sk-bob")
        folder.remove("alice")
        router.key_files.check()
        new = await router.call("POST", CHAT_PATH, CHAT, bearer("sk-bob"))
        old = await router.call("POST", CHAT_PATH, CHAT, bearer("sk-alice"))
    assert (new.status, old.status) == (200, 401)


async def test_a_revoked_key_ends_on_a_connection_that_stays_open(folder: KeyFolder) -> None:
    async with ScriptedPod(OK) as pod, running_router(**folder.settings) as router:
        router.ready(pod.port)
        reader, writer = await router.connect()
        request = b"GET /v1/models HTTP/1.1\r\nhost: r\r\nauthorization: Bearer sk-alice\r\n\r\n"
        writer.write(request)
        assert b" 200 " in await reader.readline()
        folder.remove("alice")
        assert router.key_files is not None
        router.key_files.check()
        writer.write(request)
        rest = b""
        while b"HTTP/1.1 401 " not in rest:
            rest += await asyncio.wait_for(reader.read(4096), 60)
        writer.close()


async def test_an_expired_key_is_not_valid(folder: KeyFolder) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    folder.add("old", "sk-old", expires=past.isoformat())
    folder.add("new", "sk-new", expires=(past + timedelta(days=1)).isoformat())
    async with running_router(**folder.settings) as router:
        old = await router.call("GET", "/v1/models", headers=bearer("sk-old"))
        new = await router.call("GET", "/v1/models", headers=bearer("sk-new"))
    assert (old.status, new.status) == (401, 200)


async def test_unreadable_keys_change_nothing(folder: KeyFolder, caplog: pytest.LogCaptureFixture) -> None:
    async with running_router(**folder.settings) as router:
        assert router.key_files is not None
        identity = folder.settings["identity_file"]
        identity.write_bytes(b"no key " + str(time.time()).encode())
        router.key_files.check()
        result = await router.call("GET", "/v1/models", headers=bearer("sk-alice"))
    assert result.status == 200
    assert "not in effect" in caplog.text


async def test_a_key_with_an_unknown_class_is_reported_and_the_others_stay_valid(
    folder: KeyFolder, caplog: pytest.LogCaptureFixture
) -> None:
    folder.add("typo", "sk-typo", priorityClass="batsh")
    async with running_router(**folder.settings) as router:
        typo = await router.call("GET", "/v1/models", headers=bearer("sk-typo"))
        alice = await router.call("GET", "/v1/models", headers=bearer("sk-alice"))
    assert (typo.status, alice.status) == (401, 200)
    assert "'typo' has an unknown priorityClass; the classes are interactive, standard, batch" in caplog.text


async def test_a_model_with_keys_of_its_own_takes_the_routers_identity_too(folder: KeyFolder) -> None:
    keyed = model(api={"auth": {"mode": "APIKey", "secretName": "own"}})
    async with ScriptedPod(OK) as pod, running_router(keyed, **folder.settings) as router:
        router.ready(pod.port)
        assert (await router.call("POST", CHAT_PATH, CHAT, bearer("sk-alice"))).status == 200


async def test_the_router_does_not_start_without_its_keys(folder: KeyFolder) -> None:
    with pytest.raises(OSError, match="absent"):
        async with running_router(**folder.settings | {"keys_dir": folder.path / "absent"}):
            pass
    with pytest.raises(ValueError, match="priority class"):
        async with running_router(**folder.settings, default_priority_class="none"):
            pass
