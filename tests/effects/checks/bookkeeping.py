"""Who asks, under which number, and how urgently."""

from __future__ import annotations

import json
import uuid
from typing import Any

from fairlead_contract.parameters import ApiKind
from tests.effects.endpoint import IGNORED_HEADER, Endpoint
from tests.effects.registry import effect
from tests.gateway.process import Background, wait_for

CHAT = (ApiKind.CHAT,)
_TRIES = 40


def logged(endpoint: Endpoint, value: str) -> dict[str, Any]:
    """The labels of the request log's line that holds a value; waits until it is written."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        lines = [line for line in endpoint.gateway.output.splitlines() if value in line]
        found.extend(json.loads(line)["labels"] for line in lines)
        return bool(found)

    wait_for(is_there)
    return found[0]


@effect("user")
def user(endpoint: Endpoint) -> None:
    """Named in the request log; a Response repeats it."""
    who = f"user-{uuid.uuid4()}"

    answer = endpoint.ask(user=who)

    assert logged(endpoint, who)["user"] == who
    assert answer.text == endpoint.greedy().text
    if endpoint.api is ApiKind.RESPONSES:
        assert answer.document["user"] == who


@effect("chat_id", apis=CHAT)
def chat_id(endpoint: Endpoint) -> None:
    """Named in the request log, with the headers that say who asks for which project."""
    chat = f"chat-{uuid.uuid4()}"
    headers = {name: f"{name}-{uuid.uuid4()}" for name in endpoint.dialect.log_headers}

    reply = endpoint.send(endpoint.body(chat_id=chat), headers)

    assert reply.status == 200
    labels = logged(endpoint, chat)
    assert labels["chat_id"] == chat
    assert set(headers.values()) <= set(labels.values())


@effect("request_id", apis=CHAT)
def request_id(endpoint: Endpoint) -> None:
    """Is the answer's id, in streams too; without it every answer has one of its own."""
    mine = f"request-{uuid.uuid4()}"

    assert endpoint.ask(request_id=mine).document["id"] == mine
    assert {event["id"] for event in endpoint.events(request_id=mine)} == {mine}
    assert endpoint.ask().document["id"] != endpoint.ask().document["id"]


@effect("rag_params", apis=CHAT)
def rag_params(endpoint: Endpoint) -> None:
    """null is the documented default and means nothing; retrieval itself is not available."""
    nothing = endpoint.send(endpoint.body() | {"rag_params": None})
    assert nothing.status == 200
    assert IGNORED_HEADER not in nothing.headers

    refusal = endpoint.refused(rag_params={"file_search": {"top_k": 3}})
    assert refusal.param == "rag_params"
    assert "retrieval is not available" in refusal.message


@effect("priority", apis=CHAT)
def priority(endpoint: Endpoint) -> None:
    """An engine that serves in order of arrival refuses it; one that orders by it serves the lower first."""
    refusal = endpoint.refused(priority=1)
    assert refusal.param == "priority"
    assert endpoint.ask(priority=0).text == endpoint.greedy().text

    _serves_the_lower_first(endpoint.on_second_engine())


def _serves_the_lower_first(endpoint: Endpoint) -> None:
    # On a busy machine the stream may end before the others stand in line, and the thread whose answer comes
    # first may note it last. Neither happens time and again.
    for _ in range(_TRIES):
        ended, lined_up = _ask_two_behind_a_stream(endpoint)
        if lined_up and ended == [-5, 5]:
            break
    assert lined_up
    assert ended == [-5, 5]


def _ask_two_behind_a_stream(endpoint: Endpoint) -> tuple[list[int], bool]:
    """In which order they ended, and whether both stood in line while the stream held the engine, which runs
    one request at a time.
    """
    ended: list[int] = []

    def ask(number: int) -> None:
        endpoint.ask(priority=number, max_tokens=1)
        ended.append(number)

    asked: list[Background] = []
    # Log probabilities make each token slower, so that the engine is held for longer.
    with endpoint.streaming(max_tokens=900, ignore_eos=True, logprobs=True, top_logprobs=20):
        for number in (5, -5):
            asked.append(Background(ask, number))
            wait_for(lambda: asked[-1].done or _waiting(endpoint) == len(asked))
        lined_up = not any(background.done for background in asked)
    for background in asked:
        background.result()
    return ended, lined_up


def _waiting(endpoint: Endpoint) -> float:
    """How many requests stand in the engine's queue."""
    lines = endpoint.gateway.admin("/metrics")[1].decode().splitlines()
    return float(next(line.split()[-1] for line in lines if line.startswith("vllm:num_requests_waiting{")))
