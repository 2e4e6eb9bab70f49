"""The model, the conversation, and the tools in it."""

from __future__ import annotations

from fairlead_contract.values import AnyOf, Array, Boolean, Choice, Integer, Object, String

from .measures import FORM, MESSAGES
from .misplaced import HINT, Misplaced, but
from .types import CHAT_ONLY, RESPONSES_ONLY, Handling, Parameter

MAX_MESSAGES = 8192
MAX_TOOLS = 128
TOOL_CHOICE = AnyOf((Choice(("none", "auto", "required")), Object()))

_F, _T, _C, _R = Handling.FORWARDED, Handling.TRANSLATED, Handling.CONSUMED, Handling.REFUSED
_STATELESS = "this service stores no data. Send the whole conversation in 'input'."
_STATELESS_CHAT = "this service stores no data. Send the whole conversation in 'messages'."

CONVERSATION: tuple[Parameter, ...] = (
    Parameter("model", String(), _F, "Name of the model.", allows_default=False),
    Parameter(
        "messages",
        Array(None, 1, MAX_MESSAGES),
        _F,
        "The conversation so far.",
        apis=CHAT_ONLY,
        misplaced=Misplaced("the Responses API has the conversation in 'input'. Send it there."),
        bounds=MESSAGES,
        allows_default=False,
        path_in_responses="input",
    ),
    Parameter(
        "input",
        AnyOf((String(), Array(None, 0, MAX_MESSAGES))),
        _T,
        "Text, or the items of the conversation.",
        apis=RESPONSES_ONLY,
        misplaced=Misplaced("chat completions have the conversation in 'messages'. Send it there."),
        bounds=MESSAGES,
        same_as="messages",
    ),
    Parameter(
        "instructions",
        String(),
        _T,
        "System message before the input.",
        apis=RESPONSES_ONLY,
        misplaced=Misplaced(
            "chat completions have them in 'messages'. Send a message of the role 'system'.", but("")
        ),
        response_default=None,
    ),
    Parameter(
        "tools",
        Array(None, max_items=MAX_TOOLS),
        _F,
        "Functions that the model may call.",
        apis=CHAT_ONLY,
        bounds=FORM,
        allows_default=False,
        in_prompt=True,
    ),
    Parameter(
        "tools",
        Array(None, max_items=MAX_TOOLS),
        _T,
        "Functions that the model may call.",
        apis=RESPONSES_ONLY,
        bounds=FORM,
    ),
    Parameter(
        "tool_choice",
        TOOL_CHOICE,
        _F,
        "none, auto, required or one function.",
        apis=CHAT_ONLY,
        allows_default=False,
    ),
    Parameter(
        "tool_choice",
        TOOL_CHOICE,
        _T,
        "none, auto, required or one function.",
        apis=RESPONSES_ONLY,
        response_default="auto",
    ),
    Parameter(
        "parallel_tool_calls",
        Boolean(),
        _F,
        "Whether one answer may hold several tool calls.",
        engine_default=True,
        default_needs_tools=True,
        response_default=True,
    ),
    Parameter(
        "max_tool_calls",
        Integer(0),
        _C,
        "Bound for OpenAI's hosted tools; repeated in the answer.",
        apis=RESPONSES_ONLY,
        misplaced=HINT,
        response_default=None,
    ),
    Parameter(
        "functions",
        Array(None),
        _R,
        "OpenAI's former name for tools.",
        apis=CHAT_ONLY,
        misplaced=Misplaced("it was replaced by 'tools': send [{'type': 'function', 'name': ...}] there."),
        remedy="it was replaced by 'tools': send [{'type': 'function', 'function': {...}}] there.",
    ),
    Parameter(
        "function_call",
        AnyOf((String(), Object())),
        _R,
        "OpenAI's former name for tool_choice.",
        apis=CHAT_ONLY,
        misplaced=Misplaced("it was replaced by 'tool_choice', together with 'tools'."),
        remedy="it was replaced by 'tool_choice', together with 'tools'.",
    ),
    Parameter(
        "web_search_options",
        Object(),
        _R,
        "OpenAI's web search.",
        apis=CHAT_ONLY,
        misplaced=Misplaced(
            "there is no web search here. Leave it out, or give the model a function of yours in 'tools'."
        ),
        remedy="there is no web search here. Leave it out, or give the model a function of yours in 'tools'.",
    ),
    Parameter(
        "rag_params",
        Object(),
        _R,
        "Retrieval Augmented Generation; null (disabled) is accepted.",
        remedy="retrieval is not available here. Leave it out or send null, and put what the model shall "
        "know into 'messages'.",
    ),
    Parameter(
        "background",
        Boolean(),
        _C,
        "Only false: answers are not kept for later.",
        apis=RESPONSES_ONLY,
        misplaced=Misplaced("this service stores no data. Leave it out or send false.", but(False)),
    ),
    Parameter(
        "previous_response_id",
        String(),
        _R,
        "An earlier response.",
        apis=RESPONSES_ONLY,
        misplaced=Misplaced(_STATELESS_CHAT),
        remedy=_STATELESS,
    ),
    Parameter(
        "conversation",
        AnyOf((String(), Object())),
        _R,
        "A stored conversation.",
        apis=RESPONSES_ONLY,
        misplaced=Misplaced(_STATELESS_CHAT),
        remedy=_STATELESS,
    ),
    Parameter(
        "prompt",
        Object(),
        _R,
        "A stored prompt template.",
        apis=RESPONSES_ONLY,
        # A string is the prompt of the older completions API.
        misplaced=Misplaced(_STATELESS_CHAT, lambda value: type(value) is dict),
        remedy=_STATELESS,
    ),
)
