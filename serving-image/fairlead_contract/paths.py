"""Folders and files of a model's pod where operator, gateway, download and engine meet."""

from __future__ import annotations

# Shared by all containers: the engine's socket, state files, and links to what was downloaded.
RUN_PATH = "/run/fairlead"
# Files in it. The launcher writes the engine's state, and the download that of the weights.
ENGINE_SOCKET = "engine.sock"
ENGINE_STATE = "engine.json"
WEIGHTS_STATE = "weights.json"

# The key of the gateway's ConfigMap, and the file that it becomes.
GATEWAY_SETTINGS = "gateway.json"
# The key of the Secret with the routers' private key, and the file that it becomes.
IDENTITY_KEY = "key.pem"
# The zip application that the gateway puts into the launcher's volume, and that the engine's container runs.
LAUNCHER = "launcher.pyz"

# The ending of a GGUF file, which alone makes the last part of a source a file.
GGUF_ENDING = ".gguf"
