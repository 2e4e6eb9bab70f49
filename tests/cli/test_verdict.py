"""`fairlead validate` and a real API server come to the same result.

The table of the API's rules is judged by the API server in tests/api; here the same table is judged without
one. What the table does not have, the differences that YAML and JSON Schema could make, is put to both.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairlead_operator.cli.validation import validate, with_defaults
from tests.api.test_validation import RULES
from tests.kube.support import manifest
from tests.support.control_plane import ControlPlane, ControlPlaneError

HUB = {"model": {"source": "hf://a/b"}}

# Values that a library for JSON Schema or CEL could see in another way than the API server.
EDGES: dict[str, dict[str, Any]] = {
    "null-with-a-default": {"replicas": None},
    "null-without-a-default": {"accelerator": None},
    "null-in-an-object": {"engine": {"image": None}},
    "null-in-a-list": {"engine": {"args": [None]}},
    "null-for-a-required-field": {"model": {"source": None}},
    "null-for-a-list": {"engine": {"args": None}},
    "a-whole-number-with-a-point": {"engine": {"maxModelLen": 8.0}},
    "a-number-as-text": {"replicas": "1"},
    "text-as-a-number": {"engine": {"image": 5}},
    "a-fraction": {"replicas": 1.5},
    "yes-as-text": {"model": {"source": "hf://a/b", "servedName": True}},
    "a-list-for-an-object": {"engine": []},
    "control-character": {"model": {"source": "pvc://a/b\tc"}},
    "line-end-in-a-source": {"model": {"source": "pvc://a/b\n"}},
    "line-end-in-a-name": {"model": {"source": "hf://a/b", "servedName": "a\n"}},
    "letters-beyond-ascii": {"model": {"source": "pvc://a/ä"}},
    "name-beyond-ascii": {"model": {"source": "hf://a/b", "servedName": "ä"}},
    "length-in-characters": {"model": {"source": "pvc://a/" + "ä" * 1016}},
    "length-in-characters-exceeded": {"model": {"source": "pvc://a/" + "ä" * 1017}},
    "quantity-with-an-exponent": {"resources": {"requests": {"cpu": "1e1"}, "limits": {"cpu": "9"}}},
    "quantity-with-a-broken-exponent": {"resources": {"requests": {"cpu": "1e1.5"}, "limits": {"cpu": "99"}}},
    "quantity-of-exabytes": {"resources": {"requests": {"memory": "7Ei"}, "limits": {"memory": "8E"}}},
    "quantity-in-tiny-parts": {"resources": {"requests": {"cpu": "1n"}, "limits": {"cpu": "0"}}},
    "request-without-limit": {"resources": {"requests": {"cpu": 2}, "limits": {"memory": "1Gi"}}},
    "unknown-field": {"replica": 2},
    "unknown-field-deep": {"engine": {"unresponsive": {"afterSecond": 3}}},
    "unknown-field-in-an-item": {"engine": {"env": [{"name": "A", "val": "b"}]}},
    "anything-in-an-affinity": {"scheduling": {"affinity": {"any": {"thing": [1]}}}},
    "anything-in-defaults": {"api": {"defaults": {"logit_bias": {"5": 1.5}}}},
    "anything-in-a-pod-template": {"podTemplate": {"spec": {"a": None, "b": [{}, None, 1.5]}}},
    "empty-objects": {"engine": {}, "scheduling": {}, "api": {}, "rollout": {}},
}


@pytest.mark.parametrize("case", RULES)
def test_a_spec_that_satisfies_a_validation_rule_is_valid(case: str) -> None:
    assert validate(manifest(case, **RULES[case][0])) == []


@pytest.mark.parametrize("case", RULES)
def test_a_spec_that_violates_a_validation_rule_gets_the_api_servers_message(case: str) -> None:
    texts = [problem.text for problem in validate(manifest(case, **RULES[case][1]))]
    assert any(RULES[case][2] in text for text in texts), texts


@pytest.mark.parametrize("name", ["a" * 41, "7b", "a.b", "A", ""])
def test_a_model_name_that_is_not_a_valid_service_name_is_refused(name: str) -> None:
    assert [problem.path for problem in validate(manifest(name))] != []


@pytest.mark.apiserver
def test_verdict_and_defaults_match_those_of_the_api_server(
    control_plane: ControlPlane, namespace: str
) -> None:
    # One test for all: a namespace for each would take minutes.
    cases = {**{f"rule-{name}": spec for name, (spec, _, _) in RULES.items()}, **EDGES}
    theirs, ours = {}, {}
    for case, spec in cases.items():
        body = manifest(case, **spec)
        theirs[case] = create(control_plane, namespace, body)
        ours[case] = None if validate(body) else with_defaults(body)["spec"]
    assert ours == theirs
    assert None in ours.values()


def create(plane: ControlPlane, namespace: str, body: Any) -> Any:
    """Creates an object as `kubectl apply` does by default, where an unknown field is an error, but past
    kubectl's own reading and writing of numbers. The stored spec; None if it is refused.
    """
    path = f"/apis/fairlead.dev/v1alpha1/namespaces/{namespace}/modeldeployments?fieldValidation=Strict"
    try:
        return json.loads(plane.kubectl("create", "--raw", path, "-f", "-", input=json.dumps(body)))["spec"]
    except ControlPlaneError as refusal:
        assert "invalid" in str(refusal) or "unknown field" in str(refusal), refusal  # noqa: PT017
        return None
