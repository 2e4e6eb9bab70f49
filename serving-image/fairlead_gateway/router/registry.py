"""All models of the router with their dispatchers, from the reports of the watches.

Each watch replaces its whole list, or one object of it; the dispatchers follow. The known state stays in use
during an outage of the API server.
"""

from __future__ import annotations

import functools
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import nsmallest
from typing import Any, Protocol

from fairlead_contract.demand import RouterFigures
from fairlead_gateway.bounds import (
    MAX_GONE_MODELS,
    MAX_NAMESPACE_ADDRESSES,
    MAX_PODS,
    SERVICE_END_SECONDS,
)
from fairlead_gateway.change_cursor import ChangeCursor
from fairlead_gateway.contract.errors import ApiError

from .dispatcher import ModelDispatcher, PendingRequest
from .endpoint_slices import Address, Slice, read_slice
from .models import Object, RoutedModel, read_model
from .resolver import ModelResolver

_log = logging.getLogger("fairlead.router")


class Unresolved(Protocol):
    """A request that came before the models were known."""

    def resolve(self) -> None:
        """The models are known now."""

    def dismiss(self, error: ApiError) -> None:
        """It waits no longer."""


class ModelRegistry:
    """The models, their dispatchers and whether all of them are known. `sources` is the number of watches."""

    def __init__(self, clock: Callable[[], float], sources: int) -> None:
        self.rise = ChangeCursor()
        self.dispatchers: dict[str, ModelDispatcher] = {}
        self.resolver = ModelResolver()
        self.pod_port = 0
        self._clock = clock
        self._missing = sources
        self._models: dict[str, RoutedModel] = {}
        self._gone: dict[str, None] = {}
        self._ending: dict[str, float] = {}
        self._slices: dict[str, Slice] = {}
        self._slices_of: defaultdict[str, set[str]] = defaultdict(set)
        self._addresses: Counter[str] = Counter()
        self._unresolved: set[Unresolved] = set()

    @property
    def synced(self) -> bool:
        """Whether every watch has listed once: only then an unknown model does not exist."""
        return self._missing == 0

    @property
    def addresses(self) -> set[Address]:
        """The pods that requests may be sent to."""
        return {address for dispatcher in self.dispatchers.values() for address in dispatcher.pods}

    def known(self, key: str) -> bool:
        """Whether the model exists: the dispatcher of a deleted one stays for a while."""
        return key in self._models

    def wait_for_sync(self, request: Unresolved) -> None:
        """Has the request resolved as soon as the models are known."""
        self._unresolved.add(request)

    def forget(self, request: Unresolved) -> None:
        """Removes a request that waits for the models."""
        self._unresolved.discard(request)

    def waiting(self) -> list[Unresolved | PendingRequest]:
        """All requests that wait, for a pod or to be resolved."""
        return [
            *self._unresolved,
            *(pending for dispatcher in self.dispatchers.values() for pending in dispatcher.queue),
        ]

    def listed(self) -> None:
        """One more watch has listed for the first time."""
        self._missing -= 1
        if self.synced:
            _log.info("%d models are known", len(self._models))
            self.resolver.complete()
            requests, self._unresolved = self._unresolved, set()
            for request in requests:
                request.resolve()

    def replace_models(self, known: Iterable[str], documents: Mapping[str, Object]) -> None:
        """Replaces the `known` objects of a watch (by key) with the listed ones."""
        models = {key: model for key, document in documents.items() if (model := _read(read_model, document))}
        removed = set(known) - models.keys()
        changed = {key for key, model in models.items() if self._models.get(key) != model}
        if not removed and not changed:
            return
        named = {key: _naming(self._models[key]) for key in changed if key in self._models}
        for key in removed:
            self._models.pop(key, None)
        self._models.update(models)
        renamed = [models[key] for key in changed if named.get(key) != _naming(models[key])]
        if removed or renamed:
            self.resolver.change(renamed, removed)
        for key in changed:
            self._gone.pop(key, None)
            self._ending.pop(key, None)
            self._update_dispatcher(key)
        for key in removed & self.dispatchers.keys():
            self._close_dispatcher(self.dispatchers[key])
        self._forget_gone()

    def replace_namespaces(self, known: Iterable[str], documents: Mapping[str, Object]) -> None:
        """The same for Namespaces."""
        self.resolver.change_namespaces(documents, set(known) - documents.keys())

    def replace_slices(self, known: Iterable[str], documents: Mapping[str, Object]) -> None:
        """The same for EndpointSlices."""
        read = functools.partial(read_slice, port=self.pod_port)
        slices = {key: part for key, document in documents.items() if (part := _read(read, document))}
        concerned = {model for key in set(known) - slices.keys() if (model := self._drop_slice(key))}
        for key, part in slices.items():
            former = self._slices.get(key)
            if former != part:
                concerned |= {part.model, self._drop_slice(key) or part.model}
                self._keep_slice(key, part)
        if concerned:
            self._set_endpoints(concerned)

    def pods(self) -> Iterator[tuple[RoutedModel, int]]:
        """The models that have pods on nodes, and how many each has, with those that start."""
        for key, slices in self._slices_of.items():
            if (model := self._models.get(key)) is not None:
                pods = frozenset().union(*(self._slices[part].pods for part in slices))
                yield model, min(len(pods), MAX_PODS)

    def sweep(self, now: float) -> None:
        """About a second has passed."""
        while self._ending and now - self._ending[key := next(iter(self._ending))] > SERVICE_END_SECONDS:
            del self._ending[key]
            self.resolver.release_word(key)
        for dispatcher in self.dispatchers.values():
            dispatcher.sweep(now)

    def figures(self) -> dict[str, RouterFigures]:
        """The demand of every model."""
        return {key: self.dispatchers[key].figures() for key in self._models}

    def _update_dispatcher(self, key: str) -> None:
        dispatcher = self.dispatchers.get(key)
        if dispatcher is None:
            dispatcher = self.dispatchers[key] = ModelDispatcher(self._models[key], self._clock, self.rise.up)
        dispatcher.change(self._models[key])
        if dispatcher.pods:
            dispatcher.dispatch()
        else:  # a new model, or one of a former name
            self._set_endpoints({key})

    def _close_dispatcher(self, dispatcher: ModelDispatcher) -> None:
        """Removes a model. Its dispatcher stays for its counters, which must not fall if the model returns.

        Waiting requests are not resolved again: another model, perhaps of another owner, may have the name
        now.
        """
        if dispatcher.model.key not in self._gone:
            self._gone[dispatcher.model.key] = None
            self._ending[dispatcher.model.key] = self._clock()
        dispatcher.set_endpoints(())
        message = f"The model '{dispatcher.model.served_name}' was deleted while the request waited for it."
        for pending in list(dispatcher.queue):
            pending.dismiss(ApiError(404, message, "model_not_found", "model"))

    def _forget_gone(self) -> None:
        while len(self._gone) > MAX_GONE_MODELS:
            dispatchers = ((key, self.dispatchers[key]) for key in self._gone)
            idle = (
                key
                for key, dispatcher in dispatchers
                if not dispatcher.in_flight and not len(dispatcher.queue)
            )
            if (key := next(idle, None)) is None:
                return
            del self._gone[key], self.dispatchers[key]
            self._ending.pop(key, None)
            self.resolver.forget(key)

    def _keep_slice(self, key: str, part: Slice) -> None:
        namespace = part.model.partition("/")[0]
        # An empty slice takes some memory too.
        room = MAX_NAMESPACE_ADDRESSES - self._addresses[namespace] - 1
        if room < len(part.pods):
            _log.warning("namespace %s has more endpoints than are kept; %s is cut", namespace, key)
            ready = sorted(part.ready)[: max(0, room)]
            part = Slice(part.model, frozenset(ready), frozenset(address.pod for address in ready))
        if room >= 0:
            self._slices[key] = part
            self._slices_of[part.model].add(key)
            self._addresses[namespace] += 1 + len(part.pods)

    def _drop_slice(self, key: str) -> str:
        """Removes a slice. Returns its model, "" if there was none."""
        part = self._slices.pop(key, None)
        if part is None:
            return ""
        self._slices_of[part.model].discard(key)
        if not self._slices_of[part.model]:
            del self._slices_of[part.model]
        namespace = part.model.partition("/")[0]
        self._addresses[namespace] -= 1 + len(part.pods)
        if not self._addresses[namespace]:
            del self._addresses[namespace]
        return part.model

    def _set_endpoints(self, models: set[str]) -> None:
        for model in models & self.dispatchers.keys():
            parts = [self._slices[key] for key in self._slices_of.get(model, ())]
            ready = {address for part in parts for address in part.ready}
            self.dispatchers[model].set_endpoints(nsmallest(MAX_PODS, _one_of_each_pod(ready)))


def _one_of_each_pod(addresses: Iterable[Address]) -> Iterable[Address]:
    """One address of each pod, always the same. A dual-stack Service has slices of both families, and a pod
    that counted twice would get twice its share.
    """
    return {address.pod: address for address in sorted(addresses, reverse=True)}.values()


def _naming(model: RoutedModel) -> tuple[object, ...]:
    """The parts of a model by which it is found."""
    return (model.names, model.adapters, model.dialect, model.created, model.granted)


def _read(read: Callable[[Object], Any], document: Object) -> Any:
    """The parsed object, None if it cannot be read: one invalid object must not hide the others."""
    try:
        return read(document)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError):
        name = (document.get("metadata") or {}).get("name")
        _log.exception("%s %r could not be read and is left out", document.get("kind", "an object"), name)
        return None
