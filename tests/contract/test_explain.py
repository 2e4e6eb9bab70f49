"""Which parameter an error of the engine is about. The messages are vLLM 0.32.0's."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_gateway.contract.errors import from_engine

from .support import dialogue


@pytest.mark.parametrize(
    ("changes", "message", "param"),
    [
        (
            {"guided_regex": "("},
            "Failed to transform regex into a grammar: [08:50:24] <path>:83: x",
            "guided_regex",
        ),
        ({"guided_grammar": "x"}, "Invalid grammar specification.", "guided_grammar"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "nope"}}}},
            'Failed to transform json schema into a grammar: [08:50:24] <path>:4944: Unsupported type "nope"',
            "response_format",
        ),
        ({"structured_outputs": {"json": 5}}, "structured_outputs.json must be x", "structured_outputs"),
        ({}, "min_tokens must be less than or equal to max_tokens=5, got 50.", "min_tokens"),
        ({}, "tiny is not a multimodal model", "messages"),
        ({}, "Something else went wrong.", None),
    ],
)
def test_a_message_without_a_parameter_finds_it(
    changes: dict[str, Any], message: str, param: str | None
) -> None:
    error = dialogue(**changes).explain(from_engine(400, {"message": message, "param": None}))

    assert error.param == param
    assert "<path>" not in error.message


def test_a_parameter_has_the_name_that_the_client_used() -> None:
    engine = from_engine(400, {"message": "x", "param": "body.structured_outputs.regex"})

    assert dialogue(guided_regex="(").explain(engine).param == "guided_regex.regex"


def test_a_failure_of_the_engine_is_nobodys_parameter() -> None:
    assert dialogue().explain(from_engine(500, {"message": "min_tokens exploded"})).param is None
