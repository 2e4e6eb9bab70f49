"""Which pods take equally long to start."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_operator.render.templates import render_templates, start_kind
from tests.plan.builders import SETTINGS, model, model_body


def kind(**spec: Any) -> str:
    parsed = model(**spec)
    return start_kind(parsed, render_templates(parsed, SETTINGS)[0])


@pytest.mark.parametrize(
    "spec",
    [
        {"engine": {"image": "registry.example/vllm:other"}},
        {"model": {"source": "hf://org/another"}},
        {"accelerator": {"resourceName": "nvidia.com/gpu", "count": 4}},
        {"accelerator": {"resourceName": "amd.com/gpu"}},
        {"scheduling": {"nodeSelector": {"gpu": "h100"}}},
        {"podTemplate": {"spec": {"containers": [{"name": "vllm", "image": "registry.example/mine"}]}}},
    ],
    ids=["image", "weights", "accelerators", "make", "nodes", "podTemplate"],
)
def test_fields_that_affect_the_cold_start_change_the_start_kind(spec: dict[str, Any]) -> None:
    assert kind(**spec) != kind()


@pytest.mark.parametrize(
    "spec",
    [
        {"engine": {"args": ["--max-num-seqs=8"]}},
        {"model": {**model_body()["spec"]["model"], "servedName": "other", "aliases": ["another"]}},
        {"replicas": 3},
    ],
    ids=["arguments", "names", "replicas"],
)
def test_other_fields_keep_the_start_kind(spec: dict[str, Any]) -> None:
    assert kind(**spec) == kind()
