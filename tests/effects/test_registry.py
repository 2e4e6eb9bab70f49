"""The tables and the checks speak of the same parameters."""

from __future__ import annotations

from fairlead_contract.dialects import DIALECTS
from tests.effects.checks import CHECKS

DOCUMENTED = {
    (document.api, parameter.name)
    for dialect in DIALECTS.values()
    for document in dialect.documents
    for parameter in document.parameters
}


def test_every_documented_parameter_has_an_effect_check() -> None:
    assert sorted(DOCUMENTED - CHECKS.keys()) == []


def test_every_effect_check_is_for_a_documented_parameter() -> None:
    names = {name for _, name in DOCUMENTED}

    assert sorted(check for check in CHECKS if check[1] not in names) == []
