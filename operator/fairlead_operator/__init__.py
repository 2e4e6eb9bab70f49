"""The Fairlead operator: turns ModelDeployment objects into vLLM pods on Kubernetes."""

from fairlead_contract.version import VERSION

__version__ = VERSION
