"""Pure builders: a ModelDeployment and the operator's settings in, Kubernetes objects as dicts out."""
