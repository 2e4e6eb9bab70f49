"""How the prompt is made of the conversation: chat template, documents, truncation."""

from __future__ import annotations

from fairlead_contract.values import Array, Boolean, Choice, Integer, Object, String

from .misplaced import Misplaced, but
from .sampling import MAX_TOKENS
from .types import RESPONSES_ONLY, Handling, Parameter

# Far above any sensible use; a request with more is an accident or an attack.
MAX_DOCUMENTS = 1024
MAX_TEMPLATE_CHARACTERS = 65_536

_F = Handling.FORWARDED

PROMPT: tuple[Parameter, ...] = (
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
        allows_default=False,
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
        in_prompt=True,
    ),
    Parameter(
        "chat_template",
        String(1, MAX_TEMPLATE_CHARACTERS),
        _F,
        "Jinja chat template of the request; only if the deployment allows it.",
        allows_default=False,
    ),
    Parameter("chat_template_kwargs", Object(), _F, "Variables for the chat template.", in_prompt=True),
    Parameter(
        "truncate_prompt_tokens",
        Integer(-1, MAX_TOKENS),
        _F,
        "Cuts the rendered prompt to this many tokens, from the left; -1 cuts to what the context holds.",
        allows_default=False,
    ),
    Parameter("truncation_side", Choice(("left", "right")), _F, "Which end truncate_prompt_tokens cuts off."),
    Parameter(
        "truncation",
        Choice(("auto", "disabled")),
        Handling.TRANSLATED,
        "auto cuts an over-long input from the left.",
        apis=RESPONSES_ONLY,
        misplaced=Misplaced(
            "chat completions have it in 'truncate_prompt_tokens'. Send a number there.", but("disabled")
        ),
        response_default="disabled",
    ),
)
