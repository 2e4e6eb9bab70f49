"""The Fairlead operator: turns ModelDeployment objects into vLLM pods on Kubernetes."""

__version__ = "0.1.0"
