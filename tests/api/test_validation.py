"""Each rule of the API, with one object that keeps it and one that breaks it, before a real API server.

A refusal names the field, and where it helps what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead_operator.api.crd import crd
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import InvalidError
from fairlead_operator.kube.resources import MODEL_DEPLOYMENT
from tests.api.bounds import beyond, messages, minimal
from tests.api.rules_of_spec_api import API_RULES
from tests.api.rules_of_spec_autoscaling import AUTOSCALING_RULES
from tests.api.rules_of_spec_engine import ENGINE_RULES
from tests.api.rules_of_spec_model import MODEL_RULES
from tests.api.rules_of_spec_pods import POD_RULES
from tests.kube.support import ControlPlane, manifest

pytestmark = pytest.mark.apiserver

Schema = dict[str, Any]

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "docs" / "examples").glob("*.yaml"))
NAMES = [
    ("a" * 41, "metadata.name must have at most 40 characters"),
    ("7b", "metadata.name must start with a letter"),
    ("a.b", "metadata.name must start with a letter"),
]
SCHEMA = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
RULES = MODEL_RULES | ENGINE_RULES | POD_RULES | API_RULES | AUTOSCALING_RULES


def test_every_validation_rule_has_accepted_and_refused_cases() -> None:
    texts = list(messages(SCHEMA))
    assert len(texts) > 40
    words = [rule[2] for rule in RULES.values()] + [words for _, words in NAMES]
    assert [text for text in texts if not any(word in text for word in words)] == []


# Nothing runs here that would act on what is stored for a moment.
NAMESPACE = "default"


@pytest.mark.parametrize("case", RULES)
async def test_a_validation_rule_accepts_a_valid_object(case: str, kube: KubeClient) -> None:
    await kube.create(MODEL_DEPLOYMENT, NAMESPACE, manifest(case, **RULES[case][0]))
    path = MODEL_DEPLOYMENT.path(NAMESPACE, case)
    await kube._request("DELETE", MODEL_DEPLOYMENT, path)


@pytest.mark.parametrize("case", RULES)
async def test_a_validation_rule_refuses_an_invalid_object_and_names_the_field(
    case: str, kube: KubeClient
) -> None:
    with pytest.raises(InvalidError) as refusal:
        await kube.create(MODEL_DEPLOYMENT, NAMESPACE, manifest(case, **RULES[case][1]))
    assert RULES[case][2] in str(refusal.value)


_WORDS = {
    "FieldValueForbidden": "Forbidden",
    "FieldValueRequired": "Required value",
    "FieldValueInvalid": 'Invalid value: "object"',
}


def causes(schema: Schema, path: str = "") -> Iterator[tuple[str, str]]:
    """Message, and the start of the API server's cause, of each rule that names a field below its value."""
    for item in schema.get("x-kubernetes-validations", []):
        if field := item.get("fieldPath"):
            place = f"{path}{field}".removeprefix(".")
            yield item["message"], f"{place}: {_WORDS[item.get('reason', 'FieldValueInvalid')]}: "
    for name, inner in schema.get("properties", {}).items():
        yield from causes(inner, f"{path}.{name}")
    if "items" in schema:
        yield from causes(schema["items"], f"{path}[0]")


CAUSES = dict(causes(SCHEMA))


@pytest.mark.parametrize("message", CAUSES)
async def test_the_cause_of_a_refusal_has_the_field_for_programs(message: str, kube: KubeClient) -> None:
    bodies = [manifest(case, **rule[1]) for case, rule in RULES.items() if rule[2] in message]
    bodies += [manifest(name) for name, words in NAMES if words in message]
    refusals = []
    for body in bodies:
        with pytest.raises(InvalidError) as refusal:
            await kube.create(MODEL_DEPLOYMENT, NAMESPACE, body)
        refusals.append(str(refusal.value))
    assert any(f"{CAUSES[message]}{message}" in text for text in refusals), refusals


def objects(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """All objects with named fields, by their paths as messages write them."""
    if "properties" in schema:
        yield path.removeprefix("."), schema
    for name, inner in schema.get("properties", {}).items():
        yield from objects(inner, f"{path}.{name}")
    if "items" in schema:
        yield from objects(schema["items"], f"{path}[]")


def test_a_rule_about_several_fields_names_one_for_programs_unless_it_is_about_the_whole_object() -> None:
    rules = [
        (path, item)
        for path, schema in objects(SCHEMA)
        for item in schema.get("x-kubernetes-validations", ())
    ]
    assert rules
    for path, item in rules:
        assert "fieldPath" in item or item["message"].startswith(f"{path} "), item["message"]


async def test_every_bound_of_the_schema_is_enforced_and_names_the_field(kube: KubeClient) -> None:
    fields = SCHEMA["properties"]["spec"]
    cases = list(beyond(fields, minimal(fields)))
    assert len(cases) > 150
    for field, words, spec in cases:
        with pytest.raises(InvalidError) as refusal:
            await kube.create(MODEL_DEPLOYMENT, NAMESPACE, {**manifest("bounds"), "spec": spec})
        assert field in str(refusal.value), field
        assert words in str(refusal.value), field


@pytest.mark.parametrize(("name", "words"), NAMES)
async def test_a_model_name_that_is_not_a_valid_service_name_is_refused(
    name: str, words: str, kube: KubeClient, namespace: str
) -> None:
    with pytest.raises(InvalidError, match=words):
        await kube.create(MODEL_DEPLOYMENT, namespace, manifest(name))


async def test_a_model_without_a_source_is_refused(kube: KubeClient, namespace: str) -> None:
    with pytest.raises(InvalidError, match=r"spec\.model\.source: Required value"):
        await kube.create(MODEL_DEPLOYMENT, namespace, {**manifest(), "spec": {"model": {}}})


async def test_spec_defaults_are_filled_in_by_the_server(kube: KubeClient, namespace: str) -> None:
    stored = await kube.create(MODEL_DEPLOYMENT, namespace, manifest("a" * 40))
    assert stored["spec"]["replicas"] == 1
    assert stored["spec"]["engine"] == {
        "dtype": "Auto",
        "nodes": 1,
        "requestChatTemplates": "Deny",
        "schedulingPolicy": "FirstComeFirstServed",
        "startupTimeoutSeconds": 1800,
        "structuredOutputsBackend": "Auto",
        "unresponsive": {"action": "Report", "afterSeconds": 300},
    }
    assert stored["spec"]["api"] == {
        "auth": {"mode": "None"},
        "dialect": "OpenAI",
        "engineSilenceTimeoutSeconds": 600,
        "maxBodyBytes": 32 << 20,
        "maxQueuedRequests": 1024,
        "queueTimeoutSeconds": 120,
        "unknownFields": "Ignore",
    }
    assert stored["spec"]["rollout"] == {
        "drainTimeoutSeconds": 300,
        "progressDeadlineSeconds": 3600,
        "strategy": "Auto",
        "surgePatienceSeconds": 15,
    }


async def test_defaults_of_autoscaling_are_filled_in_by_the_server(kube: KubeClient, namespace: str) -> None:
    spec = {"autoscaling": {"maxReplicas": 3}}
    stored = await kube.create(MODEL_DEPLOYMENT, namespace, manifest("scaled", **spec))
    assert stored["spec"]["autoscaling"] == {
        "behavior": {"scaleDown": {"selectPolicy": "Max"}, "scaleUp": {"selectPolicy": "Max"}},
        "cooldownSeconds": 300,
        "fallback": {"behavior": "CurrentReplicasIfHigher", "failureThreshold": 3, "replicas": 1},
        "initialCooldownSeconds": 0,
        "maxReplicas": 3,
        "minReplicas": 1,
        "mode": "Native",
        "objective": "Balanced",
        "pollingIntervalSeconds": 5,
        "scaleFromZero": {"maxQueuedBytes": 256 << 20, "maxQueuedRequests": 1000},
        "targets": {"itlMilliseconds": 100, "ttftMilliseconds": 2000},
        "unschedulablePods": 1,
    }


async def test_numbers_with_fractions_and_empty_lists_are_stored_as_written(
    kube: KubeClient, namespace: str
) -> None:
    written = {
        "defaults": {"temperature": 0.1, "stop": [], "user": "", "logit_bias": {"5": -1.5}, "n": 1},
        "limits": {"temperature": {"maximum": 1.5}, "max_tokens": {"minimum": 1, "maximum": 4096}},
    }
    stored = await kube.create(MODEL_DEPLOYMENT, namespace, manifest("free-form", api=written))
    assert {key: stored["spec"]["api"][key] for key in written} == written


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_of_the_documentation_can_be_applied(
    example: Path, control_plane: ControlPlane, namespace: str
) -> None:
    printed = control_plane.kubectl("apply", "-n", namespace, "--validate=strict", "-f", str(example))
    assert "modeldeployment.fairlead.dev/" in printed
