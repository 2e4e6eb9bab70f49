"""Rules for the prompt: chat template, documents, continuation, truncation."""

from __future__ import annotations

from typing import Any

import orjson

from fairlead_gateway.contract.errors import invalid
from fairlead_gateway.contract.template import check_template

from .draft import Draft, conflict, unsupported

# vLLM's arguments to its renderer, besides the variables.
_SET_BY_THE_ENGINE = frozenset({"conversation", "messages", "model_config", "tokenize", "tokenizer", "tools"})


def continue_the_last_message(draft: Draft) -> None:
    """Keeps the chat template from opening a new message after the last one."""
    if not draft.document["continue_final_message"]:
        return
    if draft.value("add_generation_prompt", False):
        if draft.has("add_generation_prompt"):
            raise conflict("continue_final_message", "add_generation_prompt", "a turn is continued or opened")
        draft.take("add_generation_prompt")
    if "add_generation_prompt" not in draft.document:
        draft.put("add_generation_prompt", False)


def write_documents(draft: Draft) -> None:
    """Replaces values of documents that are not strings by JSON text: vLLM takes strings only."""
    documents = draft.document["documents"]
    if all(isinstance(value, str) for document in documents for value in document.values()):
        return
    draft.put("documents", [{name: _text(value) for name, value in entry.items()} for entry in documents])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def check_chat_template(draft: Draft) -> None:
    """Raises the 400 for a template where the deployment does not trust its clients.

    A template is a program that the engine runs.
    """
    for name in _SET_BY_THE_ENGINE & draft.value("chat_template_kwargs", {}).keys():
        raise unsupported(f"chat_template_kwargs.{name}", "it is no variable of the request.")
    if "chat_template" in draft.value("chat_template_kwargs", {}):
        raise unsupported("chat_template_kwargs.chat_template", "send it as 'chat_template'.")
    if "chat_template" not in draft.document:
        return
    if not draft.policy.engine.request_chat_templates:
        raise unsupported(
            "chat_template", "this deployment does not allow chat templates of requests. Leave it out."
        )
    check_template(draft.document["chat_template"])


def check_truncation(draft: Draft) -> None:
    """Raises the 400 for a truncation that leaves no prompt, or no room for an answer."""
    requested = draft.document["truncate_prompt_tokens"]
    if requested == 0:
        message = "'truncate_prompt_tokens' must be at least 1, or -1 for what the context holds (got 0)."
        raise invalid(message, "truncate_prompt_tokens")
    if requested == -1 and not {"max_tokens", "max_completion_tokens"} & draft.document.keys():
        message = (
            "'truncate_prompt_tokens' -1 needs 'max_tokens' or 'max_completion_tokens', so that the prompt "
            "leaves room for the answer."
        )
        raise invalid(message, "truncate_prompt_tokens")
    context = draft.policy.engine.context_length
    if context is not None and requested > context:
        message = f"'truncate_prompt_tokens' must be at most {context}, the context length (got {requested})."
        raise invalid(message, "truncate_prompt_tokens")
