"""The manifest of `fairlead run --demo`: the one that a user would write for the demo's model."""

from __future__ import annotations

from pathlib import Path

from fairlead_operator.cli.documents import ManifestDocument, parse_documents
from fairlead_operator.local.demo_model import NAME

_MANIFEST = """\
apiVersion: fairlead.dev/v1alpha1
kind: ModelDeployment
metadata:
  name: {name}
spec:
  model:
    source: file://{folder}
  engine:
    # Without it vLLM compiles the model first, which takes longer than all of the demo.
    args: ["--enforce-eager"]
    env:
      # Of the CPU build, which a GPU's does not read: GiB for the KV cache, and threads that are not pinned.
      - {{name: VLLM_CPU_KVCACHE_SPACE, value: "1"}}
      - {{name: VLLM_CPU_OMP_THREADS_BIND, value: nobind}}
"""


def demo_documents(folder: Path) -> list[ManifestDocument]:
    """The manifest's document for the folder of the model."""
    return parse_documents("(demo)", _MANIFEST.format(name=NAME, folder=folder))
