"""Bounds on a parameter's value beside those of its kind."""

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
    """Bounds on one parameter's value. None: no bound."""

    max_length: int | None = None
    """Characters of all its texts and names."""
    max_values: int | None = None
    """The number of JSON values."""
    max_states: int | None = None
    """Estimated states of the automaton that the engine compiles it to."""
    max_media: int | None = None
    """The number of images, audio and video parts."""

    def limitable(self) -> tuple[str, ...]:
        """The names of those that are set, as the spec has them."""
        return tuple(name for name, attribute in FIELDS.items() if getattr(self, attribute, None) is not None)

    def limited(self, limit: Limit) -> Bounds:
        """Returns the bounds with those of a deployment in place of the table's; they may be larger or
        smaller.
        """
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
