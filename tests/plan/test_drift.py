"""Drift is a rendered value that the live object has not; everything else in the live object is not ours."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_operator.plan.children.drift import first_difference


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": {}}, {}),
        ({"a": ""}, {}),
        ({"a": False, "b": 0}, {}),
        ({"a": []}, {}),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "B"}, {"name": "A", "value": "1"}]}),
        (
            {"ports": [{"name": "http", "port": 80}]},
            {"ports": [{"name": "http", "port": 80, "nodePort": 31000}]},
        ),
        ({"ports": [{"port": 80}]}, {"ports": [{"port": 80, "protocol": "TCP"}]}),
        ({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "a", "effect": "NoSchedule"}]}),
    ],
)
def test_fields_added_by_the_server_or_others_are_not_drift(desired: Any, live: Any) -> None:
    assert first_difference(desired, live) is None


@pytest.mark.parametrize(
    ("desired", "live", "path"),
    [
        ({"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}, "spec.replicas"),
        ({"spec": {"automountServiceAccountToken": False}}, {}, "spec"),
        ({"automountServiceAccountToken": False}, {"x": 1}, "automountServiceAccountToken"),
        ({"a": False}, {"a": True}, "a"),
        ({"a": 0}, {"a": 1}, "a"),
        ({"a": {"b": 1}}, {"a": None}, "a"),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": []}, "env[A]"),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "A", "value": "2"}]}, "env[A].value"),
        ({"args": ["a"]}, {"args": ["a", "b"]}, "args"),
        ({"args": ["a", "b"]}, {"args": ["b", "a"]}, "args[0]"),
    ],
)
def test_a_changed_or_missing_value_is_reported_by_its_path(desired: Any, live: Any, path: str) -> None:
    assert first_difference(desired, live) == path


@pytest.mark.parametrize("path", ["spec.replicas", "spec.list[1]", "spec.containers[a].image"])
def test_a_difference_at_an_ignored_path_is_not_drift(path: str) -> None:
    desired = {"spec": {"replicas": 1, "list": [1, 2], "containers": [{"name": "a", "image": "x"}]}}
    live = {"spec": {"replicas": 2, "list": [1, 3], "containers": [{"name": "a", "image": "y"}]}}
    all_paths = {"spec.replicas", "spec.list[1]", "spec.containers[a].image"}
    assert first_difference(desired, live, ignored=frozenset(all_paths)) is None
    assert first_difference(desired, live, ignored=frozenset(all_paths - {path})) == path
