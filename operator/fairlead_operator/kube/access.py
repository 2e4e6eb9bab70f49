"""Checks the operator's permissions at the start, instead of failing a minute later in a watch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fairlead_operator.kube.client import KubeClient, Object
from fairlead_operator.kube.resources import (
    ACCESS_REVIEW,
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    MODEL_DEPLOYMENT,
    NETWORK_POLICY,
    NODE,
    OPTIONAL_CHILDREN,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    POD_DISRUPTION_BUDGET,
    SERVICE,
    SERVICE_ACCOUNT,
    Resource,
)

_READ = ("get", "list", "watch")
_OWN = (*_READ, "create", "patch", "delete")

# What the operator does, and therefore what its role must allow.
NEEDS: tuple[tuple[Resource, str, tuple[str, ...]], ...] = (
    (MODEL_DEPLOYMENT, "", _READ),
    (MODEL_DEPLOYMENT, "status", ("patch",)),
    (MODEL_DEPLOYMENT, "finalizers", ("update",)),
    (DEPLOYMENT, "", _OWN),
    (SERVICE, "", _OWN),
    (SERVICE_ACCOUNT, "", _OWN),
    (CONFIG_MAP, "", _OWN),
    (POD_DISRUPTION_BUDGET, "", _OWN),
    (NETWORK_POLICY, "", _OWN),
    (PERSISTENT_VOLUME_CLAIM, "", _OWN),
    (POD, "", ("list", "watch", "patch")),
    (EVENT, "", ("list", "create", "patch")),
)
# The same for kinds that not every cluster serves.
OPTIONAL_NEEDS: tuple[tuple[Resource, str, tuple[str, ...]], ...] = tuple(
    (resource, "", _OWN) for resource in OPTIONAL_CHILDREN
)


# Optional permission: nodes show why a pod cannot be scheduled. It is cluster-wide.
OPTIONAL_READS: tuple[tuple[Resource, str, tuple[str, ...]], ...] = ((NODE, "", ("list",)),)


async def missing_access(client: KubeClient, namespaces: Sequence[str]) -> list[str]:
    """The missing permissions, as `verb resource in namespace`; empty if none is missing. No namespaces means
    all.
    """
    served = await asyncio.gather(*(client.serves(resource) for resource, _, _ in OPTIONAL_NEEDS))
    optional = [need for need, there in zip(OPTIONAL_NEEDS, served, strict=True) if there]
    reviews = [
        (verb, resource, subresource, namespace)
        for namespace in namespaces or [""]
        for resource, subresource, verbs in (*NEEDS, *optional)
        for verb in verbs
    ]
    allowed = await asyncio.gather(*(_allowed(client, *review) for review in reviews))
    return [_title(*review) for review, fine in zip(reviews, allowed, strict=True) if not fine]


async def _allowed(
    client: KubeClient, verb: str, resource: Resource, subresource: str, namespace: str
) -> bool:
    attributes = {
        "verb": verb,
        "group": resource.group,
        "resource": resource.plural,
        "subresource": subresource,
        "namespace": namespace,
    }
    body: Object = {
        "apiVersion": ACCESS_REVIEW.api_version,
        "kind": ACCESS_REVIEW.kind,
        "spec": {"resourceAttributes": attributes},
    }
    answer = await client.create(ACCESS_REVIEW, None, body)
    return bool(answer["status"]["allowed"])


def _title(verb: str, resource: Resource, subresource: str, namespace: str) -> str:
    name = f"{resource.plural}/{subresource}" if subresource else resource.plural
    group = f".{resource.group}" if resource.group else ""
    return f"{verb} {name}{group} in {f'namespace {namespace}' if namespace else 'all namespaces'}"
