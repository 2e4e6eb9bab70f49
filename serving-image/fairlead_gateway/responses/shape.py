"""What the Response objects of a provider's document have beside OpenAI's keys. Pure data.

The additional keys are null or empty: they belong to features that this service does not have (stored
prompts, multi-turn tool servers), but readers made for that document expect to find them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

Fields = Mapping[str, Any]
_NONE: Fields = MappingProxyType({})


@dataclass(frozen=True)
class Extras:
    """Additional keys, by the object that has them."""

    response: Fields = field(default_factory=lambda: _NONE)
    message: Fields = field(default_factory=lambda: _NONE)
    input_tokens_details: Fields = field(default_factory=lambda: _NONE)
    output_tokens_details: Fields = field(default_factory=lambda: _NONE)


_IG1 = Extras(
    response=MappingProxyType({"input_messages": None, "output_messages": None, "prompt": None}),
    message=MappingProxyType({"phase": None}),
    input_tokens_details=MappingProxyType({"cached_tokens_per_turn": (), "input_tokens_per_turn": ()}),
    output_tokens_details=MappingProxyType(
        {"output_tokens_per_turn": (), "tool_output_tokens": 0, "tool_output_tokens_per_turn": ()}
    ),
)

EXTRAS: Mapping[str, Extras] = MappingProxyType({"IG1": _IG1})
