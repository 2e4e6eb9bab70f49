"""All models of the router with their desks, made of what the watches report.

Each watch replaces what it had listed, or one object of it; the desks follow. What is known stays in force
while the API server is away.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.rise import Rise

from .catalogue import Model, Object, read_model
from .desk import Desk
from .directory import Directory
from .slices import Address, Slice, read_slice

_log = logging.getLogger("fairlead.router")
# Of the largest bodies that the models allow, before any is known.
_MAX_BODY_BYTES = 32 << 20


class Unresolved(Protocol):
    """A request that came before the models were known."""

    def resolve(self) -> None:
        """They are known now."""

    def dismiss(self, error: ApiError) -> None:
        """It waits no longer."""


class Fleet:
    """The models, their desks and whether all of them are known. `sources` is the number of watches."""

    def __init__(self, clock: Callable[[], float], sources: int) -> None:
        self.rise = Rise()
        self.desks: dict[str, Desk] = {}
        self.directory = Directory()
        self.max_body_bytes = _MAX_BODY_BYTES
        self._clock = clock
        self._missing = sources
        self._models: dict[str, Model] = {}
        self._slices: dict[str, Slice] = {}
        self._unresolved: set[Unresolved] = set()

    @property
    def synced(self) -> bool:
        """Whether every watch has listed once: only then is a model that is not known one that is not."""
        return self._missing == 0

    @property
    def addresses(self) -> set[Address]:
        """The pods that requests may be sent to."""
        return {address for desk in self.desks.values() for address in desk.pods}

    def wait_for_sync(self, request: Unresolved) -> None:
        """Has the request resolved as soon as the models are known."""
        self._unresolved.add(request)

    def forget(self, request: Unresolved) -> None:
        """The request waits for that no longer."""
        self._unresolved.discard(request)

    def waiting(self) -> list[Unresolved]:
        """All requests that wait, for a pod or to be resolved."""
        return [*self._unresolved, *(guest for desk in self.desks.values() for guest in desk.queue)]

    def listed(self) -> None:
        """One more watch has listed for the first time."""
        self._missing -= 1
        if self.synced:
            _log.info("%d models are known", len(self._models))
            requests, self._unresolved = self._unresolved, set()
            for request in requests:
                request.resolve()

    def replace_models(self, known: Iterable[str], documents: Mapping[str, Object]) -> None:
        """What a watch had `known` (by key) is now what it has listed."""
        models = {key: model for key, document in documents.items() if (model := _read(read_model, document))}
        removed = set(known) - models.keys()
        changed = {key for key, model in models.items() if self._models.get(key) != model}
        if not removed and not changed:
            return
        named = {key: _naming(self._models[key]) for key in changed | removed if key in self._models}
        self._models = {key: model for key, model in (self._models | models).items() if key not in removed}
        if removed or any(named.get(key) != _naming(models[key]) for key in changed):
            self.directory = Directory(self._models.values())
        sizes = (model.max_body_bytes for model in self._models.values())
        self.max_body_bytes = max(sizes, default=_MAX_BODY_BYTES)
        for key in changed:
            self._update_desk(key)
        for key in removed & self.desks.keys():
            self._close_desk(self.desks[key])

    def replace_slices(self, known: Iterable[str], documents: Mapping[str, Object]) -> None:
        """The same for EndpointSlices."""
        slices = {key: part for key, document in documents.items() if (part := _read(read_slice, document))}
        removed = {key for key in known if key in self._slices} - slices.keys()
        concerned = {self._slices.pop(key).model for key in removed}
        for key, part in slices.items():
            former = self._slices.get(key)
            if former != part:
                concerned |= {part.model} | ({former.model} if former else set())
                self._slices[key] = part
        if concerned:
            self._meet(concerned)

    def sweep(self, now: float) -> None:
        """About a second has passed."""
        for desk in self.desks.values():
            desk.sweep(now)

    def tell(self) -> dict[str, dict[str, Any]]:
        """The demand of every model."""
        return {key: self.desks[key].tell() for key in self._models}

    def _update_desk(self, key: str) -> None:
        desk = self.desks.get(key)
        if desk is None:
            desk = self.desks[key] = Desk(self._models[key], self._clock, self.rise.up)
        desk.model = self._models[key]
        if desk.pods:
            desk.pump()
        else:  # it is new, or has come back
            self._meet({key})

    def _close_desk(self, desk: Desk) -> None:
        """The model is gone. The desk stays for its counters, which must not go back if the model returns."""
        desk.meet(())
        for guest in desk.queue:
            guest.resolve()

    def _meet(self, models: set[str]) -> None:
        ready: dict[str, set[Address]] = defaultdict(set)
        for part in self._slices.values():
            if part.model in models:
                ready[part.model] |= part.ready
        for key in models & self.desks.keys():
            self.desks[key].meet(ready[key])


def _naming(model: Model) -> tuple[object, ...]:
    """What decides how the model is found."""
    return (model.names, model.adapters, model.dialect)


def _read(read: Callable[[Object], Any], document: Object) -> Any:
    """What an object says, None if it cannot be read: one strange object must not hide the others."""
    try:
        return read(document)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError):
        name = (document.get("metadata") or {}).get("name")
        _log.exception("%s %r is not understood and left out", document.get("kind", "an object"), name)
        return None
