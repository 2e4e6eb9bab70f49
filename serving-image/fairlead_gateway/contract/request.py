"""The one place that decides about the parameters of a request for the engine.

The body is forwarded as received unless something has to change. vLLM drops fields it does not know and
refuses explicit nulls on many it does, while SDKs send nulls freely: top-level nulls mean "absent" here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import orjson

from fairlead_contract.parameters import MISPLACED, PARAMETERS, ApiKind
from fairlead_gateway.bounds import MAX_JSON_VALUES

from .errors import invalid, missing, model_not_found
from .messages import check_messages
from .policy import RequestPolicy
from .response_transform import ResponseTransform
from .rules import TRIGGERS, Draft, apply_rules
from .rules.sizes import check_prompt_length
from .sizes import is_deeper
from .value_check import error_of

MAX_DEPTH = 64
# A JSON string, or the rest of the text if it does not end. Possessive, and a match wherever a quote is, so
# that no text is read twice.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_SMALL_BODY = 2000
_LABELS = tuple(name for name, parameter in PARAMETERS[ApiKind.CHAT].items() if parameter.log_label)
_LABELLED, _RULED = frozenset(_LABELS), frozenset(TRIGGERS)
_NO_LABELS: Mapping[str, str] = MappingProxyType({})
# An access through the class costs several times as much in Python 3.11.
_CHAT = ApiKind.CHAT


# Not frozen: one is made per request, and the freezing would cost more than all checks together.
@dataclass(slots=True)
class EngineRequest:
    """A checked request: the chat-completions body for the engine, and what others must know about it."""

    body: bytes
    stream: bool
    """Whether the client gets a stream."""
    model: str = ""
    """As the client named it: the allow-lists of keys are about these names."""
    ignored: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=lambda: _NO_LABELS)
    """For the request log."""


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a request body, or a 400 that says where it stops being one."""
    if len(body) > MAX_JSON_VALUES:
        require_few_values(body)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid(f"The request body is not valid JSON: {error}.", code="invalid_json") from None
    if type(document) is not dict:
        raise invalid("The request body must be a JSON object.", code="invalid_json")
    # In a small body, counting brackets is cheaper than walking; a large one is mostly long texts.
    few = len(body) < _SMALL_BODY and body.count(b"{") + body.count(b"[") <= MAX_DEPTH
    if not few and is_deeper(document, MAX_DEPTH):
        message = f"The request body is nested deeper than {MAX_DEPTH} levels."
        raise invalid(message, code="invalid_json")
    return document


def require_few_values(body: bytes, most: int = MAX_JSON_VALUES) -> None:
    """Raises a 400 for a body that would become too many Python objects.

    Each value and each key but the first is preceded by one of four characters, which may also stand in
    texts. They are counted in three steps, each only if the one before allows too many: the size of the body,
    all such characters, and those outside of strings.
    """
    if len(body) <= most or _separators(body) <= most:
        return
    # A quote without a backslash before it begins or ends a string. At most every second one has a backslash
    # before it that is escaped itself.
    strings = (body.count(b'"') - body.count(b'\\"')) // 2
    if strings > most or _separators(_STRING.sub(b"", body)) > most:
        message = f"The request body has more than {most} JSON values and keys."
        raise invalid(message, code="invalid_json")


def _separators(text: bytes) -> int:
    return sum(text.count(character) for character in (b",", b":", b"[", b"{"))


@dataclass(slots=True)
class PreparedChat(EngineRequest):
    """A chat request ready for the engine, with what its answer needs."""

    document: Mapping[str, Any] = field(kw_only=True)
    """The body for the engine as JSON values, which may take four times its memory: to be dropped when it has
    been read.
    """
    transform: ResponseTransform = field(kw_only=True)
    given: tuple[str, ...] = field(kw_only=True)
    """The names that the client has sent."""


def prepare_chat(body: bytes, policy: RequestPolicy) -> PreparedChat:
    """A chat-completions request body checked and made ready for the engine, or an ApiError."""
    return _prepare(parse_object(body), policy, body)


def prepare_document(
    document: dict[str, Any], policy: RequestPolicy, strict_by_default: bool = False
) -> PreparedChat:
    """The same for a document that another API has made out of its own request.

    `strict_by_default`: functions without `strict` are strict in that API.
    """
    return _prepare(document, policy, None, strict_by_default)


def examine(
    document: Mapping[str, Any], policy: RequestPolicy, api: ApiKind
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The parameters that count, each of its type and within its bounds, and the names of the ignored ones.

    Raises the 400 for the first parameter that is not.
    """
    table = policy.tables[api]
    accepts = table.accepts
    kept: dict[str, Any] = {}
    ignored: list[str] = []
    for name, value in document.items():
        if value is None:
            continue
        check = accepts.get(name)
        if check is not None and check(value):
            kept[name] = value
        else:
            _require_harmless(name, value, policy, api)
            ignored.append(name)
    return kept, tuple(sorted(ignored)) if ignored else ()


def _require_harmless(name: str, value: Any, policy: RequestPolicy, api: ApiKind) -> None:
    """Raises the 400 for a parameter that cannot be used, unless it can be ignored without harm."""
    table = policy.tables[api]
    kind = table.kinds.get(name)
    if kind is None:
        other = MISPLACED[api].get(name)
        if other is not None and other.asks(value):
            message = f"'{name}' is not supported: {other.remedy}"
            raise invalid(message, name, "unsupported_parameter")
        if policy.reject_unknown:
            raise invalid(f"Unknown parameter: '{name}'. Leave it out.", name, "unknown_parameter")
        return
    if name in table.refused:
        message = f"'{name}' is not supported: {table.refused[name].remedy}"
        raise invalid(message, name, "unsupported_parameter")
    if not kind.accepts(value):
        fault = kind.fault(value, name)
        raise error_of(fault) if fault else invalid(f"'{name}' has no valid value.", name)


def _prepare(
    received: dict[str, Any], policy: RequestPolicy, body: bytes | None, strict_by_default: bool = False
) -> PreparedChat:
    document, ignored = examine(received, policy, _CHAT)
    model = check_served(document, policy)
    if "messages" not in document:
        raise missing("messages")
    most_media = policy.bounds["messages"].max_media
    changed = check_messages(document["messages"], policy.engine.media_domains, most_media)
    labels = _NO_LABELS
    if not _LABELLED.isdisjoint(document):
        labels = {name: document[name] for name in _LABELS if name in document}
    changed |= len(document) != len(received)
    if _complete(document, policy) or document.get("model") != model:
        document["model"] = model
        changed = True
    transform = policy.transform
    if not _RULED.isdisjoint(document):
        given = {name for name, value in received.items() if value is not None}
        draft = Draft(document, given, policy, changed, strict_by_default)
        apply_rules(draft)
        changed, transform = draft.changed, draft.transform()
    rendered = orjson.dumps(document) if changed or body is None else body
    # There is no less of a body than of the texts in it.
    if len(rendered) > policy.prompt_length:
        check_prompt_length(document, policy)
    return PreparedChat(
        rendered,
        document.get("stream", False) and not transform.assembled,
        model,
        ignored,
        labels,
        document=document,
        transform=transform,
        given=tuple(received),
    )


def check_served(document: dict[str, Any], policy: RequestPolicy) -> str:
    """Requires `model`, one of the served names, and returns it."""
    model = document.get("model", "")
    if not model:
        if not policy.dialect.model_optional:
            raise missing("model")
        return policy.served[0]
    if model not in policy.served:
        raise model_not_found(model)
    return str(model)


def _complete(document: dict[str, Any], policy: RequestPolicy) -> bool:
    """Puts in the defaults that are missing; whether there were any."""
    before = len(document)
    for name, value in policy.injected.items():
        if name not in document and not (name == "max_tokens" and "max_completion_tokens" in document):
            document[name] = value
    return len(document) != before
