"""The Services of a model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fairlead_operator.kube.client import KubeClient
from fairlead_operator.plan.children.drift import first_difference
from fairlead_operator.render.service import render_services
from tests.plan.builders import model
from tests.render.cases import SETTINGS

DUAL = replace(SETTINGS, ip_family_policy="PreferDualStack")


@pytest.mark.parametrize("spec", [{}, {"autoscaling": {"minReplicas": 0, "maxReplicas": 2}}])
def test_services_with_addresses_have_the_requested_ip_families(
    spec: dict[str, Any],
) -> None:
    for service in render_services(model(**spec), DUAL):
        # An ExternalName has no addresses, and the API server refuses a policy there.
        wanted = None if service["spec"]["type"] == "ExternalName" else "PreferDualStack"
        assert service["spec"].get("ipFamilyPolicy") == wanted


@pytest.mark.apiserver
async def test_existing_services_accept_changed_ip_families(kube: KubeClient, namespace: str) -> None:
    scaled = model(autoscaling={"minReplicas": 0, "maxReplicas": 2})
    for settings in (SETTINGS, DUAL, SETTINGS):
        for service in (*render_services(model("fixed"), settings), *render_services(scaled, settings)):
            service["metadata"]["namespace"] = namespace
            stored = await kube.apply(service)
            assert first_difference(service, stored) is None
