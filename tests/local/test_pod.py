"""What a rendered pod becomes on this machine.

After a change on purpose, FAIRLEAD_UPDATE_GOLDEN=1 rewrites the files; the difference is part of the review.
"""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.pod import Pod, plan_pod
from fairlead_operator.local.sources import Sources
from fairlead_operator.render.children import render_children
from tests.local.cases import CASES, GOLDEN, PLACE, PROGRAMS, SOURCES, as_text, pod_of
from tests.plan.builders import model
from tests.render.cases import SETTINGS

CLAIMS = Sources(claims={"models": "/claims/models"})


def planned(sources: Sources = CLAIMS, **spec: Any) -> Pod:
    (template,) = render_children(model(**spec), SETTINGS).templates
    rendered = {"tiny-gateway": {"gateway.json": b"{}"}}
    return plan_pod(template, "demo", PLACE, PROGRAMS, sources.with_config_maps(rendered))


@pytest.mark.parametrize("case", CASES)
def test_the_processes_match_the_golden_file(case: str) -> None:
    path, text = GOLDEN / f"{case}.yaml", as_text(pod_of(case))
    if os.environ.get("FAIRLEAD_UPDATE_GOLDEN"):
        path.write_text(text)
    assert path.read_text() == text


@pytest.mark.parametrize("case", CASES)
def test_no_path_of_a_container_is_left(case: str) -> None:
    pod = pod_of(case)
    for process in (*pod.init, *pod.main):
        for text in (*process.command, *process.pre_stop, *process.environment.values()):
            others = re.sub(rf"({PLACE.folder}|/claims/folder)[^\s\"]*", "", text)
            assert not re.search(r"/(run/fairlead|weights|models|adapters|home/fairlead)\b", others)


def test_arguments_with_dollars_reach_the_engine_as_kubernetes_would_pass_them() -> None:
    template = "{% if a %}$HOME costs $$5{% endif %}"
    pod = planned(engine={"chatTemplate": {"inline": template}})
    assert f"--chat-template={template}" in pod.main[0].command


def test_an_argument_may_refer_to_a_variable() -> None:
    engine = {"args": ["--seed=$(SEED)", "--foo=$(NONE)"], "env": [{"name": "SEED", "value": "7"}]}
    assert pod_words(planned(engine=engine)) >= {"--seed=7", "--foo=$(NONE)"}


def pod_words(pod: Pod) -> set[str]:
    return set(pod.main[0].command)


def test_variables_come_from_secrets_config_maps_and_the_pod() -> None:
    env = [
        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "a"}}},
        {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "b"}}},
        {"name": "C", "valueFrom": {"secretKeyRef": {"name": "none", "key": "c", "optional": True}}},
        {"name": "D", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]
    sources = Sources({"s": {"a": b"1"}}, {"c": {"b": b"2"}}, CLAIMS.claims)
    environment = planned(sources, engine={"env": env}).main[0].environment
    assert {key: environment.get(key) for key in "ABCD"} == {"A": "1", "B": "2", "C": None, "D": "pod-1"}


def test_a_missing_secret_is_an_error_that_names_the_remedy() -> None:
    env = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "a"}}}]
    with pytest.raises(LocalError, match=r"container vllm: Secret s is missing: add it .* --secret s=FOLDER"):
        planned(engine={"env": env})
    with pytest.raises(LocalError, match="Secret s has no key a: "):
        planned(Sources({"s": {}}, claims=CLAIMS.claims), engine={"env": env})


def test_a_mounted_config_map_becomes_a_folder_with_files() -> None:
    reference = {"configMapKeyRef": {"name": "templates", "key": "chat.jinja"}}
    sources = Sources(config_maps={"templates": {"chat.jinja": b"text", "other": b""}}, claims=CLAIMS.claims)
    pod = planned(sources, engine={"chatTemplate": reference})
    (folder,) = (folder for folder in pod.folders if folder.path.endswith("/chat-template"))
    assert folder.files == {"chat.jinja": b"text"}
    assert f"{folder.path}/chat.jinja" in pod_words(pod)


def test_a_users_volume_and_its_mount_are_replaced_too() -> None:
    template = {
        "spec": {
            "volumes": [{"name": "data", "hostPath": {"path": "/srv/data"}}],
            "containers": [
                {
                    "name": "vllm",
                    "env": [{"name": "DATA", "value": "/data/x:/data-2:/other/data"}],
                    "volumeMounts": [{"name": "data", "mountPath": "/data", "subPath": "sub"}],
                }
            ],
        }
    }
    environment = planned(podTemplate=template).main[0].environment
    assert environment["DATA"] == "/srv/data/sub/x:/data-2:/other/data"


def test_a_volume_that_only_a_cluster_makes_is_an_error() -> None:
    volumes = [{"name": "x", "csi": {"driver": "d"}}]
    with pytest.raises(LocalError, match="volume x: a volume of type csi is made by a cluster only"):
        planned(podTemplate={"spec": {"volumes": volumes}})


def test_a_container_with_an_image_of_its_own_does_not_run() -> None:
    containers = [{"name": "mine", "image": "mine:1"}]
    pod = plan_pod(
        render_children(model(podTemplate={"spec": {"containers": containers}}), SETTINGS).templates[0],
        "demo",
        PLACE,
        PROGRAMS,
        SOURCES,
    )
    assert [process.name for process in pod.main] == ["vllm"]
