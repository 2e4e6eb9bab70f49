"""The bounds on sizes hold for the Responses API too, under its names."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_contract.values import Limit
from fairlead_gateway.contract.policy import make_policy

from .asking import FUNCTION, chat, refusal

WIDE = {"type": "string", "pattern": "." * 2000}


def text(schema: dict[str, Any]) -> dict[str, Any]:
    return {"text": {"format": {"type": "json_schema", "name": "a", "schema": schema}}}


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"input": "a" * 1_100_000}, "input"),
        ({"instructions": "a" * 1_100_000}, "input"),
        (text(WIDE), "text.format"),
        ({"tools": [FUNCTION | {"parameters": WIDE}]}, "tools"),
        ({"stop": ["a" * 20_000]}, "stop"),
        ({"guided_regex": "." * 2000}, "guided_regex"),
    ],
    ids=["input", "instructions", "text", "tools", "stop", "guided_regex"],
)
def test_a_too_large_value_is_refused_under_the_clients_parameter_name(
    changes: dict[str, Any], param: str
) -> None:
    error = refusal(**changes)

    assert (error.status, error.param) == (400, param)


def test_the_deployments_limit_applies_to_the_text_format() -> None:
    mine = make_policy(("tiny",), limits={"text": Limit(max_states=3000)})

    assert chat(mine, **text(WIDE))
    assert refusal(make_policy(("tiny",), limits={"text": Limit(max_states=9)}), **text({"pattern": ".{10}"}))


def test_the_deployments_limit_applies_to_the_input() -> None:
    mine = make_policy(("tiny",), limits={"input": Limit(max_length=2_000_000)})

    assert chat(mine, input="a" * 1_100_000)
