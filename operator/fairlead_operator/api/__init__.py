"""The ModelDeployment API: its models, their CustomResourceDefinition and the names both sides agree on."""
