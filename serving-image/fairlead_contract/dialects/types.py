"""What a provider's document says: parameters, defaults, paths, the shape of its answers. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from fairlead_contract.parameters import ApiKind
from fairlead_contract.values import ABSENT, Kind

Fields = Mapping[str, Any]


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
    """One endpoint of a provider."""

    api: ApiKind
    title: str
    parameters: tuple[Documented, ...]


@dataclass(frozen=True)
class AnswerShape:
    """How a whole answer differs from the engine's.

    The mappings name keys that are always there, with the value they have when the engine left them out.
    """

    as_received: bool = False
    """The engine's bytes are the answer, unless the request asks for something that is not in them."""
    answer: Fields = field(default_factory=lambda: MappingProxyType({}))
    choice: Fields = field(default_factory=lambda: MappingProxyType({}))
    message: Fields = field(default_factory=lambda: MappingProxyType({}))
    usage: Fields = field(default_factory=lambda: MappingProxyType({}))
    cut: tuple[bytes, ...] = ()
    """What is cut out of the events of a stream."""


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
    paths: Mapping[str, ApiKind] = field(default_factory=lambda: MappingProxyType({}))
    """Paths of its own, beside /v1/chat/completions and /v1/responses."""
    log_headers: tuple[str, ...] = ()
    """Request headers that are named in the request log."""
    model_optional: bool = False
    """Whether the model may be left out; the deployment's own is used then."""
