"""Reads for commands in a cluster: the operator's settings, and the names of all models."""

from __future__ import annotations

import contextlib
import logging
import os
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import ValidationError

from fairlead_operator.api.names import OPERATOR_LABELS, selector
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.connection import ConfigException, open_api_client
from fairlead_operator.kube.errors import KubeError, NotFoundError
from fairlead_operator.kube.ratelimit import TokenBucket
from fairlead_operator.kube.resources import DEPLOYMENT, MODEL_DEPLOYMENT
from fairlead_operator.plan.served_names import ServedNames, claim_of, claiming_part
from fairlead_operator.settings import Settings

Object = dict[str, Any]


class ClusterError(Exception):
    """The cluster cannot be reached; the text has the cause and the remedy."""


@asynccontextmanager
async def cluster(options: Namespace) -> AsyncIterator[KubeClient]:
    """A client for the cluster of the options `kubeconfig` and `context`. Raises ClusterError for everything
    that the API server refuses.
    """
    # The client's library logs why it has no configuration too, which would go to stderr.
    logging.getLogger("kubernetes").addHandler(logging.NullHandler())
    try:
        client = KubeClient(
            await open_api_client(options.kubeconfig, options.context), TokenBucket(rate=1, burst=1)
        )
        try:
            yield client
        finally:
            await client.close()
    except ConfigException as error:
        remedy = "set KUBECONFIG or --kubeconfig, and choose with --context"
        raise ClusterError(f"no way to a cluster: {error}; {remedy}") from error
    except KubeError as error:
        verb = "refuses" if error.code else "cannot be reached"
        raise ClusterError(f"the API server {verb}: {error}") from error


def in_the_operators_pod() -> bool:
    """Whether the operator's own settings are in the environment."""
    return "FAIRLEAD_GATEWAY_IMAGE" in os.environ


async def find_settings(client: KubeClient) -> Settings | None:
    """The operator's settings, from the environment inside its pod, else from its Deployment; None if there
    is none. Raises KubeError.
    """
    with contextlib.suppress(ValidationError):
        if in_the_operators_pod():
            return Settings()
    for deployment in await client.list(DEPLOYMENT, None, selector(OPERATOR_LABELS)):
        with contextlib.suppress(ValidationError):
            return _settings_of(deployment)
    return None


async def read_names(client: KubeClient, settings: Settings | None) -> ServedNames:
    """The names of the models that the operator watches; of all models if its settings are not known. Raises
    KubeError.
    """
    namespaces = settings.namespaces if settings else ()
    names, bodies = ServedNames(namespaces), list[Object]()
    for namespace in namespaces or (None,):
        try:
            bodies += await client.list(MODEL_DEPLOYMENT, namespace, keep=claiming_part)
        except NotFoundError:
            question = "is Fairlead installed, is this the right context?"
            raise ClusterError(f"the cluster does not know ModelDeployments: {question}") from None
    names.learn(map(claim_of, bodies))
    return names


def _settings_of(deployment: Object) -> Settings:
    """The settings in the environment of the operator's container. Raises ValidationError."""
    (container, *_) = deployment["spec"]["template"]["spec"]["containers"]
    given = {
        entry["name"].removeprefix("FAIRLEAD_").lower(): entry["value"]
        for entry in container.get("env", [])
        if entry["name"].startswith("FAIRLEAD_") and "value" in entry
    }
    return Settings(**{**given, "pod_namespace": deployment["metadata"]["namespace"]})
