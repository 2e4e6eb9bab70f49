"""What Flux and Argo CD make of an object: their own rules, in a Go program of these tests."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.cluster import tools

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "docs" / "examples" / "gitops" / "argocd-health.lua"
MODULE = Path(__file__).with_name("go")
_SECONDS = 60


@dataclass(frozen=True)
class Verdict:
    """kstatus: InProgress, Failed, Current or Terminating. Argo CD: Healthy, Progressing or Degraded."""

    kstatus: str
    argo: str
    message: str


def verdicts(objects: Sequence[dict[str, Any]], script: Path = SCRIPT) -> list[Verdict]:
    """The verdicts about objects; AssertionError where the script fails."""
    done = subprocess.run(
        [tools.ensure_apart("gitops-status", MODULE), script],
        input="".join(f"{json.dumps(item)}\n" for item in objects),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        Verdict(item["kstatus"]["status"], item["argo"]["status"], item["argo"]["message"]) for item in found
    ]


def verdict(body: dict[str, Any]) -> Verdict:
    """The verdict about one object."""
    (found,) = verdicts([body])
    return found
