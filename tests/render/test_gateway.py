"""The gateway's settings, its mounts, and which changes restart a pod."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairlead_operator.render.children import render_children
from fairlead_operator.render.gateway import gateway_config
from fairlead_operator.render.model import Model, parse_model
from tests.plan.builders import SETTINGS, model, model_body

KEYS = {"mode": "APIKey", "secretName": "keys"}


def template(parsed: Model) -> dict[str, Any]:
    found: dict[str, Any] = render_children(parsed, SETTINGS).workload["spec"]["template"]
    return found


def gateway(parsed: Model) -> dict[str, Any]:
    (found,) = template(parsed)["spec"]["initContainers"]
    return dict(found)


def environment(parsed: Model) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in gateway(parsed)["env"]}


@pytest.mark.parametrize(
    ("stored", "seconds"),
    [("2026-01-01T11:58:00Z", 1767268680), (None, 0), ("yesterday", 0), ("1969-12-31T23:59:59Z", 0)],
)
def test_the_gateway_knows_when_the_object_was_created(stored: str | None, seconds: int) -> None:
    body = model_body()
    body["metadata"]["creationTimestamp"] = stored
    assert gateway_config(parse_model(body)).created == seconds


def test_gateway_settings_contain_the_defaults_of_omitted_fields() -> None:
    assert gateway_config(model()).model_dump(mode="json") == {
        "model": {"servedName": "tiny", "aliases": [], "adapters": []},
        "resource": {"namespace": "demo", "name": "tiny"},
        "requestLog": {"mode": "Failed", "slowSeconds": 30},
        "created": 0,
        "api": {"dialect": "OpenAI", "defaults": {}, "limits": {}, "unknownFields": "Ignore"},
        "auth": {"mode": "None"},
        "identity": {"required": False, "publicKeys": []},
        "access": {"from": "Same", "namespaces": []},
        "engine": {
            "schedulingPolicy": "FirstComeFirstServed",
            "structuredOutputsBackend": "auto",
            "requestChatTemplates": "Deny",
            "mediaDomains": [],
            "maxLogprobs": 20,
        },
        "drainTimeoutSeconds": 300,
        "maxBodyBytes": 33554432,
        "maxRunningRequests": 1024,
        "maxQueuedRequests": 1024,
        "queueTimeoutSeconds": 120,
        "engineSilenceTimeoutSeconds": 600,
        "unresponsiveAfterSeconds": 300,
    }


def test_a_parameter_limit_has_only_the_ends_that_are_set() -> None:
    parsed = model(api={"limits": {"max_tokens": {"maximum": 9}, "temperature": {"minimum": 0.5}}})
    limits = gateway_config(parsed).api.limits
    assert limits == {"max_tokens": {"maximum": 9}, "temperature": {"minimum": 0.5}}


@pytest.mark.parametrize(
    "api",
    [
        {"dialect": "PolarGrid"},
        {"defaults": {"temperature": 0.2}},
        {"limits": {"max_tokens": {"maximum": 9}}},
        {"unknownFields": "Reject"},
        {"maxQueuedRequests": 1},
        {"queueTimeoutSeconds": 1},
        {"maxBodyBytes": 2048},
        {"engineSilenceTimeoutSeconds": 1},
    ],
)
def test_settings_that_the_gateway_reloads_restart_no_pod(api: dict[str, Any]) -> None:
    assert gateway_config(model(api=api)) != gateway_config(model())
    assert template(model(api=api)) == template(model())


@pytest.mark.parametrize(
    "spec",
    [
        {"model": {"source": "pvc://models/tiny", "servedName": "other"}},
        {"model": {"source": "pvc://models/tiny", "aliases": ["other"]}},
        {"engine": {"schedulingPolicy": "Priority"}},
        {"engine": {"requestChatTemplates": "Allow"}},
        {"engine": {"structuredOutputsBackend": "Outlines"}},
        {"engine": {"args": ["--max-logprobs=5"]}},
        {"api": {"mediaDomains": ["a.example"]}},
        {"api": {"auth": KEYS}},
    ],
)
def test_settings_that_describe_the_pod_are_pinned_in_its_template(spec: dict[str, Any]) -> None:
    parsed = model(**spec)
    pinned = json.loads(environment(parsed)["FAIRLEAD_GATEWAY_PINNED"])
    config = gateway_config(parsed).model_dump(mode="json")
    assert pinned == {name: config[name] for name in ("model", "engine", "auth")}
    assert pinned != json.loads(environment(model())["FAIRLEAD_GATEWAY_PINNED"])


def test_api_keys_are_mounted_as_a_whole_secret_without_sub_path() -> None:
    parsed = model(api={"auth": KEYS})
    (volume,) = [item for item in template(parsed)["spec"]["volumes"] if "secret" in item]
    (mount,) = [item for item in gateway(parsed)["volumeMounts"] if item["name"] == volume["name"]]
    assert volume["secret"]["secretName"] == "keys"
    assert volume["secret"]["optional"] is False
    assert mount["mountPath"] == environment(parsed)["FAIRLEAD_GATEWAY_KEYS_DIR"]
    assert mount["readOnly"] is True
    assert "subPath" not in mount


def test_api_keys_are_mounted_only_in_the_gateway() -> None:
    (engine,) = template(model(api={"auth": KEYS}))["spec"]["containers"]
    assert "gateway-keys" not in {mount["name"] for mount in engine["volumeMounts"]}


def test_without_api_keys_no_secret_is_mounted() -> None:
    assert not [item for item in template(model())["spec"]["volumes"] if "secret" in item]


def test_no_mount_of_the_gateway_is_inside_another() -> None:
    paths = [f"{mount['mountPath']}/" for mount in gateway(model(api={"auth": KEYS}))["volumeMounts"]]
    assert not [(one, two) for one in paths for two in paths if one != two and one.startswith(two)]
