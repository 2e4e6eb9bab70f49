"""Which model a request means.

`NAMESPACE/NAME` always means that ModelDeployment, `NAMESPACE/NAME/ID` one of its names. Every other text is
a served name, an alias or an adapter of exactly one model; if several have it, the answer lists how to tell
them apart. A request that came by a model's own Service, as its Host header shows, means that model first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from fairlead_gateway.contract.errors import ApiError, invalid, missing

from .catalogue import Model

_LISTED = 8


@dataclass(frozen=True, slots=True)
class Meant:
    """A model, and the name under which its gateways know what was asked for; None if it was named so."""

    model: Model
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list of models. `parent` is the entry of an adapter's model."""

    id: str
    parent: str | None


class Directory:
    """The models by all their names. Replaced as a whole when a name changes."""

    def __init__(self, models: Iterable[Model] = ()) -> None:
        self._by_key = {model.key: model for model in models}
        self._by_id: dict[str, list[Model]] = {}
        self._by_name: dict[str, list[Model]] = {}
        for _, model in sorted(self._by_key.items()):
            self._by_name.setdefault(model.name, []).append(model)
            for name in dict.fromkeys(model.names):
                self._by_id.setdefault(name, []).append(model)

    def resolve(self, asked: str | None, host: str = "") -> Meant:
        """The model that a request means. Raises ApiError 400 or 404 that lists what could be meant."""
        own = self.by_host(host) if host else None
        if asked is None:
            if own is None:
                raise missing("model")
            return Meant(own)
        if own is not None and asked in own.names:
            return Meant(own)
        if (meant := self._by_path(asked)) is not None:
            return meant
        found = self._by_id.get(asked, ())
        if len(found) == 1:
            return Meant(found[0])
        raise self._ambiguous(asked) if found else self._unknown(asked)

    def by_host(self, host: str) -> Model | None:
        """The model whose Service a Host header names: NAME, NAME.NAMESPACE or NAME.NAMESPACE.svc..."""
        labels = host.rpartition(":")[0].split(".") if ":" in host else host.split(".")
        if len(labels) == 1:
            found = self._by_name.get(labels[0], ())
            return found[0] if len(found) == 1 else None
        if len(labels) > 2 and labels[2] != "svc":
            return None
        return self._by_key.get(f"{labels[1]}/{labels[0]}")

    def entries(self, model: Model | None = None) -> list[Entry]:
        """All names, or those of one model, each so that a request with it is served."""
        if model is not None:
            parent = model.served_name
            return [Entry(name, parent if name in model.adapters else None) for name in model.names]
        return list(self._all_entries())

    def _all_entries(self) -> Iterator[Entry]:
        for _, model in sorted(self._by_key.items()):
            for name in dict.fromkeys(model.names):
                parent = self._id(model, model.served_name) if name in model.adapters else None
                yield Entry(self._id(model, name), parent)

    def _id(self, model: Model, name: str) -> str:
        """What to call this name of a model: as it is, unless other models have it too."""
        return name if len(self._by_id[name]) == 1 else _path(model, name)

    def _by_path(self, asked: str) -> Meant | None:
        parts = asked.split("/", 2)
        model = self._by_key.get("/".join(parts[:2])) if len(parts) > 1 else None
        if model is None:
            return None
        if len(parts) == 2:
            return Meant(model, model.served_name)
        return Meant(model, parts[2]) if parts[2] in model.names else None

    def _ambiguous(self, asked: str) -> ApiError:
        choices = ", ".join(_path(model, asked) for model in self._by_id[asked][:_LISTED])
        message = f"Several models are called '{asked}'; ask for one of them by its full name: {choices}."
        return invalid(message, "model", "ambiguous_model")

    def _unknown(self, asked: str) -> ApiError:
        ids = [entry.id for entry in self._all_entries()]
        near = get_close_matches(asked, ids, _LISTED) or ids[:_LISTED]
        known = f" There is: {', '.join(near)}." if near else " There are no models yet."
        message = f"The model '{asked}' does not exist.{known} GET /v1/models lists all."
        return ApiError(404, message, "model_not_found", "model")


def _path(model: Model, name: str) -> str:
    return model.key if name == model.served_name else f"{model.key}/{name}"
