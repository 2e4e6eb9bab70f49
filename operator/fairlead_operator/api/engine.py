"""spec.engine: how vLLM is run. Named fields for what people set, args for everything else.

The gateway gets the fields too, and refuses what the engine cannot honour. It does not know args. So use a
field wherever there is one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from fairlead_contract.defaults import UNRESPONSIVE_AFTER_SECONDS
from fairlead_operator.api.env import EnvVar
from fairlead_operator.api.markers import items, length, rule, validations
from fairlead_operator.api.part import ApiObject

# What the operator sets itself and what would take the engine away from the gateway.
RESERVED_ARGUMENTS = ("api-key", "host", "model", "port", "served-model-name", "uds")
# The value of a parser's field with which the engine has none, also where one could be inferred.
NO_PARSER = "None"


def _reserved(argument: str) -> str:
    names = "|".join(name.replace("-", "[-_]") for name in RESERVED_ARGUMENTS)
    return f"{argument}.matches('^--({names})(=.*)?$')"


def _parser_name(field: str) -> Any:
    return validations(
        rule(
            "self.matches('^[A-Za-z0-9][A-Za-z0-9._-]*$')",
            f"{field} must be the name of one of vLLM's parsers, such as hermes or qwen3, or {NO_PARSER}",
        )
    )


class ConfigMapKey(ApiObject):
    """A key of a ConfigMap in the model's namespace."""

    name: Annotated[str, length(1, 253)]
    """name of the ConfigMap."""
    key: Annotated[str, length(1, 253)]
    """key in the ConfigMap."""


class ChatTemplate(ApiObject):
    """A chat template in Jinja, by text or by reference."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "has(self.inline) != has(self.configMapKeyRef)",
                    "spec.engine.chatTemplate needs either inline or configMapKeyRef",
                )
            ]
        }
    )

    inline: Annotated[
        str | None,
        length(1, 65_536),
        validations(
            rule(
                "self.contains('{')",
                "spec.engine.chatTemplate.inline must be the text of a Jinja template, which has a {; for a "
                "file use configMapKeyRef",
            )
        ),
    ] = None
    """inline is the text of the template. An error in it is reported with its line and column, and no pod is
    made with it.
    """
    config_map_key_ref: ConfigMapKey | None = None
    """configMapKeyRef names the ConfigMap with the template. The engine reads it when it starts: a change
    takes effect in the next pod.
    """


class Unresponsive(ApiObject):
    """What happens when the engine hangs. vLLM's own health check succeeds then."""

    action: Literal["Report", "Restart"] = "Report"
    """action: `Report` takes the pod out of service and reports it in the status; `Restart` restarts the
    engine too.
    """
    after_seconds: Annotated[int, Field(ge=10, le=86_400)] = UNRESPONSIVE_AFTER_SECONDS
    """afterSeconds without any progress, while requests run, count as hanging. Longer than the longest prompt
    takes.
    """


class Engine(ApiObject):
    """How vLLM is run."""

    image: Annotated[str | None, length(1, 1024)] = None
    """image with vLLM and a `python3` that finds it; the operator's default image if absent."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """imagePullPolicy of the engine image; Kubernetes' default (by the tag) if absent."""
    args: Annotated[
        tuple[Annotated[str, length(0, 8192)], ...],
        items(128),
        validations(
            rule(
                f"!self.exists(a, {_reserved('a')})",
                "spec.engine.args must not set --"
                + ", --".join(RESERVED_ARGUMENTS)
                + ": the operator does; use spec.model for the model and its names",
            ),
            # vLLM would take both for the name of a model, and start without their options.
            rule(
                r"!self.exists(a, a.matches('^-[^=\\s]*\\s'))",
                "an item of spec.engine.args must not have an option and its value with a blank between "
                "them; write --option=value, or two items",
            ),
            rule(
                "self.size() == 0 || self[0].startsWith('-')",
                "the first item of spec.engine.args must be an option of vLLM, which begins with --; the "
                "command and the model are the operator's to set",
            ),
        ),
    ] = ()
    """args for vLLM's API server, appended to what the operator sets, so that they win. Each item is one
    argument: `--option=value`, or the option and its value as two items. Where a field says the same, use
    the field: the gateway knows only the fields (and `--max-logprobs`).
    """
    env: Annotated[tuple[EnvVar, ...], items(128, "map", "name")] = ()
    """env of the engine's container, as in a pod."""
    max_model_len: Annotated[int | None, Field(ge=1, le=100_000_000)] = None
    """maxModelLen is the longest context in tokens (vLLM's `--max-model-len`); the model's own if absent."""
    dtype: Literal["Auto", "Float16", "BFloat16", "Float32"] = "Auto"
    """dtype of weights and activations (vLLM's `--dtype`); with `Auto` the model's own."""
    quantization: Annotated[
        str | None,
        length(1, 64),
        validations(
            rule(
                "self.matches('^[a-z0-9][a-z0-9_-]*$')",
                "spec.engine.quantization must be one of vLLM's methods, such as fp8, awq or gptq",
            )
        ),
    ] = None
    """quantization is vLLM's method for the weights, for example `fp8`; what the model's own configuration
    says if absent.
    """
    gpu_memory_utilization_percent: Annotated[int | None, Field(ge=1, le=100)] = None
    """gpuMemoryUtilizationPercent is the part of each accelerator's memory that vLLM takes (its
    `--gpu-memory-utilization`); vLLM's default if absent.
    """
    tensor_parallel_size: Annotated[int | None, Field(ge=1, le=4096)] = None
    """tensorParallelSize is over how many accelerators each layer is split. If absent: all of the replica,
    divided by pipelineParallelSize.
    """
    pipeline_parallel_size: Annotated[int | None, Field(ge=1, le=4096)] = None
    """pipelineParallelSize is over how many groups of accelerators the layers are spread. If absent: all
    accelerators of the replica divided by tensorParallelSize, or, if that is absent too, nodes.
    """
    nodes: Annotated[int, Field(ge=1, le=64)] = 1
    """nodes is over how many pods, each on a node of its own, one replica is spread; above 1 it needs the
    LeaderWorkerSet API in the cluster.
    """
    max_running_requests: Annotated[int | None, Field(ge=1, le=100_000)] = None
    """maxRunningRequests bounds what runs at once in each replica: sequences in the engine (vLLM's
    `--max-num-seqs`) and requests in the gateway, where the others wait in order. If absent, vLLM's own
    bound for the hardware holds and the gateway lets 1024 through.
    """
    tool_call_parser: Annotated[str | None, length(1, 64), _parser_name("spec.engine.toolCallParser")] = None
    """toolCallParser is vLLM's parser for the model's tool calls, for example `hermes` or `qwen3_coder`. If
    absent, it is inferred from the model's files where that is certain, and status.engine has its name; with
    `None` there is none. Without a parser `tool_choice: auto` is refused.
    """
    reasoning_parser: Annotated[str | None, length(1, 64), _parser_name("spec.engine.reasoningParser")] = None
    """reasoningParser is vLLM's parser that separates the model's reasoning from its answer, for example
    `qwen3` or `deepseek_r1`. If absent, it is inferred from the model's files where that is certain, and
    status.engine has its name; with `None` there is none. Without a parser the reasoning is part of the
    answer's text.
    """
    scheduling_policy: Literal["FirstComeFirstServed", "Priority"] = "FirstComeFirstServed"
    """schedulingPolicy is the order in which the engine takes requests. With `Priority` the request
    parameter `priority` counts (lower is earlier); otherwise any but 0 is refused.
    """
    structured_outputs_backend: Literal["Auto", "Guidance", "LMFormatEnforcer", "Outlines", "XGrammar"] = (
        "Auto"
    )
    """structuredOutputsBackend is the library that keeps output to a schema, expression or grammar; with
    `Auto` vLLM chooses by request.
    """
    request_chat_templates: Literal["Deny", "Allow"] = "Deny"
    """requestChatTemplates says whether a request may bring its own `chat_template`. Templates are programs
    that the engine runs: allow them only where every client is trusted.
    """
    chat_template: ChatTemplate | None = None
    """chatTemplate replaces the chat template of the model's tokenizer."""
    unresponsive: Unresponsive = Unresponsive()
    """unresponsive says what happens when the engine has requests and makes no progress any more."""
    startup_timeout_seconds: Annotated[int, Field(ge=30, le=86_400)] = 1800
    """startupTimeoutSeconds is how long one start of the engine may take; then it is restarted. A download of
    the weights comes before the engine and is not counted.
    """
