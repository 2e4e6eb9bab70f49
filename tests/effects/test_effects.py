"""Every documented parameter of every dialect has its documented effect on a real engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fairlead_contract.dialects import DIALECTS, Dialect
from fairlead_contract.parameters import PARAMETERS, ApiKind, Handling
from tests.effects.checks import CHECKS
from tests.effects.endpoint import Endpoint
from tests.effects.gateways import Gateways, Site

pytestmark = pytest.mark.engine


def _documented() -> Iterator[Any]:
    for dialect in DIALECTS.values():
        for document in dialect.documents:
            for parameter in document.parameters:
                name = f"{dialect.name}-{document.api}-{parameter.name}"
                yield pytest.param(dialect, document.api, parameter.name, id=name)


def _of_others() -> Iterator[Any]:
    """Parameters that are in no document, and those that the OpenAI dialect has from the other documents,
    where that takes code of its own: what chat completions just forward is forwarded under every dialect.
    """
    documented = {
        d.name: {(e.api, p.name) for e in d.documents for p in e.parameters} for d in DIALECTS.values()
    }
    anywhere = set().union(*documented.values())
    for api, name in sorted(CHECKS.keys() - documented["OpenAI"]):
        is_forwarded = api is ApiKind.CHAT and PARAMETERS[api][name].handling is Handling.FORWARDED
        if (api, name) not in anywhere or not is_forwarded:
            yield pytest.param(api, name, id=f"OpenAI-{api}-{name}")


@pytest.mark.parametrize(("dialect", "api", "name"), list(_documented()))
def test_a_parameter_has_its_documented_effect(
    gateways: Gateways, dialect: Dialect, api: ApiKind, name: str
) -> None:
    endpoint = Endpoint(gateways, Site(dialect.name), dialect, api)

    CHECKS[api, name](endpoint)


@pytest.mark.parametrize(("api", "name"), list(_of_others()))
def test_a_parameter_of_another_dialect_has_its_effect(gateways: Gateways, api: ApiKind, name: str) -> None:
    CHECKS[api, name](Endpoint(gateways, Site("OpenAI"), DIALECTS["OpenAI"], api))
