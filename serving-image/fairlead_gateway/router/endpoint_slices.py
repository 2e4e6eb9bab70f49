"""The pods that can take requests, by the EndpointSlices of their models' Services.

A model's Service selects its pods, or is an alias of the router while a second one, NAME-pods, selects them.
The slices have their Service's labels, so the model's label identifies them. The conditions are those that
kube-proxy uses too: ready means that the readiness probe succeeds and that the pod is not terminating.

A tenant who may write EndpointSlices in a namespace can direct the requests for its models to any address. So
a slice counts only for models of its own namespace, only with the port of the gateways, and only with
addresses that a pod can have: not those of the router itself, nor of a cloud's metadata service.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from itertools import islice

from fairlead_contract.names import API_PORT_NAME, MODEL_LABEL, pods_service
from fairlead_gateway.bounds import MAX_SLICE_ENDPOINTS

from .models import Object

_SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where one ready pod's API listens."""

    pod: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Slice:
    """The contents of one EndpointSlice; `model` is NAMESPACE/NAME. `pods` are all of them by name, also
    those that start: they are on a node.
    """

    model: str
    ready: frozenset[Address]
    pods: frozenset[str]


def read_slice(document: Object, port: int = 0) -> Slice | None:
    """The ready pods in an EndpointSlice, None if it is not of a model. Raises KeyError for no slice.

    `port` is that of the gateways: endpoints with another one, or with an address that no pod has, are left
    out. With 0 any will do.
    """
    metadata = document["metadata"]
    labels = metadata.get("labels") or {}
    name, service = labels.get(MODEL_LABEL), labels.get(_SERVICE_LABEL)
    if not name or service not in (name, pods_service(name)) or document.get("addressType") == "FQDN":
        return None
    ports = [item["port"] for item in document.get("ports") or () if item.get("name") == API_PORT_NAME]
    endpoints = document.get("endpoints") or () if ports and port in (0, ports[0]) else ()
    ready: set[Address] = set()
    pods: set[str] = set()
    for endpoint in islice(endpoints, MAX_SLICE_ENDPOINTS):
        host = endpoint["addresses"][0]
        # Absent means unknown, which counts as ready.
        unready = (endpoint.get("conditions") or {}).get("ready") is False
        if port and not _can_be_a_pods(host):
            continue
        pod = (endpoint.get("targetRef") or {}).get("name") or host
        pods.add(pod)
        if not unready:
            ready.add(Address(pod, host, ports[0]))
    return Slice(f"{metadata['namespace']}/{name}", frozenset(ready), frozenset(pods))


def _can_be_a_pods(host: str) -> bool:
    address = ip_address(host)
    address = getattr(address, "ipv4_mapped", None) or address
    special = (address.is_loopback, address.is_link_local, address.is_multicast, address.is_unspecified)
    return not any(special)
