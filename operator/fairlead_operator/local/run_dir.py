"""The folder of one run of `fairlead run`. Users and tests read it: docs/local.md documents its layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Ports for the API and for administration.
Ports = tuple[int, int]


@dataclass(frozen=True)
class RunDir:
    """The files and folders of a run. `title` is the name of a model's folders, or `router`."""

    path: Path

    @property
    def lock(self) -> Path:
        """The file that the run holds a lock on."""
        return self.path / "lock"

    @property
    def router(self) -> Path:
        """The router's files."""
        return self.path / "router"

    def logs(self, title: str) -> Path:
        """The folder of its containers' logs, made if need be."""
        folder = self.path / "logs" / title
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def pod(self, title: str) -> Path:
        """The folder of a model's pod, which has a folder for each of its volumes."""
        return self.path / "pods" / title

    def write_ports(self, router: Ports, models: Mapping[str, Ports]) -> None:
        """Writes ports.json, with the models by NAMESPACE/NAME. Raises OSError."""
        found = {
            "router": _named(router),
            "models": {key: _named(ports) for key, ports in models.items()},
        }
        (self.path / "ports.json").write_text(json.dumps(found, indent=2) + "\n")


def _named(ports: Ports) -> dict[str, int]:
    return dict(zip(("api", "admin"), ports, strict=True))
