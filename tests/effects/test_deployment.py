"""What a deployment sets beside its dialect: defaults and limits of its own, and strictness."""

from __future__ import annotations

import pytest

from fairlead_contract.dialects import DIALECTS
from fairlead_contract.parameters import ApiKind
from tests.effects.endpoint import Endpoint
from tests.effects.gateways import Gateways, Site

pytestmark = pytest.mark.engine

OWN = {
    "defaults": {"temperature": 0, "min_tokens": 2},
    "limits": {"max_tokens": {"maximum": 6}, "top_k": {"minimum": 1}},
    "unknownFields": "Reject",
}


@pytest.fixture(params=[ApiKind.CHAT, ApiKind.RESPONSES])
def endpoint(gateways: Gateways, request: pytest.FixtureRequest) -> Endpoint:
    """Both APIs of an OpenAI deployment with settings of its own."""
    return Endpoint(gateways, Site("OpenAI").with_api(OWN), DIALECTS["OpenAI"], request.param)


def test_a_deployments_default_applies_when_the_parameter_is_absent(endpoint: Endpoint) -> None:
    unsaid = {"temperature": None, endpoint.limit: 5}

    assert endpoint.ask(**unsaid).text == endpoint.ask(**unsaid).text
    assert endpoint.ask(temperature=2, seed=3, **{endpoint.limit: 5}).text != endpoint.ask(**unsaid).text


def test_a_deployments_limit_applies_under_every_name_and_without_a_value(endpoint: Endpoint) -> None:
    assert endpoint.ask(**{endpoint.limit: None}).output_tokens == 6
    for name in (
        "max_tokens",
        "max_completion_tokens" if endpoint.api is ApiKind.CHAT else "max_output_tokens",
    ):
        refusal = endpoint.refused(**{endpoint.limit: None} | {name: 7})
        assert refusal.param == name
        assert "for this model" in refusal.message
    assert endpoint.refused(top_k=0, **{endpoint.limit: 5}).param == "top_k"


def test_an_unknown_field_is_refused_if_the_deployment_requires_it(endpoint: Endpoint) -> None:
    refusal = endpoint.refused(no_such_parameter=1, **{endpoint.limit: 5})

    assert (refusal.param, refusal.code) == ("no_such_parameter", "unknown_parameter")
