"""Resolves which model holds a name that several models claim.

A name belongs to the model that had it first. The object does not show how long it has claimed a name: its
age does not cover an alias that was added today. So the operator, which sees the claims in their order,
grants each name to one model and records that in the model's status. A grant decides. Without one, as between
two models that are new, the one that holds the name here keeps it; else the older model has it
(metadata.creationTimestamp, which the API server sets), and of two of one second the first by NAMESPACE/NAME.

A user who may write a model's status may forge a grant. That removes no name while this process runs: of
several models with a grant the holder keeps the name too.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from .models import RoutedModel

_Rank = tuple[bool, str, str]


class Claims:
    """The names of all models. The cost of a change depends on its own names, not on the number of models."""

    def __init__(self) -> None:
        self._models: dict[str, RoutedModel] = {}
        self._ranks: dict[str, list[_Rank]] = {}
        self._holders: dict[str, str] = {}
        self._complete = False

    def complete(self) -> None:
        """All models are known: from now on a name stays with its holder."""
        self._complete = True

    def change(self, models: Iterable[RoutedModel], removed: Iterable[str] = ()) -> None:
        """Applies new and changed models, and the keys of deleted ones."""
        touched: set[str] = set()
        for key in removed:
            touched |= self._withdraw(key)
        for model in models:
            touched |= self._withdraw(model.key)
            self._models[model.key] = model
            for name in set(model.names):
                insort(self._ranks.setdefault(name, []), model.rank(name))
                touched.add(name)
        for name in touched:
            self._settle(name)

    def holder(self, name: str) -> RoutedModel | None:
        """The model that has the name."""
        return self._models.get(self._holders.get(name, ""))

    def first(self, name: str, namespace: str) -> RoutedModel | None:
        """The model of this namespace that comes first among those that claim the name."""
        holder = self.holder(name)
        if holder is not None and holder.namespace == namespace:
            return holder
        claimants = (self._models[key] for _, _, key in self._ranks.get(name, ()))
        return next((model for model in claimants if model.namespace == namespace), None)

    def _withdraw(self, key: str) -> set[str]:
        model = self._models.pop(key, None)
        if model is None:
            return set()
        names = set(model.names)
        for name in names:
            ranks = self._ranks[name]
            del ranks[bisect_left(ranks, model.rank(name))]
        return names

    def _settle(self, name: str) -> None:
        ranks = self._ranks.get(name)
        if not ranks:
            self._ranks.pop(name, None)
            self._holders.pop(name, None)
            return
        held = self.holder(name) if self._complete else None
        granted_elsewhere = held is not None and name not in held.granted and not ranks[0][0]
        if held is None or name not in held.names or granted_elsewhere:
            self._holders[name] = ranks[0][2]
