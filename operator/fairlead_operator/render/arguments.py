"""The arguments of vLLM's API server: ours first, then the user's, of which the last one wins."""

from __future__ import annotations

import json
import re
from itertools import pairwise

from fairlead_contract.defaults import MAX_LOGPROBS
from fairlead_operator.api.engine import NO_PARSER
from fairlead_operator.render.chat_template import chat_template_arguments
from fairlead_operator.render.model import Model
from fairlead_operator.render.parallelism import parallel_arguments
from fairlead_operator.render.source import adapter_place, model_place

SHUTDOWN_SECONDS = 20

# Values of the API, and of vLLM (`--structured-outputs-config`, which clients use too).
STRUCTURED_OUTPUTS_BACKENDS = {
    "Auto": "auto",
    "Guidance": "guidance",
    "LMFormatEnforcer": "lm-format-enforcer",
    "Outlines": "outlines",
    "XGrammar": "xgrammar",
}
# Adapters that one batch may mix: each takes its place in the accelerator's memory whether it is used or not.
# The others wait in the host's memory.
MAX_LOADED_ADAPTERS = 8

_MAX_LOGPROBS = re.compile(r"^--max[-_]logprobs(?:=(.*))?$")


def vllm_arguments(model: Model) -> list[str]:
    """Arguments of vLLM's API server: ours first, then the user's, of which the last one wins."""
    spec = model.spec
    place = model_place(model)
    arguments = ["--model", place.path]
    if place.config:
        # vLLM looks for both beside the file.
        arguments += ["--hf-config-path", place.config, "--tokenizer", place.config]
    arguments += ["--served-model-name", model.served_name, *spec.model.aliases]
    arguments += ["--shutdown-timeout", str(SHUTDOWN_SECONDS)]
    # Neutral defaults: what a request leaves out must not depend on a file in the model's folder.
    arguments += ["--generation-config", "vllm"]
    # Cached tokens are part of the usage in responses.
    arguments += ["--enable-prompt-tokens-details"]
    # Engine version and parallelism are not published.
    arguments += ["--fingerprint-mode", "none"]
    arguments += [*_numbers(model), *_adapters(model), *_behaviour(model), *parallel_arguments(model)]
    return [*arguments, *spec.engine.args]


def _adapters(model: Model) -> list[str]:
    """LoRA adapters as arguments, so that every start of the engine loads them. Their rank is in their
    files: the launcher adds `--max-lora-rank`.
    """
    adapters = model.spec.model.adapters
    if not adapters:
        return []
    modules = [
        json.dumps(
            {
                "name": adapter.name,
                "path": adapter_place(model, adapter).path,
                "base_model_name": model.served_name,
            }
        )
        for adapter in adapters
    ]
    return [
        "--enable-lora",
        *("--max-loras", str(min(len(adapters), MAX_LOADED_ADAPTERS))),
        *("--max-cpu-loras", str(len(adapters))),
        *("--lora-modules", *modules),
    ]


def max_logprobs(model: Model) -> int:
    """How many log probabilities a token may have by the user's arguments; no field is worth so rare a
    setting.
    """
    found, args = MAX_LOGPROBS, model.spec.engine.args
    for argument, following in pairwise((*args, "")):
        if match := _MAX_LOGPROBS.match(argument):
            value = following if match[1] is None else match[1]
            found = int(value) if value.isdecimal() else found
    return found


def _numbers(model: Model) -> list[str]:
    """Memory, batch sizes and number formats of the engine; vLLM's defaults are left out."""
    engine, arguments = model.spec.engine, list[str]()
    if engine.max_model_len:
        arguments += ["--max-model-len", str(engine.max_model_len)]
    if engine.max_running_requests:
        arguments += ["--max-num-seqs", str(engine.max_running_requests)]
    if engine.dtype != "Auto":
        arguments += ["--dtype", engine.dtype.lower()]
    if engine.quantization:
        arguments += ["--quantization", engine.quantization]
    if percent := engine.gpu_memory_utilization_percent:
        arguments += ["--gpu-memory-utilization", f"{percent // 100}.{percent % 100:02}"]
    return arguments


def _behaviour(model: Model) -> list[str]:
    """How requests are parsed and which are refused; vLLM's defaults are left out."""
    engine, arguments = model.spec.engine, list[str]()
    if engine.tool_call_parser not in (None, NO_PARSER):
        arguments += ["--enable-auto-tool-choice", "--tool-call-parser", engine.tool_call_parser]
    if engine.reasoning_parser not in (None, NO_PARSER):
        arguments += ["--reasoning-parser", engine.reasoning_parser]
    if engine.scheduling_policy == "Priority":
        arguments += ["--scheduling-policy", "priority"]
    if engine.structured_outputs_backend != "Auto":
        backend = STRUCTURED_OUTPUTS_BACKENDS[engine.structured_outputs_backend]
        arguments += ["--structured-outputs-config", json.dumps({"backend": backend})]
    if engine.request_chat_templates == "Allow":
        arguments += ["--trust-request-chat-template"]
    if domains := model.spec.api.media_domains:
        arguments += ["--allowed-media-domains", *domains]
    return [*arguments, *chat_template_arguments(model)]
