"""The table: every parameter that is accepted somewhere, by API and name.

It is a superset and the same for every dialect. What a provider's document says about a parameter (narrower
range, default) stands in that provider's dialect. Fields with power over the engine (vLLM's transfer, caching
and debugging fields) are left out on purpose: what is not listed never reaches the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .bookkeeping import BOOKKEEPING
from .conversation import CONVERSATION
from .forms import FORMS
from .misplaced import Misplaced
from .output import OUTPUT
from .prompt import PROMPT
from .sampling import SAMPLING
from .types import ApiKind, Parameter

# Where a request breaks several rules of one kind, the error names the first parameter in this order.
_ROWS = (*SAMPLING, *CONVERSATION, *OUTPUT, *FORMS, *PROMPT, *BOOKKEEPING)


def _of(api: ApiKind) -> Mapping[str, Parameter]:
    """The rows of an API by name. Raises ValueError for a second row of a name."""
    found: dict[str, Parameter] = {}
    for row in _ROWS:
        if api in row.apis and found.setdefault(row.name, row) is not row:
            raise ValueError(f"two rows for {row.name} of {api}")
    return MappingProxyType(found)


PARAMETERS: Mapping[ApiKind, Mapping[str, Parameter]] = MappingProxyType({api: _of(api) for api in ApiKind})


def _misplaced_in(api: ApiKind) -> Mapping[str, Misplaced]:
    rows = ((row.name, row.misplaced) for row in _ROWS if api not in row.apis)
    return MappingProxyType({name: misplaced for name, misplaced in rows if misplaced is not None})


MISPLACED: Mapping[ApiKind, Mapping[str, Misplaced]] = MappingProxyType(
    {api: _misplaced_in(api) for api in ApiKind}
)
"""By the API in which they have no place. They are no parameters of it: a deployment cannot set defaults or
limits under these names.
"""
