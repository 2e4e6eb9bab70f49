"""The types of a provider's document: parameters, defaults, paths and the shape of answers. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from fairlead_contract.parameters import ApiKind
from fairlead_contract.values import ABSENT, Kind

Fields = Mapping[str, Any]


def _no_fields() -> Fields:
    return MappingProxyType({})


@dataclass(frozen=True)
class Documented:
    """One parameter as a document has it. `value` is set where that is narrower than the catalogue."""

    name: str
    value: Kind | None = None
    default: Any = ABSENT
    required: bool = False
    note: str = ""


@dataclass(frozen=True)
class ProviderDocument:
    """One endpoint of a provider: its API, its title in the document, and its parameters in the document's
    order.
    """

    api: ApiKind
    title: str
    parameters: tuple[Documented, ...]


@dataclass(frozen=True)
class AnswerShape:
    """The differences between a dialect's whole answer and the engine's.

    The mappings list keys that are always there, with the value for an engine's answer that lacks them.
    """

    as_received: bool = False
    """The engine's bytes are the answer, unless the request asks for something that is not in them."""
    answer: Fields = field(default_factory=_no_fields)
    choice: Fields = field(default_factory=_no_fields)
    message: Fields = field(default_factory=_no_fields)
    usage: Fields = field(default_factory=_no_fields)
    cut: tuple[bytes, ...] = ()
    """Byte strings that are cut out of the events of a stream."""


@dataclass(frozen=True)
class ResponseExtras:
    """Keys that a dialect's Response objects have beside OpenAI's, by the object that has them.

    Their values are null or empty: they belong to features that this service does not have (stored prompts,
    multi-turn tool servers), but readers made for that document expect to find them.
    """

    response: Fields = field(default_factory=_no_fields)
    message: Fields = field(default_factory=_no_fields)
    input_tokens_details: Fields = field(default_factory=_no_fields)
    output_tokens_details: Fields = field(default_factory=_no_fields)


# The keys that only vLLM's chunks have, when they say nothing. No key comes first in its object, hence the
# commas; inside a JSON string the quotes would be escaped, so text of the model never looks like one.
TOKEN_IDS = (b',"token_ids":null', b',"prompt_token_ids":null', b',"prompt_text":null')
ENGINE_ONLY = (*TOKEN_IDS, b',"stop_reason":null')


@dataclass(frozen=True)
class Dialect:
    """A provider's contract: selected for a deployment by `spec.api.dialect`."""

    name: str
    title: str
    documents: tuple[ProviderDocument, ...]
    shape: AnswerShape
    response_extras: ResponseExtras = ResponseExtras()
    paths: Mapping[str, ApiKind] = field(default_factory=lambda: MappingProxyType({}))
    """Paths of its own, beside /v1/chat/completions and /v1/responses."""
    log_headers: tuple[str, ...] = ()
    """Request headers that are named in the request log."""
    model_optional: bool = False
    """Whether the model may be left out; the deployment's own is used then."""
