"""How often wrong API keys may be tried, and that this locks no valid key out."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead_gateway.admission.failed_key_attempts import FailedKeyAttempts
from fairlead_gateway.bounds import (
    MAX_COUNTED_ADDRESSES,
    MAX_REMEMBERED_KEYS,
    WRONG_KEY_SECONDS,
    WRONG_KEYS_BURST,
)
from fairlead_gateway.contract.errors import ApiError
from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION
from tests.gateway.scripted import ScriptedEngine, answer, whole
from tests.gateway.test_admission import APIKEY, KEYS
from tests.gateway.wire import running_gateway
from tests.support.api_keys import bearer
from tests.support.clock import Clock

OK = answer(whole("200 OK", COMPLETION))


def exhausted(clock: Clock, place: str = "a") -> FailedKeyAttempts:
    attempts = FailedKeyAttempts(clock)
    for _ in range(WRONG_KEYS_BURST):
        attempts.require(place, b"wrong")
        attempts.failed(place)
    return attempts


def test_after_a_burst_of_wrong_keys_an_address_must_wait() -> None:
    clock = Clock(1000.0)
    attempts = exhausted(clock)

    with pytest.raises(ApiError) as refused:
        attempts.require("a", b"another")
    assert refused.value.status == 429
    clock.now += float(refused.value.headers["retry-after"])
    attempts.require("a", b"another")


def test_key_attempts_are_restored_one_by_one() -> None:
    clock = Clock(1000.0)
    attempts = exhausted(clock)
    clock.now += WRONG_KEY_SECONDS
    attempts.require("a", b"another")
    attempts.failed("a")

    with pytest.raises(ApiError):
        attempts.require("a", b"another")


def test_other_addresses_are_not_limited() -> None:
    exhausted(Clock(1000.0)).require("b", b"another")


def test_a_key_that_was_valid_is_not_limited() -> None:
    clock = Clock(1000.0)
    attempts = FailedKeyAttempts(clock)
    attempts.succeeded(b"valid")
    for _ in range(2 * WRONG_KEYS_BURST):
        attempts.failed("a")

    attempts.require("a", b"valid")


def test_a_key_valid_for_one_model_is_limited_for_another_model() -> None:
    attempts = exhausted(Clock(1000.0), "a")
    attempts.succeeded(b"key", "mine")
    attempts.require("a", b"key", "mine")

    with pytest.raises(ApiError):
        attempts.require("a", b"key", "yours")


def test_the_memory_of_failed_attempts_is_bounded() -> None:
    attempts = FailedKeyAttempts(Clock(1000.0))
    for number in range(MAX_COUNTED_ADDRESSES + MAX_REMEMBERED_KEYS):
        attempts.failed(str(number))
        attempts.succeeded(b"%d" % number)

    assert len(attempts._full_at) == MAX_COUNTED_ADDRESSES
    assert len(attempts._valid) == MAX_REMEMBERED_KEYS


@pytest.mark.parametrize(("method", "path"), [("POST", CHAT_PATH), ("GET", "/v1/models")])
async def test_key_guessing_is_slowed_down_while_a_known_key_is_served(
    socket: Path, method: str, path: str
) -> None:
    body = CHAT if method == "POST" else b""
    async with ScriptedEngine(socket, OK), running_gateway(socket, KEYS, auth=APIKEY) as gateway:
        await gateway.call(method, path, body, bearer("sk-alice"))
        wrong = [
            await gateway.call(method, path, body, bearer(f"sk-{n}")) for n in range(WRONG_KEYS_BURST + 1)
        ]
        known = await gateway.call(method, path, body, bearer("sk-alice"))

    assert [result.status for result in wrong] == [401] * WRONG_KEYS_BURST + [429]
    assert int(wrong[-1].headers["retry-after"]) > 0
    assert known.status == 200


async def test_a_request_with_a_wrong_key_is_refused_before_its_body_is_sent(socket: Path) -> None:
    async with running_gateway(socket, KEYS, auth=APIKEY) as gateway:
        reader, writer = await gateway.connect()
        writer.write(
            f"POST {CHAT_PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-no\r\n"
            "content-length: 1000\r\nexpect: 100-continue\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()

    assert head.startswith(b"HTTP/1.1 401")
