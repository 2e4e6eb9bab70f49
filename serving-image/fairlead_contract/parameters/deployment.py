"""The settings that a deployment may make for a parameter: `spec.api.defaults` and `spec.api.limits`."""

from __future__ import annotations

from collections.abc import Mapping

from fairlead_contract.parameters import PARAMETERS, Handling, Parameter
from fairlead_contract.values import Limit, limitable


def _same() -> tuple[frozenset[str], ...]:
    groups: dict[str, set[str]] = {}
    for parameter in (row for table in PARAMETERS.values() for row in table.values()):
        if parameter.same_as:
            groups.setdefault(parameter.same_as, {parameter.same_as}).add(parameter.name)
    return tuple(map(frozenset, groups.values()))


SAME = _same()
"""Sets of names that the APIs have for one thing."""
OUTPUT_LIMITS = next(names for names in SAME if "max_tokens" in names)
"""The names of the length of the answer."""


def spread(limits: Mapping[str, Limit]) -> dict[str, Limit]:
    """Returns the limits, each under all names of the same thing."""
    found = dict(limits)
    for names in SAME:
        for name in names & limits.keys():
            found |= dict.fromkeys(names, limits[name])
    return found


def limits_of(parameter: Parameter) -> tuple[str, ...]:
    """The bounds of a parameter that a deployment may set, as the spec calls them."""
    return limitable(parameter.value) + parameter.bounds.limitable()


def may_have_default(parameter: Parameter) -> bool:
    """Whether a deployment may set the parameter for requests that do not."""
    if parameter.allows_default is None:
        return parameter.handling is Handling.FORWARDED
    return parameter.allows_default
