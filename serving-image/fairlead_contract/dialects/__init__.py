"""The dialects by the name they have in `spec.api.dialect`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .ig1 import IG1
from .iointelligence import IO_INTELLIGENCE
from .kinds import document_of, kinds_of
from .openai import OPENAI
from .polargrid import POLARGRID
from .rag import RAG
from .types import AnswerShape, Dialect, Documented, ProviderDocument, ResponseExtras

__all__ = [
    "DIALECTS",
    "AnswerShape",
    "Dialect",
    "Documented",
    "ProviderDocument",
    "ResponseExtras",
    "document_of",
    "kinds_of",
]

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {dialect.name: dialect for dialect in (OPENAI, IG1, IO_INTELLIGENCE, POLARGRID, RAG)}
)
