"""The arguments, environment and probes of vLLM."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairlead_operator.render.arguments import max_logprobs, vllm_arguments
from fairlead_operator.render.children import render_children
from fairlead_operator.render.model import Model
from tests.plan.builders import SETTINGS, model
from tests.render.cases import CASES, GROUPED, pod_templates


def arguments(parsed: Model) -> list[str]:
    return vllm_arguments(parsed)


def container(parsed: Model) -> dict[str, Any]:
    found: dict[str, Any] = render_children(parsed, SETTINGS).workload["spec"]["template"]["spec"][
        "containers"
    ][0]
    return found


def test_the_users_arguments_come_last_and_override_others() -> None:
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
def test_an_engine_field_becomes_arguments_that_are_absent_without_it(
    engine: dict[str, Any], words: list[str]
) -> None:
    plain = arguments(model())
    assert arguments(model(engine=engine)) == [*plain, *words]
    assert not set(words) & set(plain)


@pytest.mark.parametrize(
    ("engine", "options"),
    [
        ({}, []),
        ({"toolCallParser": "hermes", "reasoningParser": "qwen3"}, []),
        ({"toolCallParser": "None"}, ["--no-tool-call-parser"]),
        ({"reasoningParser": "None"}, ["--no-reasoning-parser"]),
    ],
)
def test_the_launcher_infers_no_parser_where_the_spec_says_none(
    engine: dict[str, Any], options: list[str]
) -> None:
    words = container(model(engine=engine))["args"]
    assert words[4 : words.index("--")] == options
    assert "None" not in words


def test_images_are_fetched_only_from_the_allowed_hosts() -> None:
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
def test_max_logprobs_in_the_users_arguments_reach_the_gateway_settings(args: list[str], count: int) -> None:
    assert max_logprobs(model(engine={"args": args})) == count


def test_without_an_accelerator_no_rendered_field_refers_to_one() -> None:
    rendered = json.dumps(render_children(model(), SETTINGS).children)
    assert not [word for word in ("gpu", "GPU", "tensor-parallel", "runtimeClass") if word in rendered]


def test_an_environment_variable_of_the_user_replaces_the_operators() -> None:
    env = container(model(engine={"env": [{"name": "HOME", "value": "/elsewhere"}]}))["env"]
    assert [variable["value"] for variable in env if variable["name"] == "HOME"] == ["/elsewhere"]


@pytest.mark.parametrize("source", ["pvc://models/tiny", "hf://a/b", "s3://a/b"])
def test_the_engine_fetches_no_weights_and_has_no_credentials(source: str) -> None:
    env = container(model(model={"source": source, "credentials": {"secretName": "hub"}}))["env"]
    values = {variable["name"]: variable.get("value") for variable in env}
    assert values["HF_HUB_OFFLINE"] == "1"
    assert not [name for name in values if "TOKEN" in name or name.startswith("AWS_")]
    assert "hub" not in json.dumps(env)


def test_adapters_are_engine_arguments() -> None:
    adapters = [
        {"name": "poet", "source": "pvc://loras/poet"},
        {"name": "clerk", "source": "hf://org/clerk"},
    ]
    given = arguments(model(model={"source": "pvc://models/tiny", "servedName": "big", "adapters": adapters}))
    begin = given.index("--enable-lora")
    modules = given.index("--lora-modules")
    assert given[begin:modules] == ["--enable-lora", "--max-loras", "2", "--max-cpu-loras", "2"]
    assert [json.loads(item) for item in given[modules + 1 : modules + 3]] == [
        {"name": "poet", "path": "/adapters/poet/poet", "base_model_name": "big"},
        {"name": "clerk", "path": "/run/fairlead/adapters/clerk", "base_model_name": "big"},
    ]
    assert not [word for word in arguments(model()) if "lora" in word]


def test_the_number_of_adapters_in_accelerator_memory_is_limited() -> None:
    adapters = [{"name": f"a{number}", "source": f"pvc://loras/{number}"} for number in range(20)]
    given = arguments(model(model={"source": "pvc://models/tiny", "adapters": adapters}))
    assert given[given.index("--max-loras") + 1] == "8"
    assert given[given.index("--max-cpu-loras") + 1] == "20"


def test_only_an_engine_with_restart_on_hang_has_a_liveness_probe() -> None:
    assert "livenessProbe" not in container(model())
    probe = container(model(engine={"unresponsive": {"action": "Restart"}}))["livenessProbe"]
    assert probe["httpGet"]["path"] == "/livez"


def test_the_engine_has_a_startup_probe_with_a_time_limit() -> None:
    probe = container(model(engine={"startupTimeoutSeconds": 601}))["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] in (601, 602)


def test_scaling_does_not_change_the_pods() -> None:
    def template(parsed: Model) -> Any:
        return render_children(parsed, SETTINGS).workload["spec"]["template"]

    assert template(model(replicas=1)) == template(model(replicas=5))


def containers(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The containers of a pod template by name."""
    spec = template["spec"]
    return {item["name"]: item for item in (*spec["initContainers"], *spec["containers"])}


@pytest.mark.parametrize("case", CASES)
def test_only_the_init_container_can_write_the_launcher(case: str) -> None:
    for template in pod_templates(case):
        found = containers(template)
        program = found["vllm"]["command"][1]
        writable = {
            name
            for name, item in found.items()
            for mount in item.get("volumeMounts", [])
            if program.startswith(mount["mountPath"] + "/") and not mount.get("readOnly")
        }
        assert writable == {"launcher" if "launcher" in found else "gateway"}


@pytest.mark.parametrize("case", CASES)
def test_the_download_does_not_see_the_launcher(case: str) -> None:
    for template in pod_templates(case):
        found = containers(template)
        folder = found["vllm"]["command"][1].rpartition("/")[0]
        assert folder not in {
            mount["mountPath"] for mount in found.get("weights", {}).get("volumeMounts", [])
        }


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


@pytest.mark.parametrize("seconds", [0, 300, 86400])
def test_the_engine_is_stopped_after_a_drain_that_fits_into_the_grace_period(seconds: int) -> None:
    rendered = render_children(model(rollout={"drainTimeoutSeconds": seconds}), SETTINGS)
    spec = rendered.workload["spec"]["template"]["spec"]
    command = spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert command[:3] == [*spec["containers"][0]["command"], "drain"]
    assert seconds < int(option(command, "--timeout")) < spec["terminationGracePeriodSeconds"]


def test_only_a_leader_drains_and_its_workers_wait_for_it() -> None:
    leader, worker = pod_templates(GROUPED)
    hooks = [
        template["spec"]["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
        for template in (leader, worker)
    ]
    assert [hook[2] for hook in hooks] == ["drain", "await-drain"]
    assert option(hooks[1], "--address-from") == "LWS_LEADER_ADDRESS"
    longest = int(option(hooks[1], "--timeout"))
    assert int(option(hooks[0], "--timeout")) < longest < worker["spec"]["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("case", CASES)
def test_no_kubelet_hook_changes_state_by_a_get_request(case: str) -> None:
    assert all(
        "httpGet" not in hook
        for template in pod_templates(case)
        for item in containers(template).values()
        for hook in item.get("lifecycle", {}).values()
    )
