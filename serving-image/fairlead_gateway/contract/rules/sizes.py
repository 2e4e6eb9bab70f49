"""Bounds on the values of a request together, so that the engine has time for others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairlead_contract.parameters import PARAMETERS, ApiKind
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

_CHAT = PARAMETERS[ApiKind.CHAT].items()
# Parameters whose only bound beside their kind is one on all their text.
TEXTS = tuple(
    name
    for name, parameter in _CHAT
    if parameter.bounds.max_length and parameter.bounds == Bounds(parameter.bounds.max_length)
)
# What the engine gets a copy of for each choice.
_COPIED = tuple(name for name, parameter in _CHAT if parameter.copied_per_choice)
# Parts of a message whose data are no text of the prompt.
_MEDIA = frozenset({"image_url", "audio_url", "video_url", "input_audio"})
_TEXT_OF_THE_PROMPT = tuple(name for name, parameter in _CHAT if parameter.in_prompt)
_TRUNCATED = "truncate_prompt_tokens"


def check_texts(draft: Draft) -> None:
    """Raises the 400 for texts, such as stop strings, that are too long together."""
    for name in TEXTS:
        if name in draft.document:
            _check_length(name, draft.policy.bounds[name], draft.document[name])


def check_form_length(draft: Draft) -> None:
    """Raises the 400 for a form that is too long, before it is parsed."""
    for name in FORMS:
        if name in draft.document:
            _check_length(name, draft.policy.bounds[name], draft.document[name])


def check_form(draft: Draft) -> None:
    """Raises the 400 for a form of the answer that is too large, or that the backend cannot enforce."""
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
    """Raises the 400 for schemas of tools that are too large as a grammar.

    They become a grammar where the engine must keep to them; elsewhere they are text of the prompt.
    """
    compiled = list(_compiled_tools(draft.value("tools", []), draft.value("tool_choice", "auto")))
    if compiled:
        require_small_schemas(draft.policy, compiled)
        require_enforceable_tools(draft)


def require_small_schemas(policy: RequestPolicy, functions: list[Any]) -> None:
    """Raises the 400 for functions whose schemas are too large together as a grammar."""
    bounds = policy.bounds["tools"]
    _check_length("tools", bounds, functions)
    _check_size("tools", bounds, size_of_schema(functions, bounds.max_values))


def check_copies(draft: Draft) -> None:
    """Raises the 400 for too much text in all choices together: the engine gets the request once for each."""
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
    """Raises the 400 for a prompt with too many characters.

    The engine tokenises all of a prompt before it cuts anything off, and does nothing else meanwhile.
    """
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
    """Yields the parameter that the client has sent, its path, its value, and vLLM's name for that kind of
    form.
    """
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
    """Yields the functions whose schemas the engine compiles to a grammar."""
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
