"""Which check observes the effect of which parameter.

The provider tables say what is documented; `test_effects` runs one check for each entry, and fails for an
entry that has none. So a parameter cannot be promised without being proven on a real engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fairlead_contract.parameters import ApiKind
from tests.effects.endpoint import Endpoint

Check = Callable[[Endpoint], None]
_checks: dict[tuple[ApiKind, str], Check] = {}

CHECKS: Mapping[tuple[ApiKind, str], Check] = _checks


def effect(*names: str, apis: tuple[ApiKind, ...] = tuple(ApiKind)) -> Callable[[Check], Check]:
    """Registers a function as the check for the parameters of that name. A second one is a ValueError."""

    def register(check: Check) -> Check:
        for api in apis:
            for name in names:
                if (api, name) in _checks:
                    raise ValueError(f"{name} of {api} has a check already")
                _checks[api, name] = check
        return check

    return register
