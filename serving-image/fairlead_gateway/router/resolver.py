"""Which model a request means. No request that is meant for a model of one namespace reaches one of another.

1. `NAMESPACE/NAME` means that ModelDeployment, `NAMESPACE/NAME/ID` one of its names. While it does not exist
   the request is a 404. Served names in a hub's form, such as `Qwen/Qwen3-8B` or `openai/gpt-oss-20b`, differ
   by the first word: if it is a namespace's name (`namespaces`), only models in that namespace can have such
   a name.
2. Every other text is a short name: a served name, an alias or an adapter. It means the model that has it
   (`claims`); a model that claims a name of another one is served by its full name.
3. A request that came by a model's own Service, as its Host header shows (NAME.NAMESPACE or
   NAME.NAMESPACE.svc...), means that model. Other short names are looked for in its namespace alone, also
   when the model is deleted or not known yet: who calls a Service of one namespace sends nothing to another
   one, unless the request says so by a full name.
4. A Host of one word does not say which namespace is meant. If it is the name of a model, the request is
   served only if its short name means that very model, and no other model of this name is known or was
   lately. `localhost` and the router's own Service are the exceptions: they are for all models.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import nsmallest

from fairlead_gateway.bounds import MAX_MODEL_NAME_BYTES
from fairlead_gateway.contract.errors import ApiError, invalid, missing

from .claims import Claims
from .models import RoutedModel
from .namespaces import Namespaces
from .nearest import Nearest

_LISTED = 8
# Characters of an unknown name that the answer quotes.
_QUOTED_CHARACTERS = 128


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model, and the name that its gateways know; None if the request has that name already."""

    model: RoutedModel
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list of models. `parent` is the entry of an adapter's model, `root` the served name of
    a model that was requested by its full name, `created` the age of the ModelDeployment (Unix seconds).
    """

    id: str
    parent: str | None
    root: str | None = None
    created: int = 0


@dataclass(frozen=True, slots=True)
class _Origin:
    """By which Service a request came: the model that it belongs to, the namespace that short names are
    looked for in, "" for all, and the models of which a Host of one word could be the name.
    """

    model: RoutedModel | None = None
    namespace: str = ""
    candidates: frozenset[str] = frozenset()


_ANYWHERE = _Origin()


class ModelResolver:
    """The models by all their names. `service` is the router's own Service, as NAME.NAMESPACE."""

    def __init__(self, models: Iterable[RoutedModel] = (), namespaces: Namespaces | None = None) -> None:
        self.namespaces = namespaces or Namespaces()
        self.service = ""
        self._by_key: dict[str, RoutedModel] = {}
        self._by_name: dict[str, set[str]] = {}
        self._by_namespace: dict[str, set[str]] = {}
        self._former: set[str] = set()
        self._claims = Claims()
        self._entries: list[Entry] | None = None
        self._nearest: Nearest | None = None
        self.change(models)

    def change(self, models: Iterable[RoutedModel], removed: Iterable[str] = ()) -> None:
        """Applies new and changed models, and the keys of deleted ones."""
        models, removed = tuple(models), tuple(removed)
        for key in removed:
            if self._by_key.pop(key, None) is not None:
                self._former.add(key)
            _drop(self._by_namespace, key.partition("/")[0], key)
        for model in models:
            self._former.discard(model.key)
            self._by_key[model.key] = model
            self._by_name.setdefault(model.name, set()).add(model.key)
            self._by_namespace.setdefault(model.namespace, set()).add(model.key)
            self.namespaces.seen(model.namespace)
        self._claims.change(models, removed)
        self._entries = self._nearest = None

    def change_namespaces(self, added: Iterable[str], removed: Iterable[str] = ()) -> None:
        """Adds existing namespaces and removes deleted ones."""
        self.namespaces.change(added, removed)
        self._entries = self._nearest = None

    def complete(self) -> None:
        """Marks all models as known: from now on a short name stays with the model that has it."""
        self._claims.complete()

    def release_word(self, key: str) -> None:
        """A Host of one word does not mean this deleted model any more."""
        if key not in self._by_key:
            _drop(self._by_name, key.partition("/")[2], key)

    def forget(self, key: str) -> None:
        """No Host means this deleted model any more."""
        self.release_word(key)
        self._former.discard(key)

    def resolve(self, requested: str | None, host: str = "") -> ResolvedModel:
        """The model that a request means. Raises ApiError 400 or 404 with similar names."""
        origin = self._origin(host)
        if requested is None:
            if origin.model is None:
                raise missing("model")
            return ResolvedModel(origin.model)
        if _is_too_long(requested):
            raise self._unknown(requested)
        if origin.namespace and origin.model is not None and requested in origin.model.names:
            return ResolvedModel(origin.model)
        if (meant := self._by_path(requested)) is not None:
            return meant
        return ResolvedModel(self._by_short_name(requested, origin))

    def by_host(self, host: str) -> RoutedModel | None:
        """The model whose own Service a Host header names."""
        return self._origin(host).model

    def entries(self, model: RoutedModel | None = None) -> list[Entry]:
        """All names, or those of one model, each so that a request with it is served. The list of all is the
        same object until something changes.
        """
        if model is not None:
            parent, created = model.served_name, model.created_seconds
            return [
                Entry(name, parent if name in model.adapters else None, created=created)
                for name in model.names
            ]
        if self._entries is None:
            self._entries = list(self._all_entries())
        return self._entries

    def entry(self, requested: str, host: str = "") -> Entry:
        """The line of the list for a name, which may also be a full name. Raises what `resolve` does."""
        meant = self.resolve(requested, host)
        model, created = meant.model, meant.model.created_seconds
        if (meant.name or requested) not in model.adapters:
            return Entry(requested, None, model.served_name if meant.name else None, created=created)
        parent = model.served_name if self.by_host(host) else self._id(model, model.served_name)
        return Entry(requested, parent, created=created)

    def _origin(self, host: str) -> _Origin:
        labels = host.partition(":")[0].rstrip(".").split(".", 3)
        if len(labels) == 1:
            return self._origin_of_word(labels[0])
        if len(labels) > 2 and labels[2] != "svc":
            return _ANYWHERE
        name, namespace = labels[:2]
        key = f"{namespace}/{name}"
        if model := self._by_key.get(key):
            return _Origin(model, namespace)
        if key in self._former:
            return _Origin(None, namespace)
        own = self.service.partition(".")[2]
        if len(labels) > 2 and namespace != own and self.namespaces.exists(namespace):
            return _Origin(None, namespace)
        return _ANYWHERE

    def _origin_of_word(self, word: str) -> _Origin:
        candidates = frozenset(self._by_name.get(word, ()))
        if not candidates or word in ("localhost", self.service.partition(".")[0]):
            return _ANYWHERE
        only = next(iter(candidates)) if len(candidates) == 1 else ""
        return _Origin(self._by_key.get(only), "", candidates)

    def _by_path(self, requested: str) -> ResolvedModel | None:
        model, name = self._split(requested)
        if model is None:
            return None
        if name is None:
            return ResolvedModel(model, model.served_name)
        if name in model.names:
            return ResolvedModel(model, name)
        if requested in model.names:
            return ResolvedModel(model)
        raise self._unknown(requested, model.namespace)

    def _split(self, requested: str) -> tuple[RoutedModel | None, str | None]:
        """The model whose full name a text begins with, and the rest of the text."""
        parts = requested.split("/", 2)
        model = self._by_key.get("/".join(parts[:2])) if len(parts) > 1 else None
        return model, parts[2] if len(parts) > 2 else None

    def _by_short_name(self, requested: str, origin: _Origin) -> RoutedModel:
        named = self.namespaces.named_in(requested)
        namespace = named or origin.namespace
        found = self._claims.first(requested, namespace) if namespace else self._claims.holder(requested)
        if found is None:
            raise self._unknown(requested, namespace)
        if origin.candidates and not named and origin.candidates != {found.key}:
            raise self._ambiguous(requested)
        return found

    def _all_entries(self) -> Iterator[Entry]:
        for _, model in sorted(self._by_key.items()):
            created = model.created_seconds
            for name in dict.fromkeys(model.names):
                parent = self._id(model, model.served_name) if name in model.adapters else None
                yield Entry(self._id(model, name), parent, created=created)

    def _id(self, model: RoutedModel, name: str) -> str:
        """The name by which a request reaches the model: the short name, or the full one if another model has
        it."""
        namespace = self.namespaces.named_in(name)
        found = self._claims.first(name, namespace) if namespace else self._claims.holder(name)
        shadowed, _ = self._split(name)
        if found is not None and found.key == model.key and shadowed in (None, model):
            return name
        return model.key if name == model.served_name else f"{model.key}/{name}"

    def _unknown(self, requested: str, namespace: str = "") -> ApiError:
        near = self._in_namespace(namespace) or self._alike(requested)
        where = f" in namespace {namespace}" if namespace else ""
        known = f" There is: {', '.join(near)}." if near else " There are no models yet."
        message = f"The model '{_quoted(requested)}' does not exist{where}.{known} GET /v1/models lists all."
        return ApiError(404, message, "model_not_found", "model")

    def _in_namespace(self, namespace: str) -> list[str]:
        models = (self._by_key[key] for key in nsmallest(_LISTED, self._by_namespace.get(namespace, ())))
        return [self._id(model, model.served_name) for model in models]

    def _alike(self, requested: str) -> list[str]:
        if self._nearest is None:
            self._nearest = Nearest(entry.id for entry in self._all_entries())
        # A model that claims another one's full name is not a suggestion for it.
        return [name for name in self._nearest.find(requested, _LISTED) if not name.endswith(f"/{requested}")]

    def _ambiguous(self, requested: str) -> ApiError:
        message = (
            f"The Host header has no namespace, so the model '{_quoted(requested)}' is ambiguous. "
            "Use NAME.NAMESPACE as the host of the base URL, or NAMESPACE/NAME as the model."
        )
        return invalid(message, "model", "ambiguous_model")


def _drop(index: dict[str, set[str]], word: str, key: str) -> None:
    keys = index.get(word, set())
    keys.discard(key)
    if not keys:
        index.pop(word, None)


def _is_too_long(requested: str) -> bool:
    most = MAX_MODEL_NAME_BYTES
    return len(requested) > most or len(requested.encode(errors="replace")) > most


def _quoted(requested: str) -> str:
    return requested if len(requested) <= _QUOTED_CHARACTERS else f"{requested[:_QUOTED_CHARACTERS]}..."
