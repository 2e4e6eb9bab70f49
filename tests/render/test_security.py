"""The user of models' pods, and what platforms that assign their own need."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fairlead_operator.render.children import render_children
from fairlead_operator.render.model import PodUser, parse_model
from tests.render.cases import CASES, SETTINGS, pod_templates_of, read_model

_IDS = ("runAsUser", "runAsGroup", "fsGroup")


def contexts(case: str, user: PodUser) -> list[dict[str, object]]:
    rendered = render_children(parse_model(read_model(case)), replace(SETTINGS, pod_user=user))
    return [template["spec"]["securityContext"] for template in pod_templates_of(rendered.workload)]


@pytest.mark.parametrize("case", CASES)
def test_pods_have_a_fixed_user_by_default(case: str) -> None:
    for context in contexts(case, PodUser()):
        assert {name: context[name] for name in _IDS} == dict.fromkeys(_IDS, 65532)


@pytest.mark.parametrize("case", CASES)
def test_with_null_user_settings_pods_set_no_user(case: str) -> None:
    for context in contexts(case, PodUser(None, None, None)):
        assert not context.keys() & set(_IDS)
        assert context["runAsNonRoot"] is True
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_user_group_and_fs_group_are_configurable() -> None:
    (context,) = contexts("tiny-cpu", PodUser(1000, 0, None))
    assert {name: context.get(name) for name in _IDS} == {"runAsUser": 1000, "runAsGroup": 0, "fsGroup": None}
