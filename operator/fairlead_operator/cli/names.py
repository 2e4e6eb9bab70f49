"""`fairlead validate --cluster`: which names of the models in the files belong to others in the cluster."""

from __future__ import annotations

import asyncio
import contextlib
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import Any

from fairlead_operator.api.jsonvalue import field
from fairlead_operator.cli.cluster import cluster, find_settings, read_names
from fairlead_operator.cli.documents import ManifestDocument
from fairlead_operator.cli.validation import Problem
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.connection import default_namespace
from fairlead_operator.kube.errors import KubeError, NotFoundError
from fairlead_operator.kube.resources import MODEL_DEPLOYMENT
from fairlead_operator.plan.catalogue.reasons import explain
from fairlead_operator.plan.served_names import CONDITION, ServedNames, claim_of, taken_finding

Object = dict[str, Any]
_Path = tuple[str | int, ...]


def taken_names(options: Namespace, documents: Sequence[ManifestDocument]) -> list[list[Problem]]:
    """For each document, a problem for each of its names that another model has, in the cluster or further up
    in the files. Raises ClusterError.
    """
    return asyncio.run(_taken_names(options, documents))


async def _taken_names(options: Namespace, documents: Sequence[ManifestDocument]) -> list[list[Problem]]:
    async with cluster(options) as client:
        settings = None
        with contextlib.suppress(KubeError):
            # Without permission to read the settings all namespaces count.
            settings = await find_settings(client)
        names = await read_names(client, settings)
        here = options.namespace or default_namespace(options.kubeconfig, options.context) or "default"
        return [[*await _problems(client, names, document, here)] for document in documents]


async def _problems(
    client: KubeClient, names: ServedNames, document: ManifestDocument, namespace: str
) -> Iterator[Problem]:
    """The claim as if the model were applied now."""
    given = document.body["metadata"]
    stored: Object = {}
    namespace = given.get("namespace") or namespace
    with contextlib.suppress(NotFoundError):
        stored = await client.get(MODEL_DEPLOYMENT, namespace, given["name"])
    metadata = {"name": given["name"], "namespace": namespace, **stored.get("metadata", {})}
    claim = claim_of({**document.body, "metadata": metadata, "status": stored.get("status")})
    names.put(claim)
    taken = names.taken(claim.key)
    return (_problem(path, name, taken[name]) for path, name in _named(document.body) if name in taken)


def _named(body: Object) -> Iterator[tuple[_Path, str]]:
    """The names in a model, each with the path of its field."""
    model = body["spec"]["model"]
    root: _Path = ("spec", "model")
    if "servedName" in model:
        yield (*root, "servedName"), model["servedName"]
    else:
        yield ("metadata", "name"), body["metadata"]["name"]
    for index, alias in enumerate(model.get("aliases") or ()):
        yield (*root, "aliases", index), alias
    for index, adapter in enumerate(model.get("adapters") or ()):
        yield (*root, "adapters", index, "name"), adapter["name"]


def _problem(path: _Path, name: str, holder: str) -> Problem:
    finding = taken_finding({name: holder})
    assert finding is not None
    return Problem(path, f"{field(path)}: {CONDITION}: {explain(CONDITION, finding.message)}")
