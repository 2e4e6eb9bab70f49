"""Folders inside the containers of a model's pod that gateway, download and engine share."""

from __future__ import annotations

from fairlead_contract.paths import LAUNCHER

# The launcher is code that the engine's container runs, so it has a volume of its own. Only the container
# that puts it there may write it: the download, which writes what a hub sends, does not mount it.
LAUNCHER_VOLUME = "fairlead-launcher"
LAUNCHER_PATH = "/run/fairlead-launcher"
LAUNCHER_FILE = f"{LAUNCHER_PATH}/{LAUNCHER}"
# Where volumes that hold a model or an adapter are mounted.
MODELS_PATH = "/models"
ADAPTERS_PATH = "/adapters"
# The cache of what is downloaded. The same in every container, because links lead into it.
WEIGHTS_PATH = "/weights"
