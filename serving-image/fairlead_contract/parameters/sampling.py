"""Parameters with the same name and meaning in both APIs: how tokens are chosen and when it ends."""

from __future__ import annotations

from fairlead_contract.values import (
    AnyOf,
    Array,
    Boolean,
    Choice,
    Integer,
    Number,
    Object,
    String,
    TokenMap,
)

from .measures import BAD_WORDS, FORM, FORM_OF_TEXTS, STOP
from .types import Handling, Parameter

INT64_MAX = 2**63 - 1
MAX_TOKENS = 2**31 - 1
# vLLM's VLLM_MAX_STOP_STRINGS and VLLM_MAX_NUM_BAD_WORDS.
MAX_STOP_STRINGS = 4
MAX_BAD_WORDS = 128
# Far above any sensible use; a request with more is an accident or an attack.
MAX_TOKEN_IDS = 65_536
MAX_STOP_TOKENS = 1024
MAX_LOGIT_BIAS = 1024
MAX_CHOICES = 1024
MAX_DOCUMENTS = 1024
MAX_N = 128
# OpenAI's bound for best_of in its completions API.
MAX_BEST_OF = 20

TOKEN_ID = Integer(0, MAX_TOKENS)
_F, _T, _C, _I = Handling.FORWARDED, Handling.TRANSLATED, Handling.CONSUMED, Handling.IGNORED

SAMPLING: tuple[Parameter, ...] = (
    Parameter(
        "temperature", Number(0, 2), _F, "Randomness of the choice of tokens; 0 always takes the likeliest."
    ),
    Parameter(
        "top_p",
        Number(0, 1),
        _F,
        "Keeps the likeliest tokens that together have this probability; 0 keeps one.",
    ),
    Parameter(
        "top_k", Integer(-1, MAX_TOKENS), _F, "Keeps this many of the likeliest tokens; 0 and -1 keep all."
    ),
    Parameter(
        "min_p", Number(0, 1), _F, "Keeps tokens at least this probable relative to the likeliest one."
    ),
    Parameter(
        "presence_penalty",
        Number(-2, 2),
        _F,
        "Penalises tokens that have appeared in the answer.",
        engine_default=0,
    ),
    Parameter(
        "frequency_penalty",
        Number(-2, 2),
        _F,
        "Penalises tokens by how often they have appeared in the answer.",
        engine_default=0,
    ),
    Parameter(
        "repetition_penalty",
        Number(0.01, 100),
        _F,
        "Divides the score of tokens that have appeared; 1 is neutral, more discourages.",
    ),
    Parameter("seed", Integer(-(2**63), INT64_MAX), _F, "Makes sampling repeatable on the same deployment."),
    Parameter(
        "stop",
        AnyOf((String(1), Array(String(1), max_items=MAX_STOP_STRINGS))),
        _F,
        "Strings that end the answer; they are cut off unless include_stop_str_in_output is set.",
        bounds=STOP,
    ),
    Parameter(
        "stop_token_ids", Array(TOKEN_ID, max_items=MAX_STOP_TOKENS), _F, "Token IDs that end the answer."
    ),
    Parameter(
        "include_stop_str_in_output",
        Boolean(),
        _F,
        "Keeps the stop string that ended the answer.",
        engine_default=False,
    ),
    Parameter("ignore_eos", Boolean(), _F, "Goes on after the end-of-sequence token.", engine_default=False),
    Parameter(
        "min_tokens",
        Integer(0, MAX_TOKENS),
        _F,
        "Number of tokens before any stop may happen.",
        engine_default=0,
    ),
    Parameter(
        "logit_bias", TokenMap(Number(-100, 100), MAX_LOGIT_BIAS), _F, "Adds to the scores of single tokens."
    ),
    Parameter(
        "allowed_token_ids",
        Array(TOKEN_ID, 1, MAX_TOKEN_IDS),
        _F,
        "Only these token IDs can be generated.",
    ),
    Parameter(
        "bad_words",
        Array(String(1), max_items=MAX_BAD_WORDS),
        _F,
        "Words that are never generated.",
        bounds=BAD_WORDS,
    ),
    Parameter(
        "skip_special_tokens", Boolean(), _F, "Leaves special tokens out of the text.", engine_default=True
    ),
    Parameter(
        "spaces_between_special_tokens",
        Boolean(),
        _F,
        "Writes spaces between special tokens.",
        engine_default=True,
    ),
    Parameter(
        "use_beam_search",
        Boolean(),
        _F,
        "Searches with n beams (4 for one answer); refused beside what it does not heed; no partial stream.",
        engine_default=False,
    ),
    Parameter(
        "length_penalty",
        Number(-10, 10),
        _F,
        "Exponent on the length when beams are compared; beam search only.",
        engine_default=1,
    ),
    Parameter("n", Integer(1, MAX_N), _F, "Number of choices.", engine_default=1),
    Parameter(
        "best_of",
        Integer(1, MAX_BEST_OF),
        _T,
        "Makes this many answers and returns the n likeliest per token; usage counts all; not in streams.",
    ),
    Parameter(
        "truncate_prompt_tokens",
        Integer(-1, MAX_TOKENS),
        _F,
        "Cuts the rendered prompt to this many tokens, from the left; -1 cuts to what the context holds.",
    ),
    Parameter("truncation_side", Choice(("left", "right")), _F, "Which end truncate_prompt_tokens cuts off."),
    Parameter(
        "prompt_logprobs",
        Integer(0, MAX_TOKENS),
        _F,
        "Returns log probabilities of the prompt's tokens with this many alternatives; not in streams.",
    ),
    Parameter(
        "top_logprobs", Integer(0, MAX_TOKENS), _F, "Number of alternatives per token; needs logprobs."
    ),
    Parameter(
        "return_tokens_as_token_ids", Boolean(), _F, "Names tokens in log probabilities as token_id:ID."
    ),
)

OUTPUT: tuple[Parameter, ...] = (
    Parameter(
        "structured_outputs",
        Object(),
        _F,
        "vLLM's constraint: one of json, regex, choice, grammar, ...",
        bounds=FORM,
    ),
    Parameter(
        "guided_json",
        AnyOf((String(1), Object())),
        _T,
        "JSON schema, as an object or text, that the answer follows.",
        bounds=FORM,
    ),
    Parameter(
        "guided_regex", String(1), _T, "Regular expression that the answer matches.", bounds=FORM_OF_TEXTS
    ),
    Parameter(
        "guided_choice",
        Array(String(1), 1, MAX_CHOICES),
        _T,
        "The answer is exactly one of these strings.",
        bounds=FORM_OF_TEXTS,
    ),
    Parameter(
        "guided_grammar",
        String(1),
        _T,
        "Context-free grammar (EBNF) that the answer follows.",
        bounds=FORM_OF_TEXTS,
    ),
    Parameter(
        "guided_decoding_backend",
        String(1),
        _C,
        "Must name the backend that the deployment is configured with; it cannot be chosen per request.",
    ),
    Parameter(
        "guided_whitespace_pattern",
        String(1),
        _T,
        "Regular expression for the whitespace in the JSON of guided_json, without which it is refused.",
    ),
    Parameter("include_reasoning", Boolean(), _C, "Whether the answer carries the model's reasoning."),
    Parameter(
        "reasoning_content",
        Boolean(),
        _C,
        "Whether the answer carries the model's reasoning as reasoning_content.",
    ),
    Parameter("request_id", String(1, 128), _C, "Becomes the id of the answer."),
    Parameter(
        "priority",
        Integer(-(2**63), INT64_MAX),
        _F,
        "Lower is served earlier; needs an engine that schedules by priority.",
        engine_default=0,
    ),
)

PROMPT: tuple[Parameter, ...] = (
    Parameter(
        "echo",
        Boolean(),
        _F,
        "Puts the last message before the answer if it has the same role.",
        engine_default=False,
    ),
    Parameter(
        "add_generation_prompt",
        Boolean(),
        _F,
        "Whether the chat template opens the assistant's turn.",
        engine_default=True,
    ),
    Parameter(
        "continue_final_message",
        Boolean(),
        _F,
        "Goes on with the last message instead of a new one; switches add_generation_prompt off.",
        engine_default=False,
    ),
    Parameter(
        "add_special_tokens",
        Boolean(),
        _F,
        "Adds special tokens (e.g. BOS) to what the chat template wrote.",
        engine_default=False,
    ),
    Parameter(
        "documents",
        Array(Object(), max_items=MAX_DOCUMENTS),
        _F,
        "Documents for templates that use them; values that are no strings become JSON.",
    ),
    Parameter(
        "chat_template",
        String(1, 65_536),
        _F,
        "Jinja chat template of the request; only if the deployment allows it.",
    ),
    Parameter("chat_template_kwargs", Object(), _F, "Variables for the chat template."),
)

MISCELLANEOUS: tuple[Parameter, ...] = (
    Parameter("user", String(), _F, "End user, for the request log."),
    Parameter("chat_id", String(), _C, "Chat ID, for the request log."),
    Parameter("metadata", Object(), _I, "Labels for stored completions; nothing is stored here."),
    Parameter("store", Boolean(), _I, "Asks OpenAI to keep the completion; nothing is stored here."),
    Parameter("service_tier", String(), _I, "OpenAI's processing tier; there is one."),
    Parameter("safety_identifier", String(), _I, "End user for OpenAI's abuse detection."),
    Parameter("prompt_cache_key", String(), _I, "OpenAI's cache routing; prefixes are cached without it."),
    Parameter("prompt_cache_retention", String(), _I, "OpenAI's cache lifetime; the engine decides."),
    Parameter(
        "rag_params",
        Object(),
        Handling.REFUSED,
        "Retrieval Augmented Generation; null (disabled) is accepted.",
        "retrieval is not available here. Leave it out or send null, and put what the model shall know "
        "into 'messages'.",
    ),
)
