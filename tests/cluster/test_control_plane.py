"""The bare control plane does what tests rely on: admission, garbage collection, survival of an outage."""

from __future__ import annotations

import json
import time

import pytest

from tests.support.control_plane import ControlPlane, ControlPlaneError

pytestmark = pytest.mark.apiserver


def _config_map(name: str, **metadata: object) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}})


def test_objects_are_garbage_collected_with_their_owner(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("apply", "-n", namespace, "-f", "-", input=_config_map("owner"))
    uid = control_plane.kubectl("get", "cm", "owner", "-n", namespace, "-o", "jsonpath={.metadata.uid}")
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    child = _config_map("child", ownerReferences=[reference])
    control_plane.kubectl("apply", "-n", namespace, "-f", "-", input=child)

    control_plane.kubectl("delete", "cm", "owner", "-n", namespace)

    control_plane.kubectl("wait", "--for=delete", "cm/child", "-n", namespace, "--timeout=60s")


def test_the_control_plane_creates_the_pods_of_a_deployment(
    control_plane: ControlPlane, namespace: str
) -> None:
    control_plane.kubectl("create", "deployment", "web", "--image=none", "-n", namespace)

    pods = ""
    end = time.monotonic() + 60
    while not pods and time.monotonic() < end:
        pods = control_plane.kubectl("get", "pods", "-l", "app=web", "-n", namespace, "-o", "name")

    assert pods.startswith("pod/web-")


def test_objects_survive_a_restart_of_the_api_server(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("apply", "-n", namespace, "-f", "-", input=_config_map("kept"))

    control_plane.restart_apiserver()

    assert control_plane.kubectl("get", "cm", "kept", "-n", namespace, "-o", "name") == "configmap/kept\n"


def test_a_leader_worker_set_is_validated_by_its_own_schema(
    control_plane: ControlPlane, namespace: str, lws_crd: str
) -> None:
    def apply(size: object) -> str:
        pod = {"spec": {"containers": [{"name": "engine", "image": "none"}]}}
        body = {
            "apiVersion": "leaderworkerset.x-k8s.io/v1",
            "kind": "LeaderWorkerSet",
            "metadata": {"name": "two-nodes"},
            "spec": {"leaderWorkerTemplate": {"size": size, "workerTemplate": pod}},
        }
        arguments = ("apply", "--server-side", "-n", namespace, "-f", "-")
        return control_plane.kubectl(*arguments, input=json.dumps(body))

    assert apply(2) == f"leaderworkerset.{lws_crd.partition('.')[2]}/two-nodes serverside-applied\n"
    with pytest.raises(ControlPlaneError, match="size"):
        apply("two")
