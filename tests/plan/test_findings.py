"""What findings have in common: the worst one, texts that hold still, pods that cannot be created."""

from __future__ import annotations

import pytest

from fairlead_operator.plan.findings import Finding, creation_finding, steady, worst


def test_a_cause_that_needs_a_human_is_reported_before_a_transient_one() -> None:
    findings = [Finding("EngineStarting", "a"), Finding("ContextTooLong", "b"), Finding("Progressing", "c")]
    assert worst(findings) == findings[1]


@pytest.mark.parametrize(
    ("text", "reason", "stalled"),
    [
        ("is forbidden: exceeded quota: gpus, requested: pods=1", "QuotaExceeded", False),
        ("is forbidden: failed quota: gpus: must specify limits.cpu", "PodRejected", True),
        ('is forbidden: violates PodSecurity "restricted:latest"', "PodRejected", True),
        ('is forbidden: pod rejected: RuntimeClass "nvidia" not found', "RuntimeClassMissing", True),
        ("is forbidden: no PriorityClass with name high was found", "PriorityClassMissing", True),
        ('admission webhook "policy" denied the request: no', "PodRejected", True),
        ('Internal error: failed calling webhook "policy": connection refused', "PodCreationFailed", False),
        ("something new", "PodCreationFailed", False),
    ],
)
def test_why_a_pod_cannot_be_created_becomes_a_reason_and_its_text_is_kept(
    text: str, reason: str, stalled: bool
) -> None:
    finding = creation_finding(text)
    assert (finding.reason, finding.stalled, text in finding.message) == (reason, stalled, True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('pods "tiny-7d-abcde" is forbidden: no', 'pods "tiny-7d-fghij" is forbidden: no'),
        (
            "read udp 10.0.0.7:40123->10.96.0.10:53: timeout",
            "read udp 10.0.0.7:53311->10.96.0.10:53: timeout",
        ),
        (f"container {'a' * 64} failed", f"container {'b' * 64} failed"),
        ("RequestID: 11111111-1111, denied", "RequestID: 22222222-2222, denied"),
    ],
)
def test_details_that_differ_between_attempts_are_removed(one: str, other: str) -> None:
    assert steady(one) == steady(other)
