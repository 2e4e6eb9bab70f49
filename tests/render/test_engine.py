"""What vLLM is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairlead_operator.render.arguments import max_logprobs, vllm_arguments
from fairlead_operator.render.children import render_children
from fairlead_operator.render.model import Model
from fairlead_operator.render.source import Source, parse_source
from tests.plan.builders import SETTINGS, model


def arguments(parsed: Model) -> list[str]:
    return vllm_arguments(parsed, parse_source(parsed.spec.model.source))


def container(parsed: Model) -> dict[str, Any]:
    found: dict[str, Any] = render_children(parsed, SETTINGS)[-1]["spec"]["template"]["spec"]["containers"][0]
    return found


@pytest.mark.parametrize(
    ("source", "parsed"),
    [
        ("hf://Qwen/Qwen3-8B", Source("Qwen/Qwen3-8B", from_hub=True)),
        ("pvc://models", Source("/models", claim="models")),
        ("pvc://models/", Source("/models", claim="models")),
        ("pvc://models/a/b/", Source("/models/a/b", claim="models")),
        ("file:///opt/model/", Source("/opt/model")),
    ],
)
def test_a_source_says_what_to_load_and_what_to_mount(source: str, parsed: Source) -> None:
    assert parse_source(source) == parsed


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown model source"):
        parse_source("ftp://x")


def test_the_users_arguments_come_last_so_that_they_win() -> None:
    args = ("--max-model-len", "5")
    assert arguments(model(engine={"maxModelLen": 9, "args": args}))[-4:] == ["--max-model-len", "9", *args]


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ({"maxRunningRequests": 8}, ["--max-num-seqs", "8"]),
        (
            {"toolCallParser": "hermes"},
            ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"],
        ),
        ({"reasoningParser": "qwen3"}, ["--reasoning-parser", "qwen3"]),
        ({"schedulingPolicy": "Priority"}, ["--scheduling-policy", "priority"]),
        (
            {"structuredOutputsBackend": "LMFormatEnforcer"},
            ["--structured-outputs-config", '{"backend": "lm-format-enforcer"}'],
        ),
        ({"requestChatTemplates": "Allow"}, ["--trust-request-chat-template"]),
        ({"dtype": "Float16"}, ["--dtype", "float16"]),
        ({"quantization": "awq"}, ["--quantization", "awq"]),
        ({"gpuMemoryUtilizationPercent": 5}, ["--gpu-memory-utilization", "0.05"]),
        ({"gpuMemoryUtilizationPercent": 100}, ["--gpu-memory-utilization", "1.00"]),
        ({"chatTemplate": {"inline": "{{ x }} $5 $(A) $$"}}, ["--chat-template={{ x }} $$5 $$(A) $$$$"]),
        (
            {"chatTemplate": {"configMapKeyRef": {"name": "templates", "key": "a.jinja"}}},
            ["--chat-template", "/etc/fairlead/chat-template/a.jinja"],
        ),
    ],
)
def test_a_field_of_the_engine_becomes_arguments_that_are_not_there_without_it(
    engine: dict[str, Any], words: list[str]
) -> None:
    plain = arguments(model())
    assert arguments(model(engine=engine)) == [*plain, *words]
    assert not set(words) & set(plain)


def test_images_are_fetched_only_from_the_hosts_that_are_named() -> None:
    given = arguments(model(api={"mediaDomains": ["a.example", "b.example"]}))
    assert given[-3:] == ["--allowed-media-domains", "a.example", "b.example"]
    assert "--allowed-media-domains" not in arguments(model())


@pytest.mark.parametrize(
    ("args", "count"),
    [
        ([], 20),
        (["--max-logprobs", "5"], 5),
        (["--max_logprobs=5"], 5),
        (["--max-logprobs=5", "--max-logprobs", "7"], 7),
        (["--max-logprobs"], 20),
        (["--max-logprobs-mode", "9"], 20),
    ],
)
def test_the_gateway_learns_of_the_log_probabilities_that_arguments_allow(
    args: list[str], count: int
) -> None:
    assert max_logprobs(model(engine={"args": args})) == count


def test_without_an_accelerator_nothing_speaks_of_one() -> None:
    rendered = json.dumps(render_children(model(), SETTINGS))
    assert not [word for word in ("gpu", "GPU", "tensor-parallel", "runtimeClass") if word in rendered]


def test_a_variable_of_the_user_replaces_the_operators() -> None:
    env = container(model(engine={"env": [{"name": "HOME", "value": "/elsewhere"}]}))["env"]
    assert [variable["value"] for variable in env if variable["name"] == "HOME"] == ["/elsewhere"]


def test_only_a_model_of_the_hub_may_use_the_network() -> None:
    def offline(parsed: Model) -> bool:
        return any(variable["name"] == "HF_HUB_OFFLINE" for variable in container(parsed)["env"])

    assert offline(model())
    assert not offline(model(model={"source": "hf://a/b"}))


def test_only_an_engine_whose_hang_is_to_be_mended_has_a_liveness_probe() -> None:
    assert "livenessProbe" not in container(model())
    probe = container(model(engine={"unresponsive": {"action": "Restart"}}))["livenessProbe"]
    assert probe["httpGet"]["path"] == "/livez"


def test_the_start_of_the_engine_is_bounded() -> None:
    probe = container(model(engine={"startupTimeoutSeconds": 601}))["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] in (601, 602)


def test_scaling_does_not_change_the_pods() -> None:
    def template(parsed: Model) -> Any:
        return render_children(parsed, SETTINGS)[-1]["spec"]["template"]

    assert template(model(replicas=1)) == template(model(replicas=5))
