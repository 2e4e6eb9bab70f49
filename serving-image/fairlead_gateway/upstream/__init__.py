"""Connections to the engine: HTTP over a Unix socket in the folder that the pod's containers share."""
