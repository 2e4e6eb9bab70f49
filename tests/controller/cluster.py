"""A namespace of the real API server with one model in it."""

from __future__ import annotations

from typing import Any

from fairlead_contract.names import MODEL_LABEL
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import NotFoundError
from fairlead_operator.kube.resources import CHILDREN, MODEL_DEPLOYMENT, Resource
from tests.kube.support import Object, eventually, manifest


class ModelNamespace:
    """The test's namespace."""

    def __init__(self, kube: KubeClient, namespace: str) -> None:
        self.kube = kube
        self.namespace = namespace

    async def create(self, name: str = "tiny", **spec: Any) -> Object:
        """Creates a ModelDeployment."""
        return await self.kube.create(MODEL_DEPLOYMENT, self.namespace, manifest(name, **spec))

    async def find(self, resource: Resource, name: str = "tiny") -> Object | None:
        """An object, or None."""
        try:
            return await self.kube.get(resource, self.namespace, name)
        except NotFoundError:
            return None

    async def await_child(self, resource: Resource) -> Object:
        """A child of the model, once it is there."""
        found = await eventually(f"the {resource.kind}", lambda: self.find(resource))
        assert found is not None
        return found

    async def await_condition(self, kind: str, status: str, reason: str) -> Object:
        """A condition of the model, once it says this about the current spec."""

        async def matching() -> Object | None:
            body = await self.kube.get(MODEL_DEPLOYMENT, self.namespace, "tiny")
            for item in body.get("status", {}).get("conditions", []):
                current = item["observedGeneration"] == body["metadata"]["generation"]
                if (item["type"], item["status"], item["reason"], current) == (kind, status, reason, True):
                    return dict(item)
            return None

        found = await eventually(f"{kind} {status} {reason}", matching)
        assert found is not None
        return found

    async def reason(self, name: str = "tiny") -> str:
        """The reason of a model's Ready, "" while there is none about its current spec."""
        body = await self.kube.get(MODEL_DEPLOYMENT, self.namespace, name)
        for item in body.get("status", {}).get("conditions", []):
            if item["type"] == "Ready" and item["observedGeneration"] == body["metadata"]["generation"]:
                return str(item["reason"])
        return ""

    async def versions(self) -> dict[str, str]:
        """The resourceVersion of the model and of every child."""
        objects = [await self.kube.get(MODEL_DEPLOYMENT, self.namespace, "tiny")]
        for resource in CHILDREN:
            objects += await self.kube.list(resource, self.namespace, f"{MODEL_LABEL}=tiny")
        return {
            f"{body['kind']}/{body['metadata']['name']}": body["metadata"]["resourceVersion"]
            for body in objects
        }
