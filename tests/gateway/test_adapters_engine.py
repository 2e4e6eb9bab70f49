"""LoRA adapters on a real vLLM: started as in a pod, requested through the gateway by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from openai import OpenAI

from e2e.models.tiny import make_adapter
from fairlead_operator.render.arguments import vllm_arguments
from tests.gateway.process import GatewayProcess
from tests.plan.builders import model
from tests.support.engine import COMMON_ARGUMENTS, Engine

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def arguments() -> Iterator[list[str]]:
    """What the operator renders for two adapters, with their folders here."""
    with TemporaryDirectory(prefix="fairlead-") as folder:
        names = {"poet": 24, "clerk": 4}
        for name, rank in names.items():
            make_adapter(Path(folder) / name, rank)
        adapters = [{"name": name, "source": f"file://{folder}/{name}"} for name in names]
        rendered = vllm_arguments(model(model={"source": "pvc://models/tiny", "adapters": adapters}))
        begin = rendered.index("--enable-lora")
        modules = rendered.index("--lora-modules")
        yield rendered[begin : modules + 1 + len(names)]


@pytest.fixture(scope="module")
def adapted(arguments: list[str]) -> Iterator[Engine]:
    """An engine with the adapters."""
    running = Engine([*COMMON_ARGUMENTS, *arguments])
    try:
        yield running.wait_ready()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def client(adapted: Engine) -> Iterator[OpenAI]:
    names = {"servedName": "tiny", "adapters": ["poet", "clerk"]}
    with GatewayProcess(adapted, model=names) as gateway, gateway.openai() as connected:
        yield connected


def ask(client: OpenAI, name: str) -> str:
    """The most probable answer, by the model or an adapter of it."""
    answer = client.chat.completions.create(
        model=name, messages=[{"role": "user", "content": "hello"}], max_tokens=24, temperature=0
    )
    assert answer.model == name
    return answer.choices[0].message.content or ""


def test_each_adapter_gives_its_own_answer(client: OpenAI) -> None:
    answers = {name: ask(client, name) for name in ("tiny", "poet", "clerk")}
    assert len(set(answers.values())) == 3
    assert {name: ask(client, name) for name in answers} == answers


def test_an_adapter_answers_in_the_responses_api_too(client: OpenAI) -> None:
    answers = {
        name: client.responses.create(model=name, input="hello", max_output_tokens=24, temperature=0)
        for name in ("tiny", "poet")
    }
    assert {name: answer.model for name, answer in answers.items()} == {"tiny": "tiny", "poet": "poet"}
    assert answers["tiny"].output_text != answers["poet"].output_text


def test_adapters_are_listed_with_the_model_that_they_adapt(client: OpenAI) -> None:
    listed = {entry.id: entry.model_dump().get("parent") for entry in client.models.list()}
    assert listed == {"tiny": None, "poet": "tiny", "clerk": "tiny"}
