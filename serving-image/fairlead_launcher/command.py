"""The command line and the environment of the engine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

ENGINE_MODULE = "vllm.entrypoints.openai.api_server"
HEADLESS_MODULE = "vllm.entrypoints.cli.main"


def engine_command(module: str, socket: Path, arguments: Sequence[str]) -> list[str]:
    """The engine's command line, with this very Python."""
    return [sys.executable, "-u", "-m", module, "--uds", str(socket), *arguments]


def engine_environment(command: Sequence[str]) -> dict[str, str]:
    """The environment of the engine.

    `--enforce-eager` keeps vLLM from compiling the model, but not some small functions, such as the ranks of
    log probabilities. They are compiled at the first request that needs them, and where there is no compiler
    that ends the engine. Without torch's compiler they run as they are.
    """
    environment = dict(os.environ)
    compilers = (os.environ.get("CXX"), "g++", "c++", "clang++")
    if "--enforce-eager" in command and not any(name and shutil.which(name) for name in compilers):
        environment.setdefault("TORCHDYNAMO_DISABLE", "1")
    return environment


def headless_command(arguments: Sequence[str]) -> list[str]:
    """The command line of a further node of the engine, which has no API. Only `vllm serve` knows of that."""
    return [sys.executable, "-u", "-m", HEADLESS_MODULE, "serve", "--headless", *arguments]
