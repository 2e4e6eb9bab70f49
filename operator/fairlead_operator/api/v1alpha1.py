"""ModelDeployment v1alpha1: the contract with users, from which the CRD and the reference page are generated.

Descriptions are the docstrings under the fields. Bounds and rules become schema, enforced by the API server
with a message that names the field and the remedy. Reading is lenient (unknown fields are ignored), so that
objects written by a newer version stay readable; numbers are integers with their unit in the name.
"""

from __future__ import annotations

from fairlead_operator.api.part import ApiObject
from fairlead_operator.api.spec import ModelDeploymentSpec
from fairlead_operator.api.status import ModelDeploymentStatus


class ModelDeployment(ApiObject):
    """ModelDeployment serves one language model with vLLM behind an OpenAI-compatible API."""

    spec: ModelDeploymentSpec
    """spec is the desired state."""
    status: ModelDeploymentStatus = ModelDeploymentStatus()
    """status is the observed state; written by the operator only."""
