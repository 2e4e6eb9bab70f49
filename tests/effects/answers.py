"""What an answer says, whichever API gave it: checks are written once for chat completions and responses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairlead_contract.parameters import ApiKind

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> JsonObject:
        """The body as a JSON object."""
        document: JsonObject = json.loads(self.body)
        return document


@dataclass(frozen=True)
class Token:
    """One generated token: its ID, its log probability and those of the likeliest in its place."""

    id: int
    logprob: float
    alternatives: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class ToolCall:
    """A call of a function."""

    name: str
    arguments: Any


@dataclass(frozen=True)
class Choice:
    """One of the answers to a request."""

    text: str
    finish: str
    """`finish_reason` in chat's words."""
    tokens: tuple[Token, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    reasoning: str | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """The IDs of the generated tokens; needs an answer with log probabilities."""
        return tuple(token.id for token in self.tokens)

    @property
    def mean_logprob(self) -> float:
        """What candidates are ranked by."""
        return sum(token.logprob for token in self.tokens) / len(self.tokens)


@dataclass(frozen=True)
class Answer:
    """A whole answer with HTTP 200."""

    document: JsonObject
    headers: Mapping[str, str]
    choices: tuple[Choice, ...]
    prompt_tokens: int
    output_tokens: int

    @property
    def only(self) -> Choice:
        """The answer's only choice."""
        (choice,) = self.choices
        return choice

    @property
    def text(self) -> str:
        """The text of the only choice."""
        return self.only.text


@dataclass(frozen=True)
class Refusal:
    """The error envelope of an answer that is not a success."""

    status: int
    message: str
    param: str | None
    code: str | None


def _id(token: str) -> int:
    return int(token.removeprefix("token_id:"))


def tokens_of(logprobs: list[JsonObject]) -> tuple[Token, ...]:
    """The entries of a list of log probabilities whose tokens are named by ID."""
    return tuple(
        Token(
            _id(entry["token"]),
            entry["logprob"],
            tuple((_id(other["token"]), other["logprob"]) for other in entry["top_logprobs"]),
        )
        for entry in logprobs
    )


def _chat_choice(choice: JsonObject) -> Choice:
    message = choice["message"]
    logprobs = (choice.get("logprobs") or {}).get("content") or []
    named_by_id = bool(logprobs) and logprobs[0]["token"].startswith("token_id:")
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    return Choice(
        message.get("content") or "",
        choice["finish_reason"],
        tokens_of(logprobs) if named_by_id else (),
        tuple(ToolCall(call["name"], json.loads(call["arguments"])) for call in calls),
        message.get("reasoning_content", message.get("reasoning")),
    )


def _responses_choice(document: JsonObject) -> Choice:
    text, reasoning = "", None
    tokens: list[JsonObject] = []
    calls: list[ToolCall] = []
    for item in document["output"]:
        if item["type"] == "function_call":
            calls.append(ToolCall(item["name"], json.loads(item["arguments"])))
        elif item["type"] == "reasoning":
            reasoning = "".join(part["text"] for part in item["content"])
        else:
            for part in item["content"]:
                text += part["text"]
                tokens.extend(part["logprobs"] or [])
    finish = "length" if document["status"] == "incomplete" else "tool_calls" if calls else "stop"
    named_by_id = bool(tokens) and tokens[0]["token"].startswith("token_id:")
    return Choice(text, finish, tokens_of(tokens) if named_by_id else (), tuple(calls), reasoning)


def read_answer(api: ApiKind, reply: Reply) -> Answer:
    """The answer in a reply; fails the test with the body if it is none."""
    assert reply.status == 200, reply.body.decode()
    document = reply.json()
    usage = document["usage"]
    if api is ApiKind.CHAT:
        choices = tuple(_chat_choice(choice) for choice in document["choices"])
        counts = usage["prompt_tokens"], usage["completion_tokens"]
    else:
        choices = (_responses_choice(document),)
        counts = usage["input_tokens"], usage["output_tokens"]
    return Answer(document, reply.headers, choices, *counts)


def read_refusal(reply: Reply) -> Refusal:
    """The error in a reply; fails the test with the body if the request succeeded."""
    assert reply.status >= 400, reply.body.decode()
    error = reply.json()["error"]
    return Refusal(reply.status, error["message"], error["param"], error["code"])


def events_of(body: bytes) -> list[JsonObject]:
    """The JSON of all events of a stream, without chat's end marker."""
    lines = [line for event in body.decode().split("\n\n") for line in event.split("\n")]
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [json.loads(text) for text in data if text != "[DONE]"]
