"""Parameters of the Responses API: OpenAI's, and everything chat completions can do besides."""

from __future__ import annotations

from fairlead_contract.values import AnyOf, Array, Boolean, Choice, Integer, Object, String

from .chat import MAX_MESSAGES, MAX_TOOLS
from .measures import FORM, MESSAGES
from .sampling import MAX_TOKENS, MISCELLANEOUS, OUTPUT, PROMPT, SAMPLING
from .types import Handling, Parameter

_F, _T, _C, _I, _R = (
    Handling.FORWARDED,
    Handling.TRANSLATED,
    Handling.CONSUMED,
    Handling.IGNORED,
    Handling.REFUSED,
)
_STATELESS = "this service stores no data. Send the whole conversation in 'input'."
# A Response object has one answer. These names are in `misplaced`, with what to do instead; `n` may be 1.
_NOT_HERE = ("n", "best_of", "echo")
# Part of the Response object here, so they are not without effect.
_REPEATED = ("metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key")

RESPONSES: tuple[Parameter, ...] = (
    Parameter("model", String(), _F, "Name of the model."),
    Parameter(
        "input",
        AnyOf((String(), Array(None, 0, MAX_MESSAGES))),
        _T,
        "Text, or the items of the conversation.",
        bounds=MESSAGES,
    ),
    Parameter("instructions", String(), _T, "System message before the input."),
    Parameter("stream", Boolean(), _T, "Sends the answer as server-sent events."),
    Parameter("stream_options", Object(), _I, "Options of OpenAI's streams."),
    Parameter("max_output_tokens", Integer(1, MAX_TOKENS), _T, "Most tokens to generate."),
    Parameter("max_tokens", Integer(1, MAX_TOKENS), _T, "The same under the name of chat completions."),
    *(parameter for parameter in SAMPLING if parameter.name not in _NOT_HERE),
    Parameter("n", Integer(1, 1), _C, "A Response has one answer."),
    Parameter("include", Array(String()), _T, "message.output_text.logprobs adds log probabilities."),
    Parameter("text", Object(), _T, "format: text, json_object or json_schema.", bounds=FORM),
    Parameter("reasoning", Object(), _T, "effort: how much the model thinks."),
    Parameter(
        "tools",
        Array(None, max_items=MAX_TOOLS),
        _T,
        "Functions that the model may call.",
        bounds=FORM,
    ),
    Parameter(
        "tool_choice",
        AnyOf((Choice(("none", "auto", "required")), Object())),
        _T,
        "none, auto, required or one function.",
    ),
    Parameter("parallel_tool_calls", Boolean(), _F, "Whether one answer may hold several tool calls."),
    Parameter("max_tool_calls", Integer(0), _C, "Bound for OpenAI's hosted tools; repeated in the answer."),
    Parameter("truncation", Choice(("auto", "disabled")), _T, "auto cuts an over-long input from the left."),
    *OUTPUT,
    *(parameter for parameter in PROMPT if parameter.name not in _NOT_HERE),
    *(parameter for parameter in MISCELLANEOUS if parameter.name not in _REPEATED),
    Parameter("metadata", Object(), _C, "Repeated in the answer."),
    Parameter("store", Boolean(), _C, "Nothing is stored; the answer says false."),
    Parameter("service_tier", String(), _C, "There is one tier; the answer says default."),
    Parameter("safety_identifier", String(), _C, "Repeated in the answer."),
    Parameter("prompt_cache_key", String(), _C, "Repeated in the answer."),
    Parameter("background", Boolean(), _C, "Only false: answers are not kept for later."),
    Parameter("previous_response_id", String(), _R, "An earlier response.", _STATELESS),
    Parameter("conversation", AnyOf((String(), Object())), _R, "A stored conversation.", _STATELESS),
    Parameter("prompt", Object(), _R, "A stored prompt template.", _STATELESS),
)
