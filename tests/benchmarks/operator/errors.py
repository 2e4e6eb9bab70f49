"""What makes a run worthless."""

from __future__ import annotations


class InvalidError(Exception):
    """A measurement that cannot be trusted, or an operator that does not get there; the text says why."""
