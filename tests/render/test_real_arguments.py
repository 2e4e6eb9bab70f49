"""vLLM's own parser understands what is rendered, and means by it what the spec says."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from tests.render.cases import CASES, GROUPED, pod_templates
from tests.support.engine import install_vllm

pytestmark = pytest.mark.engine

# Reads the argument lists of all cases and prints what vLLM takes them for: one import for all.
PARSE = """
import json, sys
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser

parser = make_arg_parser(FlexibleArgumentParser())
names = json.loads(sys.argv[1])
parsed = {case: vars(parser.parse_args(words)) for case, words in json.load(sys.stdin).items()}
for values in parsed.values():
    values["structured_outputs_config"] = values["structured_outputs_config"].backend
print(json.dumps({case: {name: values[name] for name in names} for case, values in parsed.items()}))
"""
# What LeaderWorkerSet sets in the containers of a group's second pod.
VARIABLES = {"LWS_LEADER_ADDRESS": "large-group-0.large-group.demo", "LWS_WORKER_INDEX": "1"}
CLAIMED = {
    "dtype": "bfloat16",
    "quantization": "fp8",
    "gpu_memory_utilization": 0.85,
    "tensor_parallel_size": 2,
    "pipeline_parallel_size": 2,
    "chat_template": "{%- for message in messages %}{{ message.role }}: {{ message.content }} costs $5, "
    "not $(HOME) or $$\n{% endfor %}",
}
GROUP = {
    "tensor_parallel_size": 8,
    "pipeline_parallel_size": 2,
    "nnodes": 2,
    "node_rank": 1,
    "master_addr": "large-group-0.large-group.demo",
    "master_port": 29501,
}
FULL = {
    "served_model_name": ["grid"],
    "max_num_seqs": 64,
    "enable_auto_tool_choice": True,
    "tool_call_parser": "hermes",
    "reasoning_parser": "qwen3",
    "scheduling_policy": "priority",
    "structured_outputs_config": "lm-format-enforcer",
    "trust_request_chat_template": True,
    "allowed_media_domains": ["images.example.com", "cdn.example.com"],
    "fingerprint_mode": "none",
    "enable_prompt_tokens_details": True,
    "max_logprobs": 50,
}


def rendered(case: str) -> list[str]:
    engine, *_ = pod_templates(case)[-1]["spec"]["containers"]
    words: list[str] = engine["args"]
    return [expanded(word) for word in words[words.index("--") + 1 :]]


def expanded(word: str) -> str:
    """What the kubelet makes of an argument: of two dollars one, of a reference the variable's value."""
    return re.sub(r"\$\$|\$\((\w+)\)", lambda found: VARIABLES[found[1]] if found[1] else "$", word)


@pytest.fixture(scope="module")
def understood() -> dict[str, dict[str, Any]]:
    """What vLLM takes the arguments of each golden case for."""
    words = json.dumps({case: rendered(case) for case in CASES})
    done = subprocess.run(
        [str(install_vllm()), "-c", PARSE, json.dumps([*FULL, *CLAIMED, *GROUP])],
        input=words,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_vllm_accepts_the_rendered_arguments_of_every_case(understood: dict[str, dict[str, Any]]) -> None:
    assert sorted(understood) == CASES


def test_every_engine_field_has_its_effect_in_vllm(understood: dict[str, dict[str, Any]]) -> None:
    assert understood["provider-with-keys"].items() >= FULL.items()
    assert understood["claimed-devices"].items() >= CLAIMED.items()
    assert understood[GROUPED].items() >= GROUP.items()


def test_without_engine_fields_vllm_keeps_its_own_defaults(understood: dict[str, dict[str, Any]]) -> None:
    assert understood["tiny-cpu"] == {
        **dict.fromkeys(FULL),
        "served_model_name": ["tiny"],
        "enable_auto_tool_choice": False,
        "reasoning_parser": "",
        "scheduling_policy": "fcfs",
        "structured_outputs_config": "auto",
        "trust_request_chat_template": False,
        "fingerprint_mode": "none",
        "enable_prompt_tokens_details": True,
        "max_logprobs": 20,
        "dtype": "auto",
        "quantization": None,
        "gpu_memory_utilization": 0.92,
        "tensor_parallel_size": 1,
        "pipeline_parallel_size": 1,
        "chat_template": None,
        "nnodes": 1,
        "node_rank": 0,
        "master_addr": "127.0.0.1",
        "master_port": 29501,
    }
