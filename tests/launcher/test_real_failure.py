"""A real vLLM that cannot start: the launcher says why, where Kubernetes looks for it."""

from __future__ import annotations

import json

import pytest

from tests.support.engine import READY_SECONDS, Engine

pytestmark = pytest.mark.engine


def test_an_argument_that_vllm_does_not_know_is_named_in_the_termination_message() -> None:
    engine = Engine(("--frobnicate",))
    try:
        exit_code = engine.process.wait(READY_SECONDS)
        message = json.loads(engine.termination_log.read_bytes())
    finally:
        engine.stop()

    assert exit_code == 2
    assert message == {
        "reason": "EngineArgumentInvalid",
        "message": "unrecognized arguments: --frobnicate",
        "exitCode": 2,
    }
