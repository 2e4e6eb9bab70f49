"""Values outside a documented type or range are a 400 that names the parameter; the ends of a range work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fairlead_contract.dialects import DIALECTS, Dialect
from fairlead_contract.parameters import PARAMETERS, ApiKind
from fairlead_contract.values import Integer, Kind, Number
from tests.effects.answers import read_refusal
from tests.effects.endpoint import Endpoint
from tests.effects.gateways import Gateways, Site

pytestmark = pytest.mark.engine


def _documented() -> Iterator[tuple[str, Dialect, ApiKind, str, Kind]]:
    for dialect in DIALECTS.values():
        for document in dialect.documents:
            for entry in document.parameters:
                kind = entry.value or PARAMETERS[document.api][entry.name].value
                yield f"{dialect.name}-{document.api}-{entry.name}", dialect, document.api, entry.name, kind


def _wrong(kind: Kind) -> list[Any]:
    """Values that are not of the kind: of each other JSON type, and just outside the bounds."""
    candidates = ["text", "", 7, 1.5, True, [], ["text", 7], {"a": 1}, [[]] * 9000]
    if isinstance(kind, Number):
        step = 1 if isinstance(kind, Integer) else 0.001
        candidates += [kind.minimum - step] if kind.minimum is not None else []
        candidates += [kind.maximum + step] if kind.maximum is not None else []
    return [value for value in candidates if not kind.accepts(value)]


@pytest.mark.parametrize(
    ("dialect", "api", "name", "kind"), [pytest.param(*rest, id=name) for name, *rest in _documented()]
)
def test_a_parameter_value_of_another_type_is_refused_by_name(
    gateways: Gateways, dialect: Dialect, api: ApiKind, name: str, kind: Kind
) -> None:
    endpoint = Endpoint(gateways, Site(dialect.name), dialect, api)

    for value in _wrong(kind):
        refusal = read_refusal(endpoint.send(endpoint.body() | {name: value}))
        assert refusal.status == 400
        assert (refusal.param or "").startswith(name), (value, refusal)
        assert refusal.code
        assert name in refusal.message


@pytest.mark.parametrize(
    ("dialect", "api", "name", "kind"),
    [
        pytest.param(*rest, id=name)
        for name, *rest in _documented()
        if isinstance(rest[-1], Number) and None not in (rest[-1].minimum, rest[-1].maximum)
        if not isinstance(rest[-1], Integer)
    ],
)
def test_both_ends_of_a_parameter_range_are_accepted(
    gateways: Gateways, dialect: Dialect, api: ApiKind, name: str, kind: Number
) -> None:
    endpoint = Endpoint(gateways, Site(dialect.name), dialect, api)

    for value in (kind.minimum, kind.maximum):
        assert endpoint.ask(**{endpoint.limit: 1, name: value}).output_tokens == 1
