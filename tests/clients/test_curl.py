"""The example requests of the provider documents, as printed, with curl."""

from __future__ import annotations

import base64
import json
import re
import struct
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients import provider_examples as examples
from tests.clients.failing_engine import FailingEngine
from tests.clients.requests import FORECAST_SCHEMA, FORECAST_TOOL, HELLO, assert_forecast
from tests.gateway.process import EngineFiles, GatewayProcess
from tests.support.engine import Engine
from tests.support.manifests import DOCUMENTED_NAMES

# The examples leave the length of the answer open, and a random model knows no end.
SHORT = {"max_tokens": {"maximum": 16}}

IO_VALUES: dict[str, Any] = {
    "model": "tiny",
    "messages": HELLO,
    # The template has logprobs off, and there is nothing to rank then.
    "top_logprobs": 0,
    "max_tokens": 60,
    "max_completion_tokens": 60,
    "seed": 7,
    "stop": ["###"],
    "tools": [{"type": "function", "function": FORECAST_TOOL}],
    "tool_choice": "none",
    "user": "someone",
    "best_of": 2,
    "stop_token_ids": [0],
    "truncate_prompt_tokens": 64,
    "prompt_logprobs": 1,
    "documents": [{"title": "Weather", "text": "It rains."}],
    "chat_template": "{% for message in messages %}{{ message.content }}{% endfor %}",
    "guided_decoding_backend": "xgrammar",
    "request_id": "order-66",
    # One answer cannot keep to four rules: each test gives one of them.
    "guided_json": None,
    "guided_regex": None,
    "guided_choice": None,
    "guided_grammar": None,
    "guided_whitespace_pattern": None,
}


def png() -> str:
    """One black pixel in base64."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = part(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    pixels = part(b"IDAT", zlib.compress(b"\0\0"))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + header + pixels + part(b"IEND", b"")).decode()


@contextmanager
def gateway_of(dialect: str, engine: EngineFiles, limits: dict[str, Any]) -> Iterator[int]:
    """The API port of a gateway of that dialect."""
    spec = {
        "model": {"aliases": [*DOCUMENTED_NAMES]},
        "api": {"dialect": dialect, "limits": limits},
        "engine": {"structuredOutputsBackend": "XGrammar", "requestChatTemplates": "Allow"},
    }
    with GatewayProcess(engine, spec) as running:
        yield running.api_port


@pytest.fixture(scope="module")
def ig1(engine: Engine) -> Iterator[int]:
    with gateway_of("IG1", engine, SHORT) as port:
        yield port


@pytest.fixture(scope="module")
def io_intelligence(engine: Engine) -> Iterator[int]:
    with gateway_of("IOIntelligence", engine, {}) as port:
        yield port


@pytest.fixture(scope="module")
def polargrid(engine: Engine) -> Iterator[int]:
    with gateway_of("PolarGrid", engine, {}) as port:
        yield port


@pytest.mark.engine
def test_the_documented_ig1_chat_example_works(ig1: int, tmp_path: Path) -> None:
    answer = examples.run("ig1-chat", ig1, tmp_path)

    examples.assert_shaped_like(examples.printed_answer("ig1-chat"), answer)
    assert answer["choices"][0]["message"]["content"]


@pytest.mark.engine
@pytest.mark.parametrize(
    ("example", "key"), [("text", {"<YOUR_API_KEY>": "none"}), ("items", {})], ids=["text", "items"]
)
def test_the_documented_ig1_responses_example_works(
    ig1: int, tmp_path: Path, example: str, key: dict[str, str]
) -> None:
    answer = examples.run(f"ig1-responses-{example}", ig1, tmp_path, **key)

    examples.assert_shaped_like(examples.printed_answer("ig1-responses"), answer)
    assert answer["output_text"] == answer["output"][0]["content"][0]["text"] != ""


@pytest.mark.engine
def test_an_image_is_refused_by_a_text_only_model(ig1: int, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        examples.run("ig1-responses-image", ig1, tmp_path, **{"<BASE64_ENCODED_IMAGE_DATA>": png()})

    error = json.loads(caught.value.stdout)["error"]
    assert error["type"] == "invalid_request_error"
    assert "multimodal" in error["message"]


def test_an_image_reaches_the_engine(failing_engine: FailingEngine, tmp_path: Path) -> None:
    # A model with eyes is too large for a test: an engine that keeps what it was sent.
    with gateway_of("IG1", failing_engine, SHORT) as port:
        answer = examples.run("ig1-responses-image", port, tmp_path, **{"<BASE64_ENCODED_IMAGE_DATA>": png()})

    sent = failing_engine.bodies["Describe this image"]["messages"][-1]["content"]
    assert sent[1]["type"] == "image_url"
    assert sent[1]["image_url"]["url"] == f"data:image/png;base64,{png()}"
    assert answer["status"] == "completed"


@pytest.mark.engine
def test_the_documented_polargrid_chat_example_works(polargrid: int, tmp_path: Path) -> None:
    answer = examples.run("polargrid-chat", polargrid, tmp_path)

    examples.assert_shaped_like(examples.printed_answer("polargrid-chat"), answer)
    assert 0 < answer["usage"]["completion_tokens"] <= 100


@pytest.mark.engine
def test_the_documented_rag_chat_example_works(engine: Engine, tmp_path: Path) -> None:
    # Its document prints no request: this one has every parameter and header that it names.
    with gateway_of("RAG", engine, {}) as port:
        answer = examples.run("rag-chat", port, tmp_path)

    assert answer["model"] == "tiny"
    assert 0 < answer["usage"]["completion_tokens"] <= 16


class TestIOIntelligence:
    """Its example is a template of all parameters."""

    pytestmark = pytest.mark.engine

    def answer(self, port: int, settings: Path, **rule: Any) -> tuple[dict[str, Any], str]:
        answer = examples.run_template("io-chat", port, settings, IO_VALUES | rule)
        examples.assert_shaped_like(examples.printed_answer("io-chat"), answer)
        return answer, answer["choices"][0]["message"]["content"]

    def test_guided_json_constrains_the_answer(self, io_intelligence: int, tmp_path: Path) -> None:
        schema = json.dumps(FORECAST_SCHEMA)
        answer, content = self.answer(
            io_intelligence, tmp_path, guided_json=schema, guided_whitespace_pattern=" ?"
        )

        assert_forecast(json.loads(content))
        assert answer["id"] == "order-66"
        assert answer["prompt_logprobs"]

    def test_guided_regex_constrains_the_answer(self, io_intelligence: int, tmp_path: Path) -> None:
        assert re.fullmatch("[ab]{3}", self.answer(io_intelligence, tmp_path, guided_regex="[ab]{3}")[1])

    def test_guided_choice_constrains_the_answer(self, io_intelligence: int, tmp_path: Path) -> None:
        choices = ["yes", "no"]

        assert self.answer(io_intelligence, tmp_path, guided_choice=choices)[1] in choices

    def test_guided_grammar_constrains_the_answer(self, io_intelligence: int, tmp_path: Path) -> None:
        grammar = 'root ::= "red" | "blue"'

        assert self.answer(io_intelligence, tmp_path, guided_grammar=grammar)[1] in ("red", "blue")
