"""The pods that can take requests, by the EndpointSlices of their models' Services.

A model's Service selects its pods, or is an alias of the router while a second one, NAME-pods, selects them.
The slices have their Service's labels, so that of the model says whose they are. The Service's own conditions
are what kube-proxy goes by too: ready means that the readiness probe passes and that the pod is not ending.
"""

from __future__ import annotations

from dataclasses import dataclass

from .catalogue import Object

MODEL_LABEL = "fairlead.dev/model"
_SERVICE_LABEL = "kubernetes.io/service-name"
_PORT_NAME = "http"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where one ready pod's API listens."""

    pod: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Slice:
    """What one EndpointSlice says; `model` is NAMESPACE/NAME."""

    model: str
    ready: frozenset[Address]


def read_slice(document: Object) -> Slice | None:
    """The ready pods in an EndpointSlice, None if it is not of a model. Raises KeyError for no slice."""
    metadata = document["metadata"]
    labels = metadata.get("labels") or {}
    name, service = labels.get(MODEL_LABEL), labels.get(_SERVICE_LABEL)
    if not name or service not in (name, f"{name}-pods") or document.get("addressType") == "FQDN":
        return None
    ports = [port["port"] for port in document.get("ports") or () if port.get("name") == _PORT_NAME]
    ready: set[Address] = set()
    for endpoint in document.get("endpoints") or () if ports else ():
        # Absent means that nobody knows, which is to be taken for ready.
        if (endpoint.get("conditions") or {}).get("ready") is not False:
            host = endpoint["addresses"][0]
            ready.add(Address((endpoint.get("targetRef") or {}).get("name") or host, host, ports[0]))
    return Slice(f"{metadata['namespace']}/{name}", frozenset(ready))
