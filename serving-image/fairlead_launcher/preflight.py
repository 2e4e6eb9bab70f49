"""Problems that show before the engine starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from fairlead_launcher.arguments import adapter_folders, named_beside, values_of
from fairlead_launcher.causes import Cause

# Variables that separate the engine from the gateway: harmless values, and the effect of others.
REFUSED_VARIABLES = {
    "VLLM_API_KEY": (
        ("",),
        "the engine would refuse the gateway's requests; clients' keys are spec.api.auth",
    ),
    "VLLM_KEEP_ALIVE_ON_ENGINE_DEATH": (
        ("", "0"),
        "the container would go on without its engine, and would not be restarted",
    ),
}


def absent_folder(arguments: Sequence[str]) -> Cause | None:
    """The cause, if a folder that the engine needs is not there.

    vLLM would take it for the id of a repository, and report that after half a minute of imports.
    """
    required = [("model", path) for path in values_of("--model", arguments)[:1]]
    required += [("adapter", path) for path in adapter_folders(arguments)]
    for what, path in required:
        if path.startswith("/") and not os.path.exists(path):
            return Cause("WeightsNotFound", f"There is no {what} folder {path}.")
    for flag, path in named_beside(arguments):
        if path.startswith("/") and not os.path.exists(path):
            return Cause("EngineArgumentInvalid", f"There is no folder {path}, which {flag} names.")
    return None


def refused_variable(environment: Mapping[str, str]) -> Cause | None:
    """The cause, if a variable prevents answers, or hides failures."""
    for name, (harmless, problem) in REFUSED_VARIABLES.items():
        if environment.get(name, "") not in harmless:
            return Cause(
                "EngineArgumentInvalid", f"The environment variable {name} must not be set: {problem}."
            )
    return None
