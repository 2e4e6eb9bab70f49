"""Makes the client's whole answer out of the engine's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from fairlead_contract.dialects import AnswerShape

from .errors import engine_failed
from .response_transform import Reasoning, ResponseTransform, Selection
from .sse import NONSENSE, ended_badly, has_bad_ending

Json = dict[str, Any]


def shape_answer(body: bytes, transform: ResponseTransform) -> bytes:
    """The client's answer for the engine's whole one.

    Raises an ApiError if the engine failed in the middle, or if this is no chat completion.
    """
    if has_bad_ending(body):
        raise ended_badly()
    if transform.is_plain:
        if not body.startswith(b'{"id"'):
            _require_choices(_parsed(body))
        return body
    answer = _parsed(body)
    try:
        return orjson.dumps(_shaped(answer, _require_choices(answer), transform))
    except (KeyError, TypeError, AttributeError):
        raise engine_failed(NONSENSE) from None


def _parsed(body: bytes) -> Json:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise engine_failed(NONSENSE) from None
    if not isinstance(answer, dict):
        raise engine_failed(NONSENSE)
    return answer


def _require_choices(answer: Json) -> list[Json]:
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices:
        raise engine_failed(NONSENSE)
    return choices


def _shaped(answer: Json, choices: list[Json], transform: ResponseTransform) -> Json:
    if transform.selection is not None:
        choices = select(choices, transform.selection)
    for choice in choices:
        place_reasoning(choice["message"], transform.reasoning)
    answer["choices"] = choices
    if transform.request_id is not None:
        answer["id"] = transform.request_id
    return answer if transform.shape.as_received else _in_shape(answer, transform.shape)


def _in_shape(answer: Json, shape: AnswerShape) -> Json:
    for choice in answer["choices"]:
        choice["message"] = _filled(choice["message"], shape.message, "content")
    answer["choices"] = [_filled(choice, shape.choice, "finish_reason") for choice in answer["choices"]]
    if isinstance(answer.get("usage"), dict):
        answer["usage"] = _filled(answer["usage"], shape.usage)
    return _filled(answer, shape.answer)


def _filled(found: Json, always: Mapping[str, Any], *nullable: str) -> Json:
    """Returns the object without vLLM's own nulls, and with the keys that the document always shows."""
    kept = {name: value for name, value in found.items() if value is not None or name in nullable}
    return {**always, **kept}


def place_reasoning(message: Json, where: Reasoning) -> None:
    """Moves the engine's `reasoning` of a message or a delta to where the client wants it."""
    if where is Reasoning.AS_RECEIVED:
        return
    reasoning = message.pop("reasoning", None)
    if where is Reasoning.RENAMED:
        message["reasoning_content"] = reasoning


def select(choices: list[Json], selection: Selection) -> list[Json]:
    """The `n` choices with the highest mean log probability per token, the best first."""
    ranked = sorted(choices, key=_mean_logprob, reverse=True)[: selection.n]
    for index, choice in enumerate(ranked):
        choice["index"] = index
        if not selection.keep_logprobs:
            choice["logprobs"] = None
    return ranked


def _mean_logprob(choice: Json) -> float:
    logprobs = (choice.get("logprobs") or {}).get("content") or []
    if not logprobs:
        return float("-inf")
    return float(sum(token["logprob"] for token in logprobs) / len(logprobs))
