"""The user of models' pods, and what platforms that assign their own need."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fairlead_operator.render.children import render_children
from fairlead_operator.render.model import PodUser, parse_model
from tests.render.cases import CASES, SETTINGS, pod_templates_of, read_model

_IDS = ("runAsUser", "runAsGroup", "fsGroup")


def contexts(case: str, user: PodUser) -> list[dict[str, object]]:
    children = render_children(parse_model(read_model(case)), replace(SETTINGS, pod_user=user))
    return [template["spec"]["securityContext"] for template in pod_templates_of(children[-1])]


@pytest.mark.parametrize("case", CASES)
def test_a_user_is_fixed_by_default(case: str) -> None:
    for context in contexts(case, PodUser()):
        assert {name: context[name] for name in _IDS} == dict.fromkeys(_IDS, 65532)


@pytest.mark.parametrize("case", CASES)
def test_where_the_platform_assigns_the_user_pods_name_none(case: str) -> None:
    for context in contexts(case, PodUser(None, None, None)):
        assert not context.keys() & set(_IDS)
        assert context["runAsNonRoot"] is True
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_each_of_them_can_be_another_one() -> None:
    (context,) = contexts("tiny-cpu", PodUser(1000, 0, None))
    assert {name: context.get(name) for name in _IDS} == {"runAsUser": 1000, "runAsGroup": 0, "fsGroup": None}
