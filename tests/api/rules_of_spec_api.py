"""The rules of spec.api for test_validation: what keeps each one, what breaks it, and the refusal's words."""

from __future__ import annotations

from typing import Any

# (spec that is accepted, spec that is refused, words of the refusal)
Rule = tuple[dict[str, Any], dict[str, Any], str]


def api(**more: Any) -> dict[str, Any]:
    return {"api": more}


API_RULES: dict[str, Rule] = {
    "dialect": (api(dialect="RAG"), api(dialect="rag"), "spec.api.dialect: Unsupported value"),
    "defaults": (
        api(defaults={"temperature": 0.2, "stop": ["a"], "logit_bias": {"5": -1.5}}),
        api(defaults=["temperature"]),
        "spec.api.defaults",
    ),
    "limits": (
        api(limits={"temperature": {"minimum": 0.1, "maximum": 1}}),
        api(limits={"temperature": 1}),
        "spec.api.limits.temperature",
    ),
    "limits-of-sizes": (
        api(limits={"stop": {"maxItems": 2, "maxLength": 1_073_741_824}}),
        api(limits={"stop": {"maxLength": 0}}),
        "spec.api.limits.stop.maxLength",
    ),
    "unknown-fields": (
        api(unknownFields="Reject"),
        api(unknownFields="Drop"),
        "spec.api.unknownFields: Unsupported value",
    ),
    "authentication-mode": (
        api(auth={"mode": "None"}),
        api(auth={"mode": "Token"}),
        "spec.api.auth.mode: Unsupported value",
    ),
    "authentication-secret": (
        api(auth={"mode": "APIKey", "secretName": "keys"}),
        api(auth={"mode": "APIKey"}),
        "spec.api.auth.mode APIKey needs spec.api.auth.secretName",
    ),
    "authentication-forgotten": (
        api(auth={}),
        api(auth={"secretName": "keys"}),
        "spec.api.auth.secretName has no effect with mode None; set spec.api.auth.mode to APIKey",
    ),
    "queued": (api(maxQueuedRequests=0), api(maxQueuedRequests=-1), "spec.api.maxQueuedRequests"),
    "queue-timeout": (
        api(queueTimeoutSeconds=1),
        api(queueTimeoutSeconds=0),
        "spec.api.queueTimeoutSeconds",
    ),
    "body": (api(maxBodyBytes=1024), api(maxBodyBytes=1023), "spec.api.maxBodyBytes"),
    "silence": (
        api(engineSilenceTimeoutSeconds=1),
        api(engineSilenceTimeoutSeconds=0),
        "spec.api.engineSilenceTimeoutSeconds",
    ),
    "media": (
        api(mediaDomains=["images.example.com"]),
        api(mediaDomains=["https://images.example.com/"]),
        "an item of spec.api.mediaDomains must be a host name",
    ),
    "media-twice": (
        api(mediaDomains=["a.example", "b.example"]),
        api(mediaDomains=["a.example", "a.example"]),
        "mediaDomains[1]: Duplicate value",
    ),
}
