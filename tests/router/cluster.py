"""One namespace of a real API server with models, pods and routers."""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import datetime
from typing import Any

from tests.gateway.process import GatewayProcess
from tests.router.objects import Object, endpoint, endpoint_slice
from tests.router.process import RouterProcess, make_account, own_address
from tests.support.control_plane import ControlPlane


class RouterCluster:
    """One namespace, and routers that serve it."""

    def __init__(
        self, plane: ControlPlane, namespace: str, gateway: GatewayProcess, stack: ExitStack
    ) -> None:
        self.namespace = namespace
        self._plane, self._gateway, self._stack = plane, gateway, stack
        self._token = make_account(plane, namespace)

    @property
    def key(self) -> str:
        return f"{self.namespace}/tiny"

    def apply(self, document: Object) -> None:
        document["metadata"]["namespace"] = self.namespace
        document.pop("status", None)
        self._plane.kubectl("apply", "-f", "-", input=json.dumps(document))

    def created(self) -> datetime:
        """When the API server made the model's object."""
        where = ("modeldeployment", "tiny", "-n", self.namespace)
        field = "jsonpath={.metadata.creationTimestamp}"
        return datetime.fromisoformat(self._plane.kubectl("get", *where, "-o", field))

    def pod_ready(self) -> None:
        pod = endpoint(own_address(), "tiny-0")
        self.apply(endpoint_slice(pod, port=self._gateway.api_port, service="tiny-pods"))

    def pod_gone(self) -> None:
        self._plane.kubectl("delete", "endpointslice", "tiny-pods-x", "-n", self.namespace)

    def router(self, **settings: Any) -> RouterProcess:
        return self._stack.enter_context(RouterProcess(self._plane, self.namespace, self._token, **settings))
