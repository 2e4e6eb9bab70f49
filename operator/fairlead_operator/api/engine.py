"""spec.engine: how vLLM is run. Named fields for what people set, args for everything else.

What a field says is also told to the gateway, which refuses what the engine cannot honour; of what args say
the gateway knows nothing. So a field is the better place wherever there is one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from fairlead_operator.api.env import EnvVar
from fairlead_operator.api.markers import items, length, rule, validations
from fairlead_operator.api.part import Part

# What the operator sets itself and what would take the engine away from the gateway.
RESERVED_ARGUMENTS = ("api-key", "host", "model", "port", "served-model-name", "uds")


def _reserved(argument: str) -> str:
    names = "|".join(name.replace("-", "[-_]") for name in RESERVED_ARGUMENTS)
    return f"{argument}.matches('^--({names})(=.*)?$')"


def _parser_name(field: str) -> Any:
    return validations(
        rule(
            "self.matches('^[A-Za-z0-9][A-Za-z0-9._-]*$')",
            f"{field} must be the name of one of vLLM's parsers, such as hermes or qwen3",
        )
    )


class Engine(Part):
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
            )
        ),
    ] = ()
    """args for vLLM's API server, appended to what the operator sets, so that they win. Where a field says
    the same, use the field: the gateway knows only the fields (and `--max-logprobs`).
    """
    env: Annotated[tuple[EnvVar, ...], items(128, "map", "name")] = ()
    """env of the engine's container, as in a pod."""
    max_model_len: Annotated[int | None, Field(ge=1, le=100_000_000)] = None
    """maxModelLen is the longest context in tokens (vLLM's `--max-model-len`); the model's own if absent."""
    max_running_requests: Annotated[int | None, Field(ge=1, le=100_000)] = None
    """maxRunningRequests bounds what runs at once in each replica: sequences in the engine (vLLM's
    `--max-num-seqs`) and requests in the gateway, where the others wait in order. If absent, vLLM's own
    bound for the hardware holds and the gateway lets 1024 through.
    """
    tool_call_parser: Annotated[str | None, length(1, 64), _parser_name("spec.engine.toolCallParser")] = None
    """toolCallParser is vLLM's parser for the model's tool calls, for example `hermes` or `qwen3_coder`.
    Without it `tool_choice: auto` is refused.
    """
    reasoning_parser: Annotated[str | None, length(1, 64), _parser_name("spec.engine.reasoningParser")] = None
    """reasoningParser is vLLM's parser that tells the model's reasoning from its answer, for example `qwen3`
    or `deepseek_r1`. Without it the reasoning is part of the answer's text.
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
    startup_timeout_seconds: Annotated[int, Field(ge=30, le=86_400)] = 1800
    """startupTimeoutSeconds is how long one start of the engine may take, download included; then it is
    restarted.
    """
