"""What a model source means for the pod: what vLLM is told to load, and which volume carries it."""

from __future__ import annotations

from dataclasses import dataclass

MODELS_PATH = "/models"


@dataclass(frozen=True)
class Source:
    """A parsed `spec.model.source`.

    `engine_model` is vLLM's `--model`; `claim` the PersistentVolumeClaim to mount at /models, if any;
    `from_hub` says whether the engine needs the network.
    """

    engine_model: str
    claim: str | None = None
    from_hub: bool = False


def parse_source(source: str) -> Source:
    """Parses a source that the API server accepted. Raises ValueError for an unknown scheme."""
    scheme, _, rest = source.partition("://")
    if scheme == "hf":
        return Source(engine_model=rest, from_hub=True)
    if scheme == "pvc":
        claim, _, path = rest.partition("/")
        return Source(engine_model=f"{MODELS_PATH}/{path.strip('/')}".rstrip("/"), claim=claim)
    if scheme == "file":
        return Source(engine_model=f"/{rest.strip('/')}")
    raise ValueError(f"unknown model source {source!r}")
