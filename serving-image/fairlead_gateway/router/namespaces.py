"""Which words are names of namespaces: the difference between NAMESPACE/NAME and a hub's ORG/MODEL.

`openai/gpt-oss-20b` has the form of both, so the form alone does not decide. A word is a namespace's name if
the namespace exists, or has existed while this process runs: clients may continue to request its models. If
the namespaces are not known, every word that could be the name of one counts as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from fairlead_gateway.bounds import MAX_FORMER_NAMESPACES

# RFC 1123: a label, and a name of labels. Names of objects in Kubernetes are no longer than 253.
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_OBJECT = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")


class Namespaces:
    """The namespaces of the cluster, or those that are served. `names` is None while they are not known."""

    def __init__(self, names: Iterable[str] | None = None) -> None:
        self._present = None if names is None else set(names)
        self._former: dict[str, None] = {}

    def change(self, added: Iterable[str], removed: Iterable[str] = ()) -> None:
        """Adds existing namespaces and removes deleted ones. From the first call on they are known."""
        present = self._present = self._present or set()
        for name in removed:
            present.discard(name)
            self._former[name] = None
        present.update(added)
        while len(self._former) > MAX_FORMER_NAMESPACES:
            del self._former[next(iter(self._former))]

    def seen(self, name: str) -> None:
        """Adds the namespace of an object: it exists, even before the watch of namespaces shows it."""
        if self._present is not None:
            self._present.add(name)

    def exists(self, name: str) -> bool:
        """Whether a namespace of this name is known to exist."""
        return self._present is not None and name in self._present

    def named_in(self, text: str) -> str:
        """The namespace that a text means by the form NAMESPACE/NAME or NAMESPACE/NAME/ID; "" if it means
        none.
        """
        namespace, slash, rest = text.partition("/")
        if not slash or not _NAMESPACE.fullmatch(namespace):
            return ""
        if not _OBJECT.fullmatch(rest.partition("/")[0]):
            return ""
        known = self._present is None or namespace in self._present or namespace in self._former
        return namespace if known else ""
