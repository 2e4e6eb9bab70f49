"""How to reach the API server: the service account inside a cluster, the kubeconfig outside.

The official client and kopf use the same configuration, so that they cannot reach different clusters.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException as ConfigException
from kubernetes.aio.config import (
    list_kube_config_contexts,
    load_incluster_config,
    load_kube_config,
)

_IN_CLUSTER = "KUBERNETES_SERVICE_HOST"
# The hundreds of an HTTP status.
_REDIRECT = 3


@dataclass(frozen=True)
class Connection:
    """The connection parameters that any HTTP client needs. Paths are of files in PEM format."""

    server: str
    ca_path: str | None
    insecure: bool
    authorization: str | None
    certificate_path: str | None
    key_path: str | None


async def load_configuration(kubeconfig: str | None = None, context: str | None = None) -> Configuration:
    """The official client's configuration. A kubeconfig, given or in KUBECONFIG, goes before the service
    account; `context` is one of it, the current one if None.

    Raises kubernetes.aio.config.ConfigException if neither is there.
    """
    configuration = Configuration()
    if _is_in_cluster() and not kubeconfig:
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    else:
        # The client reads the variable only once, when it is imported.
        file = kubeconfig or os.environ.get("KUBECONFIG")
        await load_kube_config(config_file=file, context=context, client_configuration=configuration)  # type: ignore[no-untyped-call]
    return configuration


async def load_connection() -> Connection:
    """The same parameters; the token is read again each time, since it is rotated."""
    configuration = await load_configuration()
    return Connection(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert or None,
        insecure=not configuration.verify_ssl,
        authorization=await configuration.get_api_key_with_prefix("BearerToken", alias="authorization"),
        certificate_path=configuration.cert_file or None,
        key_path=configuration.key_file or None,
    )


async def open_api_client(kubeconfig: str | None = None, context: str | None = None) -> ApiClient:
    """The official client's transport, to be closed by the caller."""
    configuration = await load_configuration(kubeconfig, context)
    # Otherwise every request reads ~/.netrc in a thread and proxies from the environment, which the watches
    # do not use either.
    configuration.client_session_kwargs = {"trust_env": False, "middlewares": (_refuse_redirect,)}
    return ApiClient(configuration=configuration)


async def _refuse_redirect(
    request: aiohttp.ClientRequest, handle: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Refuses redirects. The API server sends none, but it forwards the answers of pods, which must not
    choose what is requested next with the permissions of the caller.
    """
    response = await handle(request)
    if "Location" in response.headers and response.status // 100 == _REDIRECT:
        response.close()
        raise aiohttp.ClientError(f"redirected by {request.url.path}")
    return response


def default_namespace(kubeconfig: str | None = None, context: str | None = None) -> str | None:
    """The namespace of a kubeconfig's context, as kubectl takes it; None in a pod, whose own namespace says
    nothing about where models are. Raises ConfigException.
    """
    if _is_in_cluster() and not kubeconfig:
        return None
    file = kubeconfig or os.environ.get("KUBECONFIG")
    contexts, current = list_kube_config_contexts(config_file=file)  # type: ignore[no-untyped-call]
    chosen = next((item for item in contexts if item["name"] == context), current)
    return str(chosen["context"].get("namespace") or "default")


def _is_in_cluster() -> bool:
    return bool(os.environ.get(_IN_CLUSTER)) and not os.environ.get("KUBECONFIG")
