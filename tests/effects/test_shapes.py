"""Answers have the shape of the samples in the providers' documents (tests/effects/samples, as published)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fairlead_contract.dialects import DIALECTS
from fairlead_contract.parameters import ApiKind
from tests.effects.answers import JsonObject
from tests.effects.endpoint import Endpoint
from tests.effects.gateways import Gateways, Site

pytestmark = pytest.mark.engine

SAMPLES = {path.stem: path for path in sorted((Path(__file__).parent / "samples").glob("*.json"))}
# What only vLLM has.
INTERNAL = {
    "token_ids",
    "routed_experts",
    "kv_transfer_params",
    "ec_transfer_params",
    "prompt_token_ids",
    "metrics",
}


def differences(sample: Any, found: Any, place: str = "answer") -> list[str]:
    """Where the found JSON lacks a key of the sample or has another type; where that has null, any."""
    if sample is None:
        return []
    if isinstance(sample, dict) and isinstance(found, dict):
        missing = [f"{place} lacks {name}" for name in sample if name not in found]
        return missing + [
            line
            for name in sample.keys() & found.keys()
            for line in differences(sample[name], found[name], f"{place}.{name}")
        ]
    if isinstance(sample, list) and isinstance(found, list):
        return [line for s, f in zip(sample, found, strict=False) for line in differences(s, f, f"{place}[]")]
    return [] if type(sample) is type(found) else [f"{place} is {found!r}"]


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("sample", SAMPLES)
def test_an_answer_has_the_shape_of_the_dialects_sample(gateways: Gateways, sample: str) -> None:
    name, api = sample.split("-")
    endpoint = Endpoint(gateways, Site(name), DIALECTS[name], ApiKind(api))
    published: JsonObject = json.loads(SAMPLES[sample].read_text())

    found = endpoint.ask().document

    assert differences(published, found) == []
    assert not _keys(found) & INTERNAL


def test_a_chunk_has_the_keys_of_polargrids_sample(gateways: Gateways) -> None:
    endpoint = Endpoint(gateways, Site("PolarGrid"), DIALECTS["PolarGrid"], ApiKind.CHAT)

    for chunk in endpoint.events():
        assert chunk.keys() >= {"id", "object", "choices"}
        assert chunk["choices"][0].keys() >= {"delta"}


@pytest.mark.parametrize("name", [name for name in DIALECTS if name != "OpenAI"])
def test_only_the_openai_dialect_shows_keys_that_only_vllm_has(gateways: Gateways, name: str) -> None:
    endpoint = Endpoint(gateways, Site(name), DIALECTS[name], ApiKind.CHAT)

    assert not _keys(endpoint.ask().document) & INTERNAL
