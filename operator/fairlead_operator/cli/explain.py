"""`fairlead explain NAME`: finds the model, reads its objects, prints the report."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from fairlead_operator.cli.cluster import ClusterError, cluster
from fairlead_operator.cli.live import Reader
from fairlead_operator.cli.output import painter, structured
from fairlead_operator.cli.report import ModelFacts, highlighted, report, report_document
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.connection import default_namespace
from fairlead_operator.kube.errors import NotFoundError
from fairlead_operator.kube.resources import MODEL_DEPLOYMENT

Object = dict[str, Any]


class ExplainError(Exception):
    """There is no model to explain; the text has the cause and the remedy."""


def run_explain(options: Namespace) -> int:
    """Prints the explanation; 0 if there is one, 1 if not."""
    try:
        facts, now = asyncio.run(_explain(options))
    except (ExplainError, ClusterError) as error:
        sys.stderr.write(f"fairlead explain: {error}\n")
        return 1
    if options.output == "table":
        sys.stdout.write(highlighted(report(facts, now), painter(sys.stdout)))
    else:
        sys.stdout.write(structured(report_document(facts), options.output))
    return 0


async def _explain(options: Namespace) -> tuple[ModelFacts, datetime]:
    async with cluster(options) as client:
        namespace = options.namespace or default_namespace(options.kubeconfig, options.context)
        body = await find_model(client, namespace, options.name)
        now = datetime.now(UTC)
        return await Reader(client, now).facts(body), now


async def find_model(client: KubeClient, namespace: str | None, name: str) -> Object:
    """The model; without a namespace the only one of that name. Raises ExplainError with near names."""
    if namespace:
        try:
            return await client.get(MODEL_DEPLOYMENT, namespace, name)
        except NotFoundError:
            return _choose(await _list(client, namespace), namespace, name)
    return _choose(await _list(client, None), None, name)


async def _list(client: KubeClient, namespace: str | None) -> list[Object]:
    try:
        return await client.list(MODEL_DEPLOYMENT, namespace)
    except NotFoundError:
        raise ExplainError(
            "the cluster does not know ModelDeployments: is Fairlead installed, is this the right context?"
        ) from None


def _choose(models: list[Object], namespace: str | None, name: str) -> Object:
    same = [body for body in models if body["metadata"]["name"] == name]
    if len(same) == 1:
        return same[0]
    if same:
        places = ", ".join(sorted(body["metadata"]["namespace"] for body in same))
        raise ExplainError(f"there are several ModelDeployments {name}; choose with -n one of {places}")
    where = f"namespace {namespace}" if namespace else "the cluster"
    names = sorted({body["metadata"]["name"] for body in models})
    near = get_close_matches(name, names, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(names) or 'none'}"
    raise ExplainError(f"there is no ModelDeployment {name} in {where}; {hint}")
