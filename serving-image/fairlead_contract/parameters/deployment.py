"""What a deployment may set for a parameter: `spec.api.defaults` and `spec.api.limits`."""

from __future__ import annotations

from collections.abc import Mapping

from fairlead_contract.parameters import PARAMETERS, ApiKind, Handling, Parameter
from fairlead_contract.values import Limit, limitable

# The length of the answer under its three names.
OUTPUT_LIMITS = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens"})
# Names that the two APIs have for one thing.
SAME = (OUTPUT_LIMITS, frozenset({"messages", "input"}), frozenset({"response_format", "text"}))
# What a request must say itself: its content, and whatever other parameters would conflict with.
NEVER_A_DEFAULT = frozenset(
    {
        "chat_template",
        "continue_final_message",
        "messages",
        "model",
        "n",
        "priority",
        "prompt_logprobs",
        "response_format",
        "stream",
        "stream_options",
        "structured_outputs",
        "tool_choice",
        "tools",
        "top_logprobs",
        "truncate_prompt_tokens",
        "use_beam_search",
        "user",
    }
)
REASONING = frozenset({"reasoning_content", "include_reasoning"})


def spread(limits: Mapping[str, Limit]) -> dict[str, Limit]:
    """The limits, each under all names of what it is about."""
    found = dict(limits)
    for names in SAME:
        for name in names & limits.keys():
            found |= dict.fromkeys(names, limits[name])
    return found


def limits_of(parameter: Parameter) -> tuple[str, ...]:
    """The bounds of a parameter that a deployment may set, as the spec calls them."""
    return limitable(parameter.value) + parameter.bounds.limitable()


def may_have_default(name: str, api: ApiKind) -> bool:
    """Whether a deployment may set the parameter for requests that do not.

    Defaults are put into what the engine gets, so they have the names of chat completions.
    """
    if name in OUTPUT_LIMITS:
        return True
    parameter = PARAMETERS[api].get(name)
    if parameter is None or name not in PARAMETERS[ApiKind.CHAT] or name in NEVER_A_DEFAULT:
        return False
    return parameter.handling is Handling.FORWARDED or name in REASONING
