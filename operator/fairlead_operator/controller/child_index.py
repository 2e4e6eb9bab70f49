"""What the watches have shown of each model's children: names, never contents.

A reconcile reads its children live and by name. That costs the API server less than a list, and does not wait
for a tenth of a second, as a list does, until a cache has caught up. Which names there are beside the
rendered ones, left behind by an older spec or an older operator, only the watches know: they show every
labelled child once after a start and after each break.
"""

from __future__ import annotations

from dataclasses import dataclass

from fairlead_operator.bounds import MODEL_CHILDREN
from fairlead_operator.kube.resources import BY_KIND, MODEL_DEPLOYMENT

Key = tuple[str, str]


@dataclass(frozen=True)
class WatchEvent:
    """An event of a watch: the model's (namespace, name), the object's kind, name and resourceVersion,
    whether it is gone, and whether the model owns it. Anybody can give an object the model's label.
    """

    key: Key
    kind: str
    name: str
    version: str
    gone: bool = False
    owned: bool = True


class ChildIndex:
    """Remembers of all models what may exist, and which change was our own."""

    def __init__(self) -> None:
        self._children: dict[Key, set[tuple[str, str]]] = {}
        self._written: dict[Key, str] = {}

    def note(self, seen: WatchEvent) -> bool:
        """Remembers an event. Whether it is news: our own report on a model, coming back, is none."""
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

    def wrote(self, key: Key, version: str) -> None:
        """A report on a model has made this resourceVersion of it."""
        self._written[key] = version

    def expect(self, key: Key, kind: str, name: str) -> None:
        """A child is there or about to be. Beyond MODEL_CHILDREN it is not remembered."""
        children = self._children.setdefault(key, set())
        if len(children) < MODEL_CHILDREN:
            children.add((kind, name))

    def children(self, key: Key) -> frozenset[tuple[str, str]]:
        """(kind, name) of every child that was seen and not seen to go."""
        return frozenset(self._children.get(key, ()))

    def drop(self, key: Key, kind: str, name: str) -> None:
        """A child is gone, as a watch says or a look at it."""
        names = self._children.get(key)
        if names:
            names.discard((kind, name))
            if not names:
                del self._children[key]
