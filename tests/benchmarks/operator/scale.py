"""How large a run is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """`models` spread evenly over `namespaces`; `probes` single changes while everything is at rest.

    `resync_seconds` is the operator's interval of full passes while the steady state is measured; longer than
    a restart takes.
    """

    models: int
    namespaces: int
    probes: int
    resync_seconds: int


# A hundred models in a namespace is a large team; a list by label costs the API server a look at all of them.
FULL = Scale(models=2000, namespaces=20, probes=60, resync_seconds=120)
QUICK = Scale(models=200, namespaces=2, probes=30, resync_seconds=45)
