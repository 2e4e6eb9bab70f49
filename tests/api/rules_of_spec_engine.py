"""The rules of spec.engine for test_validation: what keeps each one, what breaks it, words of the refusal."""

from __future__ import annotations

from typing import Any

from tests.api.rules_of_spec_api import Rule


def engine(**more: Any) -> dict[str, Any]:
    return {"engine": more}


def env(**more: Any) -> dict[str, Any]:
    return engine(env=[{"name": "A", **more}])


def on_devices(count: int, **more: Any) -> dict[str, Any]:
    return {"accelerator": {"resourceName": "nvidia.com/gpu", "count": count}, **engine(**more)}


ENGINE_RULES: dict[str, Rule] = {
    "pull-policy": (
        engine(imagePullPolicy="Always"),
        engine(imagePullPolicy="Sometimes"),
        "spec.engine.imagePullPolicy: Unsupported value",
    ),
    "arguments": (
        engine(args=["--model-impl=auto", "--port-x", "--enforce-eager"]),
        engine(args=["--served_model_name=x"]),
        "spec.engine.args must not set",
    ),
    "argument-with-its-value": (
        engine(args=["--max-model-len=1024", "--hf-overrides", '{"a": 1}', '--x={"b": 2}', "-tp", "2"]),
        engine(args=["--enforce-eager", "--max-model-len 1024"]),
        "an item of spec.engine.args must not have an option and its value with a blank",
    ),
    "argument-that-is-none": (
        engine(args=["-tp", "1"]),
        engine(args=["serve", "--enforce-eager"]),
        "the first item of spec.engine.args must be an option",
    ),
    "environment-value": (
        env(value=""),
        env(value="a", valueFrom={"fieldRef": {"fieldPath": "status.hostIP"}}),
        "must not have both value and valueFrom",
    ),
    "environment-source": (
        env(valueFrom={"secretKeyRef": {"name": "s", "key": "k"}}),
        env(valueFrom={}),
        "exactly one of configMapKeyRef",
    ),
    "environment-name": (
        engine(env=[{"name": "A_1.b"}]),
        engine(env=[{"name": "1A"}]),
        "the name of an item of spec.engine.env",
    ),
    "environment-key": (
        engine(env=[{"name": "VLLM_API_KEY", "value": ""}, {"name": "VLLM_API_KEYS"}]),
        engine(env=[{"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
        "spec.engine.env must not set VLLM_API_KEY: the engine would refuse the gateway's requests",
    ),
    "environment-engine-death": (
        engine(env=[{"name": "VLLM_KEEP_ALIVE_ON_ENGINE_DEATH", "value": "0"}]),
        engine(env=[{"name": "VLLM_KEEP_ALIVE_ON_ENGINE_DEATH", "value": "1"}]),
        "spec.engine.env must not set VLLM_KEEP_ALIVE_ON_ENGINE_DEATH",
    ),
    "environment-twice": (
        engine(env=[{"name": "A"}, {"name": "B"}]),
        engine(env=[{"name": "A"}, {"name": "A"}]),
        "spec.engine.env[1]: Duplicate value",
    ),
    "context": (engine(maxModelLen=1), engine(maxModelLen=0), "spec.engine.maxModelLen"),
    "running": (engine(maxRunningRequests=1), engine(maxRunningRequests=0), "spec.engine.maxRunningRequests"),
    "tool-parser": (
        engine(toolCallParser="granite-20b-fc"),
        engine(toolCallParser="--api-key"),
        "spec.engine.toolCallParser must be the name of one of vLLM's parsers",
    ),
    "reasoning-parser": (
        engine(reasoningParser="deepseek_r1"),
        engine(reasoningParser="a b"),
        "spec.engine.reasoningParser must be the name of one of vLLM's parsers",
    ),
    "scheduling": (
        engine(schedulingPolicy="Priority"),
        engine(schedulingPolicy="priority"),
        "spec.engine.schedulingPolicy: Unsupported value",
    ),
    "structured-outputs": (
        engine(structuredOutputsBackend="LMFormatEnforcer"),
        engine(structuredOutputsBackend="lm-format-enforcer"),
        "spec.engine.structuredOutputsBackend: Unsupported value",
    ),
    "chat-templates": (
        engine(requestChatTemplates="Allow"),
        engine(requestChatTemplates="Maybe"),
        "spec.engine.requestChatTemplates: Unsupported value",
    ),
    "startup": (
        engine(startupTimeoutSeconds=30),
        engine(startupTimeoutSeconds=29),
        "spec.engine.startupTimeoutSeconds",
    ),
    "dtype": (engine(dtype="BFloat16"), engine(dtype="bfloat16"), "spec.engine.dtype: Unsupported value"),
    "quantization": (
        engine(quantization="compressed-tensors"),
        engine(quantization="FP 8"),
        "spec.engine.quantization must be one of vLLM's methods",
    ),
    "chat-template": (
        engine(chatTemplate={"configMapKeyRef": {"name": "c", "key": "k"}}),
        engine(chatTemplate={}),
        "spec.engine.chatTemplate needs either inline or configMapKeyRef",
    ),
    "chat-template-text": (
        engine(chatTemplate={"inline": "{{ messages }}"}),
        engine(chatTemplate={"inline": "/templates/a.jinja"}),
        "spec.engine.chatTemplate.inline must be the text of a Jinja template",
    ),
    "unresponsive": (
        engine(unresponsive={"action": "Restart", "afterSeconds": 10}),
        engine(unresponsive={"action": "Ignore"}),
        "spec.engine.unresponsive.action: Unsupported value",
    ),
    "nodes": (
        on_devices(8, nodes=2),
        engine(nodes=2),
        "spec.engine.nodes above 1 needs spec.accelerator",
    ),
    "tensor": (
        on_devices(4, tensorParallelSize=2),
        on_devices(4, tensorParallelSize=3),
        "spec.engine.tensorParallelSize must divide",
    ),
    "pipeline": (
        on_devices(4, nodes=2, pipelineParallelSize=8),
        on_devices(4, nodes=2, pipelineParallelSize=3),
        "spec.engine.pipelineParallelSize must divide",
    ),
    "every-accelerator": (
        on_devices(4, tensorParallelSize=2, pipelineParallelSize=2),
        on_devices(4, tensorParallelSize=2, pipelineParallelSize=1),
        "spec.engine.tensorParallelSize times pipelineParallelSize must be",
    ),
}
