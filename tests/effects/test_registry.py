"""The tables and the checks are about the same parameters."""

from __future__ import annotations

from fairlead_contract.dialects import DIALECTS
from fairlead_contract.parameters import PARAMETERS, Handling
from tests.effects.checks import CHECKS

ROWS = {(api, name): row for api, table in PARAMETERS.items() for name, row in table.items()}
DOCUMENTED = {
    (document.api, parameter.name)
    for dialect in DIALECTS.values()
    for document in dialect.documents
    for parameter in document.parameters
}


def test_every_documented_parameter_has_an_effect_check() -> None:
    assert sorted(DOCUMENTED - CHECKS.keys()) == []


def test_every_parameter_has_an_effect_check_unless_it_is_refused() -> None:
    promised = {name for (_, name), row in ROWS.items() if row.handling is not Handling.REFUSED}

    assert sorted(promised - {name for _, name in CHECKS}) == []


def test_every_effect_check_is_for_a_parameter_of_its_api() -> None:
    assert sorted(CHECKS.keys() - ROWS.keys()) == []
