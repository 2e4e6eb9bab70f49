"""How tokens are chosen, and when the answer ends."""

from __future__ import annotations

from fairlead_contract.values import AnyOf, Array, Boolean, Integer, Number, String, TokenMap

from .measures import BAD_WORDS, STOP
from .misplaced import Misplaced
from .types import CHAT_ONLY, RESPONSES_ONLY, Handling, Parameter

INT64_MAX = 2**63 - 1
MAX_TOKENS = 2**31 - 1
# vLLM's VLLM_MAX_STOP_STRINGS and VLLM_MAX_NUM_BAD_WORDS.
MAX_STOP_STRINGS = 4
MAX_BAD_WORDS = 128
# Far above any sensible use; a request with more is an accident or an attack.
MAX_TOKEN_IDS = 65_536
MAX_STOP_TOKENS = 1024
MAX_LOGIT_BIAS = 1024

TOKEN_ID = Integer(0, MAX_TOKENS)
_F, _T = Handling.FORWARDED, Handling.TRANSLATED
_FORM_ENDS = "the answer ends where its form ends"

SAMPLING: tuple[Parameter, ...] = (
    Parameter("max_tokens", Integer(1, MAX_TOKENS), _F, "Most tokens to generate.", apis=CHAT_ONLY),
    Parameter(
        "max_completion_tokens",
        Integer(1, MAX_TOKENS),
        _F,
        "Most tokens to generate; wins over max_tokens.",
        apis=CHAT_ONLY,
        misplaced=Misplaced("the Responses API calls it 'max_output_tokens'. Use that name."),
        same_as="max_tokens",
    ),
    Parameter(
        "max_output_tokens",
        Integer(1, MAX_TOKENS),
        _T,
        "Most tokens to generate.",
        apis=RESPONSES_ONLY,
        misplaced=Misplaced("chat completions call it 'max_completion_tokens'. Use that name."),
        same_as="max_tokens",
        allows_default=True,
    ),
    Parameter(
        "max_tokens",
        Integer(1, MAX_TOKENS),
        _T,
        "The same under the name of chat completions.",
        apis=RESPONSES_ONLY,
        allows_default=True,
    ),
    Parameter(
        "stop",
        AnyOf((String(1), Array(String(1), max_items=MAX_STOP_STRINGS))),
        _F,
        "Strings that end the answer; they are cut off unless include_stop_str_in_output is set.",
        bounds=STOP,
        beam_search_neutral=([],),
        copied_per_choice=True,
    ),
    Parameter(
        "stop_token_ids",
        Array(TOKEN_ID, max_items=MAX_STOP_TOKENS),
        _F,
        "Token IDs that end the answer.",
        beam_search_neutral=([],),
        copied_per_choice=True,
    ),
    Parameter(
        "include_stop_str_in_output",
        Boolean(),
        _F,
        "Keeps the stop string that ended the answer.",
        engine_default=False,
    ),
    Parameter(
        "ignore_eos",
        Boolean(),
        _F,
        "Goes on after the end-of-sequence token.",
        engine_default=False,
        form_conflict=_FORM_ENDS,
    ),
    Parameter(
        "temperature",
        Number(0, 2),
        _F,
        "Randomness of the choice of tokens; 0 always takes the likeliest.",
        response_default=1.0,
    ),
    Parameter(
        "top_p",
        Number(0, 1),
        _F,
        "Keeps the likeliest tokens that together have this probability; 0 keeps one.",
        response_default=1.0,
        beam_search_neutral=(1,),
    ),
    Parameter(
        "top_k",
        Integer(-1, MAX_TOKENS),
        _F,
        "Keeps this many of the likeliest tokens; 0 and -1 keep all.",
        beam_search_neutral=(0, -1),
    ),
    Parameter(
        "min_p",
        Number(0, 1),
        _F,
        "Keeps tokens at least this probable relative to the likeliest one.",
        beam_search_neutral=(0,),
    ),
    Parameter(
        "presence_penalty",
        Number(-2, 2),
        _F,
        "Penalises tokens that have appeared in the answer.",
        engine_default=0,
        response_default=0.0,
        beam_search_neutral=(0,),
    ),
    Parameter(
        "frequency_penalty",
        Number(-2, 2),
        _F,
        "Penalises tokens by how often they have appeared in the answer.",
        engine_default=0,
        response_default=0.0,
        beam_search_neutral=(0,),
    ),
    Parameter(
        "repetition_penalty",
        Number(0.01, 100),
        _F,
        "Divides the score of tokens that have appeared; 1 is neutral, more discourages.",
        beam_search_neutral=(1,),
    ),
    Parameter(
        "seed",
        Integer(-(2**63), INT64_MAX),
        _F,
        "Makes sampling repeatable on the same deployment.",
        beam_search_neutral=(),
    ),
    Parameter(
        "min_tokens",
        Integer(0, MAX_TOKENS),
        _F,
        "Number of tokens before any stop may happen.",
        engine_default=0,
        beam_search_neutral=(0,),
        form_conflict=_FORM_ENDS,
    ),
    Parameter(
        "bad_words",
        Array(String(1), max_items=MAX_BAD_WORDS),
        _F,
        "Words that are never generated.",
        bounds=BAD_WORDS,
        beam_search_neutral=([],),
        bans_tokens=True,
        copied_per_choice=True,
    ),
    Parameter(
        "allowed_token_ids",
        Array(TOKEN_ID, 1, MAX_TOKEN_IDS),
        _F,
        "Only these token IDs can be generated.",
        beam_search_neutral=(),
        form_conflict="both say which tokens are allowed",
        copied_per_choice=True,
    ),
    Parameter(
        "logit_bias",
        TokenMap(Number(-100, 100), MAX_LOGIT_BIAS),
        _F,
        "Adds to the scores of single tokens.",
        beam_search_neutral=({},),
        bans_tokens=True,
        copied_per_choice=True,
    ),
)
