"""The parts of an answer: choices, log probabilities, text, reasoning; and how it is sent."""

from __future__ import annotations

from fairlead_contract.values import Array, Boolean, Choice, Integer, Number, Object, String

from .misplaced import HINT, LOGPROBS, Misplaced, but
from .sampling import INT64_MAX, MAX_TOKENS
from .types import CHAT_ONLY, RESPONSES_ONLY, Handling, Parameter

MAX_N = 128
# OpenAI's bound for best_of in its completions API.
MAX_BEST_OF = 20
REASONING_EFFORT = Choice(("none", "minimal", "low", "medium", "high", "xhigh", "max"))

_F, _T, _C, _I, _R = (
    Handling.FORWARDED,
    Handling.TRANSLATED,
    Handling.CONSUMED,
    Handling.IGNORED,
    Handling.REFUSED,
)
_TEXT_ONLY = "answers are text only. Leave it out."
_LOGPROBS: tuple[Parameter, ...] = (
    Parameter(
        "logprobs",
        Boolean(),
        _F,
        "Returns the log probability of each token of the answer.",
        apis=CHAT_ONLY,
        misplaced=Misplaced(
            f"the Responses API has it in 'include'. Send ['{LOGPROBS}'] there, or 'top_logprobs'.",
            but(False),
        ),
        engine_default=False,
        path_in_responses="include",
        beam_search_neutral=(False,),
    ),
    Parameter(
        "include",
        Array(String()),
        _T,
        f"{LOGPROBS} adds log probabilities.",
        apis=RESPONSES_ONLY,
        misplaced=Misplaced(
            "chat completions have it in 'logprobs'. Send true there.",
            lambda value: type(value) is list and LOGPROBS in value,
        ),
    ),
    Parameter(
        "top_logprobs",
        Integer(0, MAX_TOKENS),
        _F,
        "Number of alternatives per token; needs logprobs.",
        apis=CHAT_ONLY,
        allows_default=False,
        beam_search_neutral=(0,),
    ),
    Parameter(
        "top_logprobs",
        Integer(0, MAX_TOKENS),
        _T,
        "Number of alternatives per token; needs logprobs.",
        apis=RESPONSES_ONLY,
        response_default=0,
    ),
    Parameter(
        "prompt_logprobs",
        Integer(0, MAX_TOKENS),
        _F,
        "Returns log probabilities of the prompt's tokens with this many alternatives; not in streams.",
        allows_default=False,
        beam_search_neutral=(),
    ),
    Parameter(
        "return_tokens_as_token_ids", Boolean(), _F, "Names tokens in log probabilities as token_id:ID."
    ),
)
_CHOICES: tuple[Parameter, ...] = (
    Parameter(
        "n",
        Integer(1, MAX_N),
        _F,
        "Number of choices.",
        apis=CHAT_ONLY,
        engine_default=1,
        allows_default=False,
    ),
    Parameter("n", Integer(1, 1), _C, "A Response has one answer.", apis=RESPONSES_ONLY),
    Parameter(
        "best_of",
        Integer(1, MAX_BEST_OF),
        _T,
        "Makes this many answers and returns the n likeliest per token; usage counts all; not in streams.",
        apis=CHAT_ONLY,
        misplaced=Misplaced("a Response has one answer. Use chat completions for several.", but(1)),
        beam_search_neutral=(),
    ),
    Parameter(
        "use_beam_search",
        Boolean(),
        _F,
        "Searches with n beams (4 for one answer); refused beside what it does not heed; no partial stream.",
        engine_default=False,
        allows_default=False,
    ),
    Parameter(
        "length_penalty",
        Number(-10, 10),
        _F,
        "Exponent on the length when beams are compared; beam search only.",
        engine_default=1,
    ),
    Parameter(
        "priority",
        Integer(-(2**63), INT64_MAX),
        _F,
        "Lower is served earlier; needs an engine that schedules by priority.",
        engine_default=0,
        allows_default=False,
        beam_search_neutral=(0,),
    ),
)
_TEXT: tuple[Parameter, ...] = (
    Parameter(
        "skip_special_tokens", Boolean(), _F, "Leaves special tokens out of the text.", engine_default=True
    ),
    Parameter(
        "spaces_between_special_tokens",
        Boolean(),
        _F,
        "Writes spaces between special tokens.",
        engine_default=True,
        beam_search_neutral=(True,),
    ),
    Parameter(
        "echo",
        Boolean(),
        _F,
        "Puts the last message before the answer if it has the same role.",
        apis=CHAT_ONLY,
        misplaced=Misplaced("a Response begins after its input. Use chat completions.", but(False)),
        engine_default=False,
    ),
    Parameter(
        "stream",
        Boolean(),
        _F,
        "Sends the answer in pieces as server-sent events.",
        apis=CHAT_ONLY,
        engine_default=False,
        allows_default=False,
    ),
    Parameter("stream", Boolean(), _T, "Sends the answer as server-sent events.", apis=RESPONSES_ONLY),
    Parameter(
        "stream_options",
        Object(),
        _F,
        "include_usage adds the usage at the end; only with stream.",
        apis=CHAT_ONLY,
        allows_default=False,
    ),
    Parameter("stream_options", Object(), _I, "Options of OpenAI's streams.", apis=RESPONSES_ONLY),
    Parameter(
        "modalities",
        Array(Choice(("text",))),
        _I,
        "Only ['text'] is possible.",
        apis=CHAT_ONLY,
        misplaced=Misplaced(_TEXT_ONLY, but(["text"])),
    ),
    Parameter(
        "audio",
        Object(),
        _R,
        "Spoken answers.",
        apis=CHAT_ONLY,
        misplaced=Misplaced(_TEXT_ONLY),
        remedy=_TEXT_ONLY,
    ),
    Parameter(
        "prediction",
        Object(),
        _I,
        "Expected text, which only makes OpenAI's answer faster.",
        apis=CHAT_ONLY,
        misplaced=HINT,
    ),
    Parameter(
        "verbosity",
        Choice(("low", "medium", "high")),
        _I,
        "A hint that only OpenAI's models know.",
        apis=CHAT_ONLY,
        misplaced=HINT,
    ),
)
_REASONING: tuple[Parameter, ...] = (
    Parameter(
        "reasoning_effort",
        REASONING_EFFORT,
        _F,
        "How much the model thinks, if its chat template knows it.",
        apis=CHAT_ONLY,
        misplaced=Misplaced("the Responses API has it in 'reasoning.effort'. Send it there."),
        path_in_responses="reasoning.effort",
    ),
    # Clients of other services send it to chat completions.
    Parameter(
        "reasoning",
        Object(),
        _T,
        "effort: how much the model thinks.",
        apis=RESPONSES_ONLY,
        misplaced=HINT,
        response_default=None,
    ),
    Parameter(
        "include_reasoning",
        Boolean(),
        _C,
        "Whether the answer carries the model's reasoning.",
        allows_default=True,
    ),
    Parameter(
        "reasoning_content",
        Boolean(),
        _C,
        "Whether the answer carries the model's reasoning as reasoning_content.",
        allows_default=True,
    ),
)
OUTPUT: tuple[Parameter, ...] = (*_LOGPROBS, *_CHOICES, *_TEXT, *_REASONING)
