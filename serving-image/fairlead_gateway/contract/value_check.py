"""Checks values of requests against the kinds of the tables: what does not fit is a 400."""

from __future__ import annotations

from typing import Any

from fairlead_contract.values import Kind, ValueFault

from .errors import ApiError, invalid


def error_of(fault: ValueFault) -> ApiError:
    """Returns the 400 for a value that does not fit."""
    return invalid(fault.message, fault.param, fault.code)


def check(kind: Kind, value: Any, path: str) -> None:
    """Raises the 400 for a value that is not of the kind."""
    if not kind.accepts(value):
        fault = kind.fault(value, path)
        if fault:
            raise error_of(fault)
