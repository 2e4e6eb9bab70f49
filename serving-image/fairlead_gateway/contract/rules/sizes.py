"""How large the values of a request may be together, so that the engine has time for others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairlead_contract.parameters.bounds import (
    MAX_COPIED_CHARACTERS,
    MAX_COPIED_FORM_CHARACTERS,
    MAX_FORM_NESTING,
)
from fairlead_contract.parameters.measures import Bounds
from fairlead_contract.values import length_of
from fairlead_gateway.contract.errors import ApiError, context_exceeded, invalid
from fairlead_gateway.contract.forms import backend_of
from fairlead_gateway.contract.policy import RequestPolicy
from fairlead_gateway.contract.sizes import Size, size_of_form, size_of_schema

from .constraints import FORMS
from .draft import Draft
from .support import require_enforceable, require_enforceable_response, require_enforceable_tools

TEXTS = ("stop", "bad_words")
# What the engine gets a copy of for each choice.
_COPIED = (*TEXTS, "stop_token_ids", "allowed_token_ids", "logit_bias")
# Parts of a message whose data are no text of the prompt.
_MEDIA = frozenset({"image_url", "audio_url", "video_url", "input_audio"})
_TEXT_OF_THE_PROMPT = ("tools", "documents", "chat_template_kwargs")
_TRUNCATED = "truncate_prompt_tokens"


def check_texts(draft: Draft) -> None:
    """Stop strings and bad words have a bound on their number and one on all their text."""
    for name in TEXTS:
        if name in draft.document:
            _check_length(name, draft.policy.bounds[name], draft.document[name])


def check_form_length(draft: Draft) -> None:
    """The parameters as they came: a text that is too long is not read any further."""
    for name in FORMS:
        if name in draft.document:
            _check_length(name, draft.policy.bounds[name], draft.document[name])


def check_form(draft: Draft) -> None:
    """The descriptions of the answer's form, in any parameter: the size, then the parts."""
    backend = backend_of(draft.policy.engine.structured_outputs_backend)
    for name, path, value, kind in _forms(draft):
        bounds = draft.policy.bounds[name]
        try:
            size = size_of_form(kind, value, bounds.max_values)
        except ValueError as error:
            raise invalid(f"'{path}' has a %json that is no JSON: {error}.", path) from None
        _check_size(path, bounds, size)
        if name == "response_format":
            require_enforceable_response(value, backend)
        else:
            require_enforceable(path, kind, value, backend)


def check_tool_schemas(draft: Draft) -> None:
    """Where the engine must keep to the schemas of tools, they become a grammar; else they are only text."""
    compiled = list(_compiled_tools(draft.value("tools", []), draft.value("tool_choice", "auto")))
    if compiled:
        bounds = draft.policy.bounds["tools"]
        _check_length("tools", bounds, compiled)
        _check_size("tools", bounds, size_of_schema(compiled, bounds.max_values))
        require_enforceable_tools(draft)


def check_copies(draft: Draft) -> None:
    """The engine gets the whole request once for each choice."""
    n = draft.value("n", 1)
    if n == 1:
        return
    name = draft.names.get("n", "n")
    texts = n * sum(length_of(draft.document[name]) for name in _COPIED if name in draft.document)
    forms = n * sum(length_of(value) for _, _, value, _ in _forms(draft))
    for got, most in ((texts, MAX_COPIED_CHARACTERS), (forms, MAX_COPIED_FORM_CHARACTERS)):
        if got > most:
            message = (
                f"'{name}' makes {n} choices, each with a copy of the other parameters: {got} characters, of "
                f"which there may be {most}. Ask for fewer choices, or shorten the other parameters."
            )
            raise invalid(message, name)


def check_prompt_length(document: Mapping[str, Any], policy: RequestPolicy) -> None:
    """The engine tokenises all of a prompt before it cuts anything off, and nothing else meanwhile."""
    most = policy.prompt_length
    got = _length_of_messages(document["messages"])
    got += sum(length_of(document[name]) for name in _TEXT_OF_THE_PROMPT if name in document)
    if got <= most:
        return
    if _TRUNCATED in document:
        remedy = f"Cut it yourself: '{_TRUNCATED}' takes effect only after all of it was tokenised."
        raise _too_large("messages", "characters of text, with tools and documents", most, got, remedy)
    raise context_exceeded(
        f"The prompt has {got} characters of text, of which there may be {most}. Shorten 'messages'.",
    )


def _forms(draft: Draft) -> Iterator[tuple[str, str, Any, str]]:
    """The parameter that the client has sent, its path, its value and how that is to be measured."""
    requested = draft.value("structured_outputs")
    if requested is not None:
        is_own = draft.has("structured_outputs")
        name = "structured_outputs" if is_own else draft.names["structured_outputs"]
        for kind, value in requested.items():
            yield name, f"{name}.{kind}" if is_own else name, value, kind
    described = draft.value("response_format")
    if described is not None:
        yield "response_format", "response_format", described, "json"


def _compiled_tools(tools: list[Any], choice: Any) -> Iterator[Any]:
    """The functions whose schemas the engine makes a grammar of."""
    named = choice["function"].get("name") if isinstance(choice, dict) else None
    strict = any(tool["function"].get("strict") is True for tool in tools)
    for tool in tools:
        function = tool["function"]
        if choice == "required" or strict or (named is not None and function["name"] == named):
            yield function


def _length_of_messages(messages: list[Any]) -> int:
    total, stack = 0, [*messages]
    while stack:
        found = stack.pop()
        if isinstance(found, str):
            total += len(found)
        elif isinstance(found, dict):
            stack.extend(value for name, value in found.items() if name not in _MEDIA)
        elif isinstance(found, list):
            stack.extend(found)
    return total


def _check_length(path: str, bounds: Bounds, value: Any) -> None:
    got = length_of(value)
    if bounds.max_length is not None and got > bounds.max_length:
        raise _too_large(path, "characters in all", bounds.max_length, got, "Shorten it.")


def _check_size(path: str, bounds: Bounds, size: Size) -> None:
    if bounds.max_values is not None and size.values > bounds.max_values:
        raise _too_large(path, "JSON values", bounds.max_values, "more", "Leave parts of it out.")
    if bounds.max_states is not None and size.states > bounds.max_states:
        what = f"states in the engine's automaton, mostly for {size.main_cause}"
        raise _too_large(path, what, bounds.max_states, size.states, "Simplify it.")
    if size.nesting > MAX_FORM_NESTING:
        what = "levels of rules or references that lead to one another"
        raise _too_large(path, what, MAX_FORM_NESTING, size.nesting, "Flatten it.")


def _too_large(path: str, what: str, most: int, got: int | str, remedy: str) -> ApiError:
    return invalid(f"'{path}' must have at most {most} {what} (got {got}). {remedy}", path)
