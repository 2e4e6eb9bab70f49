"""What is said about a parameter, whatever the provider."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fairlead_contract.values import ABSENT, Kind

from .measures import UNBOUNDED, Bounds


class ApiKind(StrEnum):
    """The two APIs; each has its own names."""

    CHAT = "chat"
    RESPONSES = "responses"


class Handling(StrEnum):
    """What the gateway does with a parameter."""

    FORWARDED = "forwarded"
    """The engine has it under the same name."""
    TRANSLATED = "translated"
    """The engine gets something else that has the effect."""
    CONSUMED = "consumed"
    """The gateway has the effect; the engine never sees it."""
    IGNORED = "ignored"
    """Without effect here and harmless: dropped and named in a response header."""
    REFUSED = "refused"
    """Dropping it would change the answer: a 400 says what to do."""


@dataclass(frozen=True)
class Parameter:
    """A parameter that some client may send. `value` holds the natural bounds, those of the engine."""

    name: str
    value: Kind
    handling: Handling
    description: str
    remedy: str = ""
    """For a refused parameter: why, and what to send instead."""
    engine_default: Any = ABSENT
    """What the engine takes when it is absent. ABSENT where the model's own configuration decides."""
    bounds: Bounds = UNBOUNDED
    """How large the value may be, beside what its kind says."""
