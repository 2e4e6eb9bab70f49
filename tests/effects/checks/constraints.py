"""Answers bound to a form. Unbound, the tiny model's answers are noise that never fits."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema

from fairlead_contract.parameters import ApiKind
from tests.effects.answers import Answer
from tests.effects.checks.thinking import briefly
from tests.effects.endpoint import Endpoint
from tests.effects.registry import effect

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"enum": ["Rome", "Oslo"]}, "warm": {"type": "boolean"}},
    "required": ["city", "warm"],
    "additionalProperties": False,
}
ROOM = 48


def _fits(answer: Answer) -> None:
    assert answer.only.finish == "stop"
    jsonschema.validate(json.loads(answer.text), SCHEMA)


def _bound(endpoint: Endpoint, **constraint: Any) -> Answer:
    answer = endpoint.ask(**{endpoint.limit: ROOM}, **constraint)
    assert answer.only.finish == "stop"
    return answer


@effect("structured_outputs")
def structured_outputs(endpoint: Endpoint) -> None:
    """The answer follows the constraint; two at once are refused."""
    assert _bound(endpoint, structured_outputs={"choice": ["red", "green"]}).text in ("red", "green")
    _fits(_bound(endpoint, structured_outputs={"json": SCHEMA}))
    two = {"choice": ["red"], "regex": "red"}
    assert endpoint.refused(structured_outputs=two).param == "structured_outputs"


@effect("guided_json")
def guided_json(endpoint: Endpoint) -> None:
    """The answer fits the schema, given as text or as an object."""
    _fits(_bound(endpoint, guided_json=json.dumps(SCHEMA)))
    _fits(_bound(endpoint, guided_json=SCHEMA))
    assert endpoint.refused(guided_json="no schema").param == "guided_json"


@effect("guided_regex")
def guided_regex(endpoint: Endpoint) -> None:
    """The answer matches the expression."""
    assert re.fullmatch(r"[a-c]{3}-[0-9]{2}", _bound(endpoint, guided_regex=r"[a-c]{3}-[0-9]{2}").text)


@effect("guided_choice")
def guided_choice(endpoint: Endpoint) -> None:
    """The answer is one of the choices, and a lone choice is it."""
    assert _bound(endpoint, guided_choice=["red", "green"]).text in ("red", "green")
    assert _bound(endpoint, guided_choice=["blue"]).text == "blue"
    assert endpoint.refused(guided_choice=["red"], guided_regex="red").param in (
        "guided_choice",
        "guided_regex",
    )


@effect("guided_grammar")
def guided_grammar(endpoint: Endpoint) -> None:
    """The answer follows the grammar."""
    grammar = 'root ::= "(" item ")"\nitem ::= "yes" | "no"'
    assert _bound(endpoint, guided_grammar=grammar).text in ("(yes)", "(no)")
    assert endpoint.refused(guided_grammar="root ::= (").param == "guided_grammar"


@effect("guided_whitespace_pattern")
def guided_whitespace_pattern(endpoint: Endpoint) -> None:
    """The whitespace of the JSON is what the expression says."""
    answer = _bound(endpoint, guided_json=json.dumps(SCHEMA), guided_whitespace_pattern="[ ]{2}")

    _fits(answer)
    assert answer.text == json.dumps(json.loads(answer.text), separators=("  ,  ", "  :  ")).replace(
        "{", "{  "
    ).replace("}", "  }")
    assert endpoint.refused(guided_whitespace_pattern=" ").param == "guided_whitespace_pattern"


@effect("guided_decoding_backend")
def guided_decoding_backend(endpoint: Endpoint) -> None:
    """The backend that the engine was started with works, any other is refused by name."""
    schema = json.dumps(SCHEMA)
    _fits(_bound(endpoint, guided_json=schema, guided_decoding_backend="xgrammar"))
    refusal = endpoint.refused(guided_json=schema, guided_decoding_backend="outlines")
    assert refusal.param == "guided_decoding_backend"
    assert "xgrammar" in refusal.message

    other = endpoint.on_second_engine()
    # A model that thinks is bound once it has finished thinking.
    bound = other.ask(**briefly(other), guided_json=schema, guided_decoding_backend="outlines")
    _fits(bound)
    assert "outlines" in other.refused(guided_decoding_backend="lm-format-enforcer").message


@effect("response_format", apis=(ApiKind.CHAT,))
@effect("text", apis=(ApiKind.RESPONSES,))
def response_format(endpoint: Endpoint) -> None:
    """json_schema binds to the schema, json_object to an object, text and nothing to nothing."""
    _fits(_bound(endpoint, **endpoint.schema_format(SCHEMA)))
    name, wrap = ("response_format", False) if endpoint.api is ApiKind.CHAT else ("text", True)

    def formatted(form: dict[str, Any]) -> dict[str, Any]:
        return {name: {"format": form} if wrap else form}

    assert isinstance(json.loads(_bound(endpoint, **formatted({"type": "json_object"})).text), dict)
    assert endpoint.ask(**formatted({"type": "text"})).text == endpoint.greedy().text
    assert endpoint.ask(**{name: {}}).text == endpoint.greedy().text
    assert (endpoint.refused(**formatted({"type": "xml"})).param or "").startswith(name)
