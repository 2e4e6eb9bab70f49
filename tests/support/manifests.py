"""The ModelDeployments of the engine tests: what a user gives `fairlead run`."""

from __future__ import annotations

import json
from typing import Any

from e2e.cluster import paths
from fairlead_operator.api.names import API_VERSION, KIND

Object = dict[str, Any]

VERSION = "0.32.0"
NAME = "tiny"
CLAIM = "models"
CONTEXT_TOKENS = 1024
# The models that the provider documents name in their examples, which tests run as printed.
DOCUMENTED_NAMES = ("qwen35-397b-a17b-instruct-general", "llama-3.1-8b")
SERVED_NAMES = (NAME, "small", *DOCUMENTED_NAMES)
ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    # The model is too small to share: more threads only wait for each other.
    "OMP_NUM_THREADS": "1",
    # A start imports vLLM in the server, in the engine and, by default, in two more processes: one that only
    # finds out about the model's class, which this folder keeps, and one for each GPU.
    "VLLM_CACHE_ROOT": str(paths.cache_root() / f"vllm-model-classes-{VERSION}"),
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
}


def variables(values: dict[str, str]) -> list[Object]:
    """Environment variables as a manifest has them."""
    return [{"name": name, "value": value} for name, value in values.items()]


def merged(spec: Object, changes: Object) -> Object:
    """The spec with the fields that are changed. Lists are replaced."""
    found = dict(spec)
    for name, value in changes.items():
        old = found.get(name)
        found[name] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return found


def manifest(spec: Object) -> Object:
    """The model with that name and spec, whose weights are in the claim, which is a folder here."""
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": NAME}, "spec": spec}


# A model with all defaults: enough for a gateway without a real engine.
PLAIN: Object = {"model": {"source": f"pvc://{CLAIM}/{NAME}", "aliases": ["small"]}}
# A real engine that starts fast. What only some tests need is in FIRST and SECOND.
EAGER: Object = {
    "model": {"source": f"pvc://{CLAIM}/{NAME}", "aliases": [*SERVED_NAMES[1:]]},
    "api": {"dialect": "OpenAI"},
    "engine": {
        "maxModelLen": CONTEXT_TOKENS,
        "args": ["--enforce-eager"],
        "env": variables(ENVIRONMENT),
    },
}
# A random model would fill the room that a schema leaves for whitespace until its tokens are used up.
_DENSE_JSON = json.dumps({"backend": "xgrammar", "disable_any_whitespace": True})
FIRST = merged(
    EAGER,
    {
        "engine": {
            "maxRunningRequests": 16,
            "toolCallParser": "hermes",
            "structuredOutputsBackend": "XGrammar",
            "args": [
                "--enforce-eager",
                *("--structured-outputs-config", _DENSE_JSON),
                # The engine takes the chat templates of requests, so that each gateway can decide.
                "--trust-request-chat-template",
            ],
        }
    },
)
# What one configuration cannot be at the same time: a model that thinks, and a queue ordered by priority.
# The queue is the engine's: the field maxRunningRequests would make requests wait in the gateway.
SECOND = merged(
    EAGER,
    {
        "engine": {
            "schedulingPolicy": "Priority",
            "reasoningParser": "deepseek_r1",
            "structuredOutputsBackend": "Outlines",
            "args": ["--enforce-eager", "--max-num-seqs=1"],
        }
    },
)
