"""The parameters of requests: one row each, with all facts about it as columns.

A new parameter is a new row of `sampling`, `conversation`, `output`, `forms`, `prompt` or `bookkeeping`. The
checks of requests, defaults, limits, the operator's validation and the reference page read the rows.
"""

from __future__ import annotations

from .catalogue import MISPLACED, PARAMETERS
from .types import ApiKind, Handling, Parameter

__all__ = ["MISPLACED", "PARAMETERS", "ApiKind", "Handling", "Parameter"]
