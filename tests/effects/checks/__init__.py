"""The checks, by what they are about. Importing this package registers them all."""

from __future__ import annotations

from tests.effects.checks import (
    bookkeeping,
    candidates,
    constraints,
    ending,
    hints,
    openings,
    penalties,
    prompting,
    reporting,
    sampling,
    streaming,
    templates,
    thinking,
    tools,
)
from tests.effects.registry import CHECKS

__all__ = [
    "CHECKS",
    "bookkeeping",
    "candidates",
    "constraints",
    "ending",
    "hints",
    "openings",
    "penalties",
    "prompting",
    "reporting",
    "sampling",
    "streaming",
    "templates",
    "thinking",
    "tools",
]
