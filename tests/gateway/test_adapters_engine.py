"""LoRA adapters on a real vLLM: requested through the gateway by name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import OpenAI

from e2e.models.tiny import make_adapter, make_model
from tests.support.engine import Engine
from tests.support.manifests import CLAIM, EAGER, NAME, merged

pytestmark = pytest.mark.engine


ADAPTERS = {"poet": 24, "clerk": 4}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    """openai-python against a model with two adapters of different ranks."""
    models = tmp_path_factory.mktemp("models")
    make_model(models / NAME)
    for name, rank in ADAPTERS.items():
        make_adapter(models / name, rank)
    adapters = [{"name": name, "source": f"pvc://{CLAIM}/{name}"} for name in ADAPTERS]
    adapted = Engine(merged(EAGER, {"model": {"aliases": [], "adapters": adapters}}), models)
    try:
        with adapted.wait_ready().gateway.openai() as connected:
            yield connected
    finally:
        adapted.stop()


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
