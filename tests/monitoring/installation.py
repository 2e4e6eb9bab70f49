"""A small installation that is scraped: operator, router and gateway as processes, before a real vLLM and a
real API server. Only the kubelet's part is played: pods are objects whose status is written here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

import openai
import pytest
from openai import OpenAI

from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.connection import open_api_client
from fairlead_operator.kube.ratelimit import TokenBucket
from tests.controller.demand import ROUTER_ADDRESS
from tests.controller.demand import SERVICE as ROUTER_SERVICE
from tests.controller.node import FakeKubelet
from tests.controller.operator_process import OperatorProcess
from tests.gateway.process import Background, GatewayProcess, get_status, wait_for
from tests.kube.support import Object, manifest
from tests.router.objects import endpoint, endpoint_slice
from tests.router.process import RouterProcess, make_account, own_address
from tests.support.control_plane import ControlPlane
from tests.support.engine import Engine

MODEL = "tiny"
MESSAGES: Any = [{"role": "user", "content": "Say something"}]
T = TypeVar("T")
_OPERATOR_ADDRESS = "127.0.0.1"
_SPEC = {
    "accelerator": {"resourceName": "nvidia.com/gpu", "count": 2},
    "autoscaling": {"minReplicas": 0, "maxReplicas": 2, "pollingIntervalSeconds": 1},
}


class _Gateway(GatewayProcess):
    """Listens on the address that the model's pod has, so that router and operator find it there."""

    def admin(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        return get_status(own_address(), self.admin_port, path), b""


class Installation:
    """One model of one namespace, from zero to a replica that serves. Use as a context."""

    def __init__(self, plane: ControlPlane, engine: Engine, folder: Path) -> None:
        self._plane, self._engine, self._folder = plane, engine, folder
        self._stack = ExitStack()
        self.namespace = f"t-{uuid.uuid4().hex[:10]}"
        # Where the processes listen instead of the ports of their pods, by address and port.
        self._listening: dict[tuple[str, int], int] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        kubectl = self._plane.kubectl
        kubectl("create", "namespace", self.namespace)
        stack.callback(kubectl, "delete", "namespace", self.namespace, "--wait=false")
        wait_for(lambda: kubectl("get", "sa", "default", "-n", self.namespace, "--ignore-not-found"))
        settings = {"resource": {"namespace": self.namespace, "name": MODEL}}
        self._gateway = _Gateway(self._engine, host=own_address(), settings=settings)
        stack.enter_context(self._gateway)
        # The operator knows one admin port for all, so the router has the gateway's, on another address.
        port = self._gateway.admin_port
        token = make_account(self._plane, self.namespace)
        router = RouterProcess(self._plane, self.namespace, token, host=ROUTER_ADDRESS, admin_port=port)
        self._router = stack.enter_context(router)
        wait_for(lambda: _answers(ROUTER_ADDRESS, port))
        ports = {"FAIRLEAD_ADMIN_PORT": str(port), "FAIRLEAD_ROUTER_SERVICE": ROUTER_SERVICE}
        config = self._plane.kubeconfig
        self._operator = OperatorProcess(config, self.namespace, self._folder, settings=ports)
        stack.callback(self._operator.close)
        self._create_pod("operator", "health", 8080, _OPERATOR_ADDRESS)
        self._create_pod("router", "admin", 8001, ROUTER_ADDRESS)
        self._listening = {
            (_OPERATOR_ADDRESS, 8080): self._operator.port,
            (ROUTER_ADDRESS, 8001): port,
            (own_address(), 8001): port,
        }

    def serve(self) -> None:
        """Creates the model, which is at zero, and asks it: a pod starts for the held request."""
        made = manifest(MODEL, **_SPEC)
        self._plane.kubectl("apply", "-n", self.namespace, "-f", "-", input=json.dumps(made))
        first = Background(self._first_answer)
        asyncio.run(self._with_kubelet(self._run_pod))
        assert first.result()

    def ask(self) -> None:
        """One request of each kind: a stream, a whole answer, a refused parameter, an unknown model."""
        with self._client() as client:
            create: Any = client.chat.completions.create
            for chunk in create(model=MODEL, messages=MESSAGES, max_tokens=4, stream=True):
                assert chunk
            assert create(model=MODEL, messages=MESSAGES, max_tokens=4).usage
            with pytest.raises(openai.BadRequestError):
                create(model=MODEL, messages=MESSAGES, temperature=-1)
            with pytest.raises(openai.NotFoundError):
                create(model="unknown", messages=MESSAGES)

    def hold(self) -> None:
        """Asks while the model has no ready pod, until it has one again."""
        self._plane.kubectl("delete", "endpointslice", f"{MODEL}-pods-x", "-n", self.namespace)
        wait_for(self._refuses)
        held = Background(self._first_answer)
        asyncio.run(self._with_kubelet(self._add_endpoint))
        assert held.result()

    def discovered(self) -> list[Object]:
        """The ports of all pods as Prometheus' targets, with the labels of its Kubernetes discovery."""
        pods = json.loads(self._plane.kubectl("get", "pods", "-n", self.namespace, "-o", "json"))["items"]
        return [target for pod in pods if "podIP" in pod["status"] for target in self._targets(pod)]

    def _targets(self, pod: Object) -> Iterator[Object]:
        meta = {
            "namespace": self.namespace,
            "pod_name": pod["metadata"]["name"],
            "pod_phase": pod["status"]["phase"],
            **{f"pod_label_{_plain(key)}": value for key, value in pod["metadata"]["labels"].items()},
        }
        spec, address = pod["spec"], pod["status"]["podIP"]
        for container in [*spec["containers"], *spec.get("initContainers", ())]:
            for port in container.get("ports", ()):
                found = {**meta, "pod_container_port_name": port["name"]}
                listening = self._listening.get((address, port["containerPort"]), port["containerPort"])
                labels = {f"__meta_kubernetes_{key}": value for key, value in found.items()}
                yield {"targets": [f"{address}:{listening}"], "labels": labels}

    def crash(self) -> None:
        """The engine's container crashes once, and is ready again."""
        asyncio.run(
            self._with_kubelet(lambda node: node.crashed_and_ready_again("Fatal error: boom", restarts=1))
        )

    def _first_answer(self) -> bool:
        with self._client() as client:
            asked: Any = client.chat.completions.create
            return bool(asked(model=MODEL, messages=MESSAGES, max_tokens=2).choices)

    def _client(self) -> OpenAI:
        url = f"http://{ROUTER_ADDRESS}:{self._router.api_port}/v1"
        return OpenAI(base_url=url, api_key="none", max_retries=0, timeout=120)

    def _refuses(self) -> bool:
        """Whether a request that does not want to wait is sent away."""
        with self._client() as client, contextlib.suppress(openai.InternalServerError):
            asked: Any = client.chat.completions.create
            asked(model=MODEL, messages=MESSAGES, extra_headers={"x-fairlead-hold-seconds": "0"})
            return False
        return True

    async def _run_pod(self, node: FakeKubelet) -> None:
        await node.pod()
        await node.ready([own_address()])
        await self._add_endpoint(node)

    async def _add_endpoint(self, node: FakeKubelet) -> None:
        (pod,) = await node.pods()
        found = endpoint(own_address(), pod["metadata"]["name"])
        made = endpoint_slice(
            found, name=MODEL, namespace=self.namespace, port=self._gateway.api_port, service=f"{MODEL}-pods"
        )
        self._plane.kubectl("apply", "-f", "-", input=json.dumps(made))

    async def _with_kubelet(self, act: Callable[[FakeKubelet], Awaitable[T]]) -> T:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(self._plane.kubeconfig))
            client = KubeClient(await open_api_client(), TokenBucket(rate=1000, burst=1000))
        try:
            return await act(FakeKubelet(client, self.namespace))
        finally:
            await client.close()

    def _create_pod(self, component: str, port_name: str, port: int, address: str) -> None:
        """A pod with the labels and the port that the chart gives it."""
        labels = {"app.kubernetes.io/name": "fairlead", "app.kubernetes.io/component": component}
        ports = [{"name": port_name, "containerPort": port}]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": component, "namespace": self.namespace, "labels": labels},
            "spec": {"containers": [{"name": component, "image": "fairlead", "ports": ports}]},
        }
        self._plane.kubectl("apply", "-f", "-", input=json.dumps(pod))
        status = {"status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}}
        where = ("pod", component, "-n", self.namespace, "--subresource=status")
        self._plane.kubectl("patch", *where, "--type=merge", "-p", json.dumps(status))


def _plain(name: str) -> str:
    """A label's name as Prometheus writes it."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)


def _answers(host: str, port: int) -> bool:
    try:
        return get_status(host, port, "/readyz") == 200
    except OSError:
        return False
