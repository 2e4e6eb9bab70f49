"""Names that the API, the rendered objects and the watches must agree on."""

from __future__ import annotations

GROUP = "fairlead.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "ModelDeployment"
PLURAL = "modeldeployments"
FIELD_MANAGER = "fairlead-operator"

# The label that ties every child, pods included, to its ModelDeployment; also the watches' server-side
# selector.
MODEL_LABEL = f"{GROUP}/model"
RENDERED_HASH = f"{GROUP}/rendered-hash"
REVISION = f"{GROUP}/revision"
