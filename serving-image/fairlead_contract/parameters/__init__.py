"""The catalogue: every parameter that is accepted somewhere, with its type and natural bounds.

It is a superset and the same for every dialect. What a provider's document says about a parameter (narrower
range, default) stands in that provider's dialect. Fields with power over the engine (vLLM's transfer, caching
and debugging fields) are left out on purpose: what is not listed never reaches the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .chat import CHAT
from .responses import RESPONSES
from .types import ApiKind, Handling, Parameter

__all__ = ["PARAMETERS", "ApiKind", "Handling", "Parameter"]


def _by_name(parameters: tuple[Parameter, ...]) -> Mapping[str, Parameter]:
    return MappingProxyType({parameter.name: parameter for parameter in parameters})


PARAMETERS: Mapping[ApiKind, Mapping[str, Parameter]] = MappingProxyType(
    {ApiKind.CHAT: _by_name(CHAT), ApiKind.RESPONSES: _by_name(RESPONSES)}
)
