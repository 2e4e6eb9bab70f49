"""Parameters of chat completions: OpenAI's, vLLM's safe ones, and those of the providers' documents."""

from __future__ import annotations

from fairlead_contract.values import AnyOf, Array, Boolean, Choice, Integer, Object, String

from .measures import FORM, MESSAGES
from .sampling import MAX_TOKENS, MISCELLANEOUS, OUTPUT, PROMPT, SAMPLING
from .types import Handling, Parameter

MAX_MESSAGES = 8192
MAX_TOOLS = 128
TOOL_CHOICE = AnyOf((Choice(("none", "auto", "required")), Object()))
REASONING_EFFORT = Choice(("none", "minimal", "low", "medium", "high", "xhigh", "max"))

_F, _I, _R = Handling.FORWARDED, Handling.IGNORED, Handling.REFUSED

CHAT: tuple[Parameter, ...] = (
    Parameter("model", String(), _F, "Name of the model."),
    Parameter("messages", Array(None, 1, MAX_MESSAGES), _F, "The conversation so far.", bounds=MESSAGES),
    Parameter(
        "stream", Boolean(), _F, "Sends the answer in pieces as server-sent events.", engine_default=False
    ),
    Parameter("stream_options", Object(), _F, "include_usage adds the usage at the end; only with stream."),
    Parameter("max_tokens", Integer(1, MAX_TOKENS), _F, "Most tokens to generate."),
    Parameter(
        "max_completion_tokens", Integer(1, MAX_TOKENS), _F, "Most tokens to generate; wins over max_tokens."
    ),
    *SAMPLING,
    Parameter(
        "logprobs",
        Boolean(),
        _F,
        "Returns the log probability of each token of the answer.",
        engine_default=False,
    ),
    Parameter(
        "response_format",
        Object(),
        _F,
        "json_schema, json_object or text; {} counts as absent.",
        bounds=FORM,
    ),
    Parameter(
        "tools",
        Array(None, max_items=MAX_TOOLS),
        _F,
        "Functions that the model may call.",
        bounds=FORM,
    ),
    Parameter("tool_choice", TOOL_CHOICE, _F, "none, auto, required or one function."),
    Parameter(
        "parallel_tool_calls",
        Boolean(),
        _F,
        "Whether one answer may hold several tool calls.",
        engine_default=True,
    ),
    Parameter(
        "reasoning_effort", REASONING_EFFORT, _F, "How much the model thinks, if its chat template knows it."
    ),
    *OUTPUT,
    *PROMPT,
    *MISCELLANEOUS,
    Parameter("prediction", Object(), _I, "Expected text, which only makes OpenAI's answer faster."),
    Parameter("verbosity", Choice(("low", "medium", "high")), _I, "A hint that only OpenAI's models know."),
    Parameter("modalities", Array(Choice(("text",))), _I, "Only ['text'] is possible."),
    Parameter("audio", Object(), _R, "Spoken answers.", "answers are text only. Leave it out."),
    Parameter(
        "web_search_options",
        Object(),
        _R,
        "OpenAI's web search.",
        "there is no web search here. Leave it out, or give the model a function of yours in 'tools'.",
    ),
    Parameter(
        "functions",
        Array(None),
        _R,
        "OpenAI's former name for tools.",
        "it was replaced by 'tools': send [{'type': 'function', 'function': {...}}] there.",
    ),
    Parameter(
        "function_call",
        AnyOf((String(), Object())),
        _R,
        "OpenAI's former name for tool_choice.",
        "it was replaced by 'tool_choice', together with 'tools'.",
    ),
)
