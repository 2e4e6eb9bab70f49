"""The engine's arguments: what they name, and what is added to them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

# What every vLLM takes for --max-lora-rank. The smallest of them costs next to nothing.
LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
# Arguments that the operator and this launcher write by themselves or for a field of the spec. A vLLM that
# does not know one of them is older than those that Fairlead is made for.
OWN_ARGUMENTS = frozenset(
    (
        "--allowed-media-domains",
        "--chat-template",
        "--dtype",
        "--enable-auto-tool-choice",
        "--enable-lora",
        "--enable-prompt-tokens-details",
        "--fingerprint-mode",
        "--generation-config",
        "--gpu-memory-utilization",
        "--headless",
        "--hf-config-path",
        "--lora-modules",
        "--master-addr",
        "--master-port",
        "--max-cpu-loras",
        "--max-lora-rank",
        "--max-loras",
        "--max-model-len",
        "--max-num-seqs",
        "--model",
        "--nnodes",
        "--node-rank",
        "--pipeline-parallel-size",
        "--quantization",
        "--reasoning-parser",
        "--scheduling-policy",
        "--served-model-name",
        "--shutdown-timeout",
        "--structured-outputs-config",
        "--tensor-parallel-size",
        "--tokenizer",
        "--tool-call-parser",
        "--trust-request-chat-template",
        "--uds",
    )
)


def values_of(flag: str, arguments: Sequence[str]) -> list[str]:
    """The values of the last use of a flag, as vLLM reads them."""
    found: list[str] = []
    for position, argument in enumerate(arguments):
        name, joined, value = argument.partition("=")
        if name.replace("_", "-") != flag:
            continue
        if joined:
            found = [value]
        else:
            following = arguments[position + 1 :]
            end = next((at for at, word in enumerate(following) if word.startswith("--")), len(following))
            found = list(following[:end])
    return found


def adapter_folders(arguments: Sequence[str]) -> list[str]:
    """The folders of the adapters in `--lora-modules`, each NAME=PATH or a JSON object with `path`."""
    folders = []
    for value in values_of("--lora-modules", arguments):
        try:
            path = json.loads(value)["path"] if value.startswith("{") else value.partition("=")[2]
        except (ValueError, KeyError):
            continue  # vLLM reports its error
        folders.append(str(path))
    return folders


def named_beside(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """The models that arguments name beside the model itself: (flag, folder or repository)."""
    found = [
        (flag, name)
        for flag in ("--tokenizer", "--hf-config-path")
        for name in values_of(flag, arguments)[:1]
    ]
    for value in values_of("--speculative-config", arguments)[:1]:
        with suppress(ValueError, TypeError, KeyError):
            found.append(("--speculative-config", str(json.loads(value)["model"])))
    # Such as `ngram`, which is no model.
    return [(flag, name) for flag, name in found if "/" in name]


def rank_arguments(arguments: Sequence[str]) -> list[str]:
    """`--max-lora-rank` with room for the adapters in the arguments, unless these have it already.

    An adapter that cannot be read, or is larger than vLLM takes, is left for vLLM to refuse.
    """
    if any(re.match(r"--max[-_]lora[-_]rank(=|$)", argument) for argument in arguments):
        return []
    ranks = []
    for folder in adapter_folders(arguments):
        with suppress(OSError, ValueError, KeyError, TypeError):
            config = json.loads(Path(folder, "adapter_config.json").read_text())
            ranks.append(max([config["r"], *(config.get("rank_pattern") or {}).values()]))
    if not ranks:
        return []
    fitting = [rank for rank in LORA_RANKS if rank >= max(ranks)]
    return ["--max-lora-rank", str(fitting[0] if fitting else LORA_RANKS[-1])]
