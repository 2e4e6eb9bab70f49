"""How long models' pods hold accelerators, as the router sees it: by the pods in their EndpointSlices.

A pod holds its accelerators from when it is bound to a node until it is gone. It has an address, and so an
endpoint, soon after it is bound: before its image is pulled and its weights are loaded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from .models import RoutedModel


class AcceleratorTime:
    """Accelerator-seconds by model between two calls of `drain`. `now` is monotonic, in seconds."""

    def __init__(self) -> None:
        self._seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._held: dict[tuple[str, str], int] = {}
        self._at: float | None = None

    def observe(self, now: float, models: Iterable[tuple[RoutedModel, int]]) -> None:
        """Takes the models that have pods now, and how many pods."""
        passed = 0.0 if self._at is None else now - self._at
        for held, accelerators in self._held.items():
            self._seconds[held] += accelerators * passed
        self._held = {
            (model.key, model.resource): model.accelerators * pods
            for model, pods in models
            if model.accelerators
        }
        self._at = now

    def drain(self) -> dict[tuple[str, str], float]:
        """The seconds by model (NAMESPACE/NAME) and resource since the last call."""
        drained, self._seconds = dict(self._seconds), defaultdict(float)
        return drained
