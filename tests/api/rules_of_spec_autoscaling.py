"""The rules of spec.autoscaling, for test_validation: what keeps each one, what breaks it, and the refusal's
words.
"""

from __future__ import annotations

from typing import Any

from tests.api.rules_of_spec_api import Rule

WORKDAY = {"start": "0 8 * * 1-5", "end": "0 18 * * MON-FRI"}


def scaling(**more: Any) -> dict[str, Any]:
    return {"autoscaling": {"maxReplicas": 4, **more}}


def schedule(**more: Any) -> dict[str, Any]:
    return scaling(schedules=[{**WORKDAY, "minReplicas": 2, **more}])


AUTOSCALING_RULES: dict[str, Rule] = {
    "scaling-min": (
        scaling(minReplicas=4),
        scaling(minReplicas=5),
        "spec.autoscaling.minReplicas must not exceed spec.autoscaling.maxReplicas",
    ),
    "scaling-max": (
        scaling(minReplicas=0),
        {"autoscaling": {"minReplicas": 1}},
        "spec.autoscaling.maxReplicas: Required value",
    ),
    "scaling-mode": (
        scaling(mode="External"),
        scaling(mode="Disabled"),
        "spec.autoscaling.mode: Unsupported value",
    ),
    "scaling-from-zero": (
        scaling(minReplicas=0, scaleFromZero={"initialReplicas": 4}),
        scaling(minReplicas=0, scaleFromZero={"initialReplicas": 5}),
        "spec.autoscaling.scaleFromZero.initialReplicas must not exceed spec.autoscaling.maxReplicas",
    ),
    "scaling-fallback": (
        scaling(fallback={"behavior": "Static", "replicas": 4}),
        scaling(fallback={"behavior": "Static", "replicas": 5}),
        "spec.autoscaling.fallback.replicas must not exceed spec.autoscaling.maxReplicas",
    ),
    "scaling-schedule": (
        schedule(minReplicas=4, timezone="Europe/Berlin"),
        schedule(minReplicas=5),
        "spec.autoscaling.schedules[].minReplicas must not exceed spec.autoscaling.maxReplicas",
    ),
    "scaling-schedule-ends": (
        schedule(end="30 8 * * 1-5"),
        schedule(end=WORKDAY["start"]),
        "spec.autoscaling.schedules[].start must not be its end",
    ),
    "scaling-schedule-start": (
        schedule(start="*/15 8,9 1 JAN *"),
        schedule(start="every day at 8"),
        "spec.autoscaling.schedules[].start must be five cron fields",
    ),
    "scaling-schedule-end": (
        schedule(end="0 0 1-7 * 0"),
        schedule(end="0 18 * * * *"),
        "spec.autoscaling.schedules[].end must be five cron fields",
    ),
    "scaling-schedule-zone": (
        schedule(timezone="Etc/GMT+1"),
        schedule(timezone="+01:00"),
        "spec.autoscaling.schedules[].timezone must be a name of the IANA time zone database",
    ),
    "scaling-policies": (
        scaling(behavior={"scaleUp": {"policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}]}}),
        scaling(behavior={"scaleUp": {"policies": [{"type": "Percent", "value": 50}]}}),
        "spec.autoscaling.behavior.scaleUp.policies[0].periodSeconds: Required value",
    ),
}
