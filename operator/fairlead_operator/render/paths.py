"""Folders inside the containers of a model's pod, where gateway, download and engine meet."""

from __future__ import annotations

# Shared by all containers: the engine's socket, state files, the launcher, and links to what was downloaded.
RUN_PATH = "/run/fairlead"
# Where volumes that hold a model or an adapter are mounted.
MODELS_PATH = "/models"
ADAPTERS_PATH = "/adapters"
# The cache of what is downloaded. The same in every container, because links lead into it.
WEIGHTS_PATH = "/weights"
