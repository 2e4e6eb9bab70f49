"""The rules: checks of a parameter beyond its type and range.

A rule runs only for requests that have one of its parameters, so a plain request pays nothing for them. They
run in the order of this list, which matters where one rule reads what another one has put.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from . import constraints, prompt, sampling, search, sizes, strictness, tools
from .draft import Draft

__all__ = ["TRIGGERS", "Draft", "apply_rules"]

Rule = Callable[[Draft], None]

_RULES: tuple[tuple[Rule, tuple[str, ...]], ...] = (
    (constraints.drop_empty_response_format, ("response_format",)),
    (sizes.check_form_length, constraints.FORMS),
    (constraints.refuse_what_breaks_the_form, constraints.FORMS),
    (search.search_with_beams, ("use_beam_search",)),
    (constraints.translate_guided, constraints.GUIDED),
    (constraints.require_the_backend, ("guided_decoding_backend",)),
    (constraints.check_structured_outputs, ("structured_outputs",)),
    (sizes.check_form, constraints.FORMS),
    (tools.check_tools, ("tools", "tool_choice")),
    (sizes.check_tool_schemas, ("tools",)),
    (strictness.keep_to_schemas, ("tools",)),
    (sizes.check_texts, sizes.TEXTS),
    (sampling.keep_one_token, ("top_p",)),
    (sampling.check_logprobs, ("top_logprobs", "prompt_logprobs")),
    (sampling.check_stream_options, ("stream_options",)),
    (sampling.check_priority, ("priority",)),
    (search.rank_candidates, ("best_of",)),
    (search.count_choices, ("n",)),
    (sizes.check_copies, ("n", "best_of")),
    (prompt.continue_the_last_message, ("continue_final_message",)),
    (prompt.write_documents, ("documents",)),
    (prompt.check_chat_template, ("chat_template", "chat_template_kwargs")),
    (prompt.check_truncation, ("truncate_prompt_tokens",)),
    (sampling.place_reasoning, ("reasoning_content", "include_reasoning")),
    (sampling.take_request_id, ("request_id",)),
    (sampling.take_chat_id, ("chat_id",)),
    (tools.stream_forced_calls, ("tools",)),
)


def _triggers() -> Mapping[str, tuple[int, ...]]:
    names = {name for _, triggers in _RULES for name in triggers}
    return MappingProxyType(
        {name: tuple(i for i, (_, triggers) in enumerate(_RULES) if name in triggers) for name in names}
    )


# The places in the list of the rules that a parameter calls for.
TRIGGERS = _triggers()


def apply_rules(draft: Draft) -> None:
    """Runs the rules that the draft's parameters call for. Raises the ApiError of the first that refuses."""
    called = {place for name in draft.document if name in TRIGGERS for place in TRIGGERS[name]}
    for place in sorted(called):
        _RULES[place][0](draft)
