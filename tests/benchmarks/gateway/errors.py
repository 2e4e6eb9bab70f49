"""Why a figure is not there."""

from __future__ import annotations


class MissingError(Exception):
    """A competitor is not available on this machine; the text says why."""


class InvalidError(Exception):
    """A figure cannot be trusted, because answers were wrong or a program ended."""
