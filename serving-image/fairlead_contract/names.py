"""Names in the Kubernetes API and in the environment of containers that more than one program uses."""

from __future__ import annotations

GROUP = "fairlead.dev"
VERSION = "v1alpha1"
PLURAL = "modeldeployments"

# The label that ties every child, pods and EndpointSlices included, to its ModelDeployment. Watches select by
# it on the server.
MODEL_LABEL = f"{GROUP}/model"

# The ports of gateways and routers.
API_PORT = 8000
ADMIN_PORT = 8001
# The API's port in Services, EndpointSlices and containers.
API_PORT_NAME = "http"

# The gateway reads all its variables with this prefix, and the download its order from this variable.
GATEWAY_VARIABLES = "FAIRLEAD_GATEWAY_"
DOWNLOAD_ORDER_VARIABLE = "FAIRLEAD_WEIGHTS"


def pods_service(model: str) -> str:
    """The Service that selects the pods of a model whose own Service is an alias of the router."""
    return f"{model}-pods"
