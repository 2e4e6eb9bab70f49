"""The names of each model's children, from the watches.

A reconcile reads its children live and by name. That costs the API server less than a list, and does not wait
for a tenth of a second, as a list does, until a cache has caught up. Names beside the rendered ones, left
behind by an older spec or operator, come from the watches: they show every labelled child once after a start
and after each reconnection.
"""

from __future__ import annotations

from dataclasses import dataclass

from fairlead_operator.bounds import MODEL_CHILDREN
from fairlead_operator.kube.resources import BY_KIND, MODEL_DEPLOYMENT

Key = tuple[str, str]


@dataclass(frozen=True)
class WatchEvent:
    """An event of a watch: the model's (namespace, name), the object's kind, name and resourceVersion,
    whether it is gone, and whether the model owns it. Any user can give an object the model's label.
    """

    key: Key
    kind: str
    name: str
    version: str
    gone: bool = False
    owned: bool = True


class ChildIndex:
    """Remembers which children of all models may exist, and which status was written by this operator."""

    def __init__(self) -> None:
        self._children: dict[Key, set[tuple[str, str]]] = {}
        self._written: dict[Key, str] = {}

    def record(self, seen: WatchEvent) -> bool:
        """Remembers an event. Returns False for the event of our own status write, else True."""
        if seen.kind == MODEL_DEPLOYMENT.kind:
            if seen.gone:
                self._written.pop(seen.key, None)
            return self._written.get(seen.key) != seen.version
        if seen.kind in BY_KIND:
            if seen.gone:
                self.drop(seen.key, seen.kind, seen.name)
            elif seen.owned:
                self.expect(seen.key, seen.kind, seen.name)
        return True

    def record_write(self, key: Key, version: str) -> None:
        """Remembers the resourceVersion of our own status write."""
        self._written[key] = version

    def expect(self, key: Key, kind: str, name: str) -> None:
        """Adds a child that exists or is about to. Beyond MODEL_CHILDREN it is not remembered."""
        children = self._children.setdefault(key, set())
        if len(children) < MODEL_CHILDREN:
            children.add((kind, name))

    def children(self, key: Key) -> frozenset[tuple[str, str]]:
        """(kind, name) of every child that was seen and whose deletion was not."""
        return frozenset(self._children.get(key, ()))

    def drop(self, key: Key, kind: str, name: str) -> None:
        """Removes a child that a watch or a read showed to be gone."""
        names = self._children.get(key)
        if names:
            names.discard((kind, name))
            if not names:
                del self._children[key]
