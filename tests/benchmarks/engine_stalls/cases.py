"""Requests at the bounds of the tables, and the same far beyond them."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fairlead_contract.parameters import bounds

Json = dict[str, Any]
_RANDOM = random.Random(20240229)
_STRING: Json = {"type": "string"}
# Of the square of a length that is a state, see `contract.sizes`.
_ROOT = 2048
_SHARED = 128


@dataclass(frozen=True)
class Case:
    """One way to keep the engine busy. Both sizes go to `make`; the first is at the bound."""

    name: str
    param: str
    make: Callable[[int], Json]
    bound: int
    beyond: int


def word(length: int = 8) -> str:
    """Lower-case letters."""
    return "".join(_RANDOM.choices(string.ascii_lowercase, k=length))


def text(length: int) -> str:
    """Words of different lengths."""
    words = [word(_RANDOM.randint(2, 9)) for _ in range(500)]
    return " ".join(_RANDOM.choices(words, k=length // 6 + 10) * 2)[:length]


def _prompt(content: str) -> Json:
    return {"messages": [{"role": "user", "content": content}], "truncate_prompt_tokens": 10}


def schema(described: Json) -> Json:
    """A schema as a response format."""
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": described}}}


def properties(number: int, each: Callable[[int], Json], required: bool = True) -> Json:
    """An object of some properties."""
    parts = {f"{word()}{place}": each(place) for place in range(number)}
    return {"type": "object", "properties": parts} | ({"required": list(parts)} if required else {})


def references(number: int) -> Json:
    """Objects that refer to one another. The keyword makes vLLM try llguidance where it may choose."""
    ends = {"type": "integer", "multipleOf": 3}
    found = {f"d{place}": _referring(place + 1) for place in range(number)}
    return {"$ref": "#/$defs/d0", "$defs": found | {f"d{number}": ends}}


def _referring(place: int) -> Json:
    return {"type": "object", "properties": {"a": {"$ref": f"#/$defs/d{place}"}}, "required": ["a"]}


def rules(number: int) -> str:
    """A grammar of rules that each have a word."""
    names = " | ".join(f"r{place}" for place in range(number))
    return f"root ::= {names}\n" + "\n".join(f'r{place} ::= "{word()}"' for place in range(number))


def _tools(length: int) -> Json:
    function = {"name": "f", "description": text(length), "parameters": {}}
    return {"tools": [{"type": "function", "function": function}], "truncate_prompt_tokens": 10}


def _copies(ids: int) -> Json:
    return {"n": 128, "allowed_token_ids": [7] * ids, "max_tokens": 2}


_FITTING = int(bounds.MAX_FORM_STATES**0.5 * _ROOT)
CASES = (
    Case("prompt of words", "messages", lambda n: _prompt(text(n)), 1_048_000, 10_000_000),
    Case("prompt of one word", "messages", lambda n: _prompt(word(n)), 1_048_000, 10_000_000),
    Case("description of a tool", "messages", _tools, 1_048_000, 5_000_000),
    Case("stop", "stop", lambda n: {"stop": [word(n // 4) for _ in range(4)]}, 16_384, 28_000_000),
    Case("bad_words", "bad_words", lambda n: {"bad_words": [text(n // 40)] * 40}, 16_384, 25_600_000),
    Case("length bounds of strings", "response_format", lambda n: schema(properties(n, _bounded)), 8, 30),
    Case("names beside additionalProperties", "response_format", lambda n: schema(_open(n)), 100, 300),
    Case("optional properties", "response_format", lambda n: schema(_optional(n)), 1000, 3000),
    Case("properties", "response_format", lambda n: schema(properties(n, lambda _: _STRING)), 3200, 30_000),
    Case("enum", "response_format", lambda n: schema({"enum": [word() for _ in range(n)]}), 8000, 100_000),
    Case("chain of $ref", "response_format", lambda n: schema(references(n)), 380, 1500),
    Case("one choice", "guided_choice", lambda n: {"guided_choice": [word(n)]}, _FITTING - 10, 500_000),
    Case("choices", "guided_choice", lambda n: {"guided_choice": [word(n // 900)] * 900}, 64_000, 2_000_000),
    Case("expression of words", "guided_regex", lambda n: {"guided_regex": word(n)}, _FITTING - 10, 500_000),
    Case("repetitions", "guided_regex", lambda n: {"guided_regex": _repeated(n)}, 8, 30),
    Case("optional characters", "guided_regex", lambda n: {"guided_regex": "a?" * n}, 180, 10_000),
    Case(
        "optional parts of a rule",
        "guided_grammar",
        lambda n: {"guided_grammar": _optional_parts(n)},
        73,
        400,
    ),
    Case("rules", "guided_grammar", lambda n: {"guided_grammar": rules(n)}, 1400, 30_000),
    Case("token ids for 128 choices", "n", _copies, 8100, 65_536),
)


def _bounded(place: int) -> Json:
    return {"type": "string", "maxLength": 200 + place}


def _open(number: int) -> Json:
    return properties(number, lambda _: _STRING) | {"additionalProperties": {"type": "integer"}}


def _optional(number: int) -> Json:
    return properties(number, lambda _: _STRING, required=False)


def _optional_parts(number: int) -> str:
    return "root ::= " + '"a"? ' * number


def _repeated(number: int) -> str:
    return "".join(f"[^{letter}]{{{_SHARED - 1}}}" for letter in (string.ascii_lowercase * 2)[:number])
