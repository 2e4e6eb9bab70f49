"""What of a parameter's value is bounded, beside what its kind says."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from fairlead_contract.values import Limit
from fairlead_contract.values.limits import FIELDS

from .bounds import (
    MAX_BAD_WORDS_CHARACTERS,
    MAX_FORM_CHARACTERS,
    MAX_FORM_STATES,
    MAX_FORM_VALUES,
    MAX_MEDIA,
    MAX_PROMPT_CHARACTERS,
    MAX_STOP_CHARACTERS,
)


@dataclass(frozen=True)
class Bounds:
    """What one parameter's value may hold; None leaves it open."""

    max_length: int | None = None
    """Characters of all its texts and names."""
    max_values: int | None = None
    """JSON values."""
    max_states: int | None = None
    """Estimated states of the automaton that the engine compiles it to."""
    max_media: int | None = None
    """Images, audio and video."""

    def limitable(self) -> tuple[str, ...]:
        """The names of those that are set, as the spec has them."""
        return tuple(name for name, attribute in FIELDS.items() if getattr(self, attribute, None) is not None)

    def limited(self, limit: Limit) -> Bounds:
        """With what a deployment sets itself, which may be more or less."""
        own = {field.name: getattr(limit, field.name) for field in fields(self)}
        return replace(self, **{name: bound for name, bound in own.items() if bound is not None})

    def describe(self) -> str:
        """The bounds in words that follow "at most"."""
        words = (
            (self.max_length, "characters"),
            (self.max_values, "values"),
            (self.max_states, "states"),
            (self.max_media, "images, audio and video"),
        )
        return ", ".join(f"{bound} {what}" for bound, what in words if bound is not None)


UNBOUNDED = Bounds()
MESSAGES = Bounds(max_length=MAX_PROMPT_CHARACTERS, max_media=MAX_MEDIA)
STOP = Bounds(max_length=MAX_STOP_CHARACTERS)
BAD_WORDS = Bounds(max_length=MAX_BAD_WORDS_CHARACTERS)
FORM = Bounds(MAX_FORM_CHARACTERS, MAX_FORM_VALUES, MAX_FORM_STATES)
FORM_OF_TEXTS = Bounds(MAX_FORM_CHARACTERS, max_states=MAX_FORM_STATES)
