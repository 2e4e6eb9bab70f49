"""The kind of value that each parameter has under a dialect."""

from __future__ import annotations

from fairlead_contract.parameters import PARAMETERS, ApiKind
from fairlead_contract.values import Kind

from .types import Dialect, ProviderDocument


def document_of(dialect: Dialect, api: ApiKind) -> ProviderDocument:
    """The dialect's document of the API; the first one stands in, for the names that both APIs have."""
    return next((found for found in dialect.documents if found.api is api), dialect.documents[0])


def kinds_of(dialect: Dialect, api: ApiKind) -> dict[str, Kind]:
    """The kind of every parameter of the API: that of the catalogue, or the narrower one of the document."""
    kinds = {name: parameter.value for name, parameter in PARAMETERS[api].items()}
    entries = document_of(dialect, api).parameters
    return kinds | {entry.name: entry.value for entry in entries if entry.value and entry.name in kinds}
