"""Names and labels of a request that change nothing in the text of its answer."""

from __future__ import annotations

from fairlead_contract.values import Boolean, Object, String

from .types import CHAT_ONLY, RESPONSES_ONLY, Handling, Parameter

_C, _I = Handling.CONSUMED, Handling.IGNORED

BOOKKEEPING: tuple[Parameter, ...] = (
    Parameter(
        "user",
        String(),
        Handling.FORWARDED,
        "End user, for the request log.",
        allows_default=False,
        response_default=None,
        log_label=True,
    ),
    Parameter("chat_id", String(), _C, "Chat ID, for the request log.", log_label=True),
    Parameter("request_id", String(1, 128), _C, "Becomes the id of the answer.", log_label=True),
    Parameter(
        "metadata", Object(), _I, "Labels for stored completions; nothing is stored here.", apis=CHAT_ONLY
    ),
    Parameter("metadata", Object(), _C, "Repeated in the answer.", apis=RESPONSES_ONLY, response_default={}),
    Parameter(
        "store", Boolean(), _I, "Asks OpenAI to keep the completion; nothing is stored here.", apis=CHAT_ONLY
    ),
    Parameter("store", Boolean(), _C, "Nothing is stored; the answer says false.", apis=RESPONSES_ONLY),
    Parameter("service_tier", String(), _I, "OpenAI's processing tier; there is one.", apis=CHAT_ONLY),
    Parameter(
        "service_tier", String(), _C, "There is one tier; the answer says default.", apis=RESPONSES_ONLY
    ),
    Parameter("safety_identifier", String(), _I, "End user for OpenAI's abuse detection.", apis=CHAT_ONLY),
    Parameter(
        "safety_identifier",
        String(),
        _C,
        "Repeated in the answer.",
        apis=RESPONSES_ONLY,
        response_default=None,
    ),
    Parameter(
        "prompt_cache_key",
        String(),
        _I,
        "OpenAI's cache routing; prefixes are cached without it.",
        apis=CHAT_ONLY,
    ),
    Parameter(
        "prompt_cache_key",
        String(),
        _C,
        "Repeated in the answer.",
        apis=RESPONSES_ONLY,
        response_default=None,
    ),
    Parameter("prompt_cache_retention", String(), _I, "OpenAI's cache lifetime; the engine decides."),
)
