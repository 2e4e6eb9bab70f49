"""Grants names at the router where several models claim them: served names, aliases and adapters.

A name belongs to the model that had it first. The object does not show how long it has claimed a name: its
age does not cover an alias that was added today, and one tenant must not take a name from another one that
way. So names are granted here in the order of the claims, and the grants are recorded in
`status.servedModels`. A model keeps its names for as long as it claims them. When an operator starts, records
decide; of several with a record, or without one, the oldest model has the name (metadata.creationTimestamp,
which the API server sets), and of two of one second the first by NAMESPACE/NAME. While an operator runs, a
record that another program writes changes no grant.

NAMESPACE/NAME and NAMESPACE/NAME/ID are names of that model, whether it exists or not. Only the router knows
all names of namespaces; here those count that are watched or have a model.

The router decides by the same rules (`fairlead_gateway.router.claims`, `namespaces`).
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead_operator.plan.findings import LONGEST_CAUSE, Finding

Object = dict[str, Any]
_Rank = tuple[bool, str, str]

CONDITION = "ServedNameTaken"
# Names that a message lists. With the longest names, it is cut before.
_LISTED = 8
# An object without a time comes behind all others.
_NEVER = "~"
_FULL_NAME = re.compile(
    r"([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)/([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)(?:/|$)"
)


@dataclass(frozen=True)
class Claim:
    """The names that a model claims; `recorded` are those that its status has. `key` is NAMESPACE/NAME."""

    key: str
    uid: str
    created: str
    names: tuple[str, ...]
    recorded: frozenset[str] = frozenset()

    @property
    def namespace(self) -> str:
        """The namespace of the model."""
        return self.key.partition("/")[0]

    def rank(self, name: str) -> _Rank:
        """Where it stands among the models that claim this name; the least is the first."""
        return (name not in self.recorded, self.created, self.key)


def claim_of(body: Object) -> Claim:
    """The claim of a ModelDeployment, valid or not: the names that the router reads."""
    metadata, model = body["metadata"], (body.get("spec") or {}).get("model") or {}
    adapters = (adapter.get("name") for adapter in model.get("adapters") or ())
    names = (model.get("servedName") or metadata["name"], *(model.get("aliases") or ()), *adapters)
    return Claim(
        key=f"{metadata['namespace']}/{metadata['name']}",
        uid=metadata.get("uid", ""),
        created=metadata.get("creationTimestamp") or _NEVER,
        names=tuple(dict.fromkeys(name for name in names if isinstance(name, str))),
        recorded=frozenset((body.get("status") or {}).get("servedModels") or ()),
    )


def claiming_part(body: Object) -> Object:
    """The part of a ModelDeployment that its claim needs, so that a list of all takes little memory."""
    metadata, model = body["metadata"], (body.get("spec") or {}).get("model") or {}
    adapters = [{"name": adapter.get("name")} for adapter in model.get("adapters") or ()]
    return {
        "metadata": {key: metadata.get(key) for key in ("namespace", "name", "uid", "creationTimestamp")},
        "spec": {
            "model": {key: model.get(key) for key in ("servedName", "aliases")} | {"adapters": adapters}
        },
        "status": {"servedModels": (body.get("status") or {}).get("servedModels")},
    }


class ServedNames:
    """The claims of all models. `namespaces` are those that are watched, if not all are."""

    def __init__(self, namespaces: Iterable[str] = ()) -> None:
        self._claims: dict[str, Claim] = {}
        self._ranks: dict[str, list[_Rank]] = {}
        self._holders: dict[str, str] = {}
        self._models_in: Counter[str] = Counter(namespaces)

    @property
    def keys(self) -> Iterable[str]:
        """NAMESPACE/NAME of all models whose claims are known."""
        return self._claims.keys()

    def learn(self, claims: Iterable[Claim]) -> None:
        """The claims of all models that exist: before they are known, no name is granted."""
        for claim in claims:
            self._add(claim)
        for name, ranks in self._ranks.items():
            self._holders[name] = ranks[0][2]

    def put(self, claim: Claim) -> set[str]:
        """Updates the claim of a model. Returns the keys of other models that get a name by this."""
        former = self._claims.get(claim.key)
        gained = self.remove(claim.key) if former and former.uid != claim.uid else set()
        touched = self._take(claim.key) | {*claim.names}
        self._add(claim)
        return (gained | self._settle(touched)) - {claim.key}

    def remove(self, key: str) -> set[str]:
        """Removes a model. Returns the keys of the models that get a name by this."""
        return self._settle(self._take(key))

    def taken(self, key: str) -> Mapping[str, str]:
        """The names that this model claims and another one has, with the holder's NAMESPACE/NAME."""
        claim = self._claims[key]
        holders = {name: self._owner(name, claim) for name in claim.names}
        return {name: holder for name, holder in holders.items() if holder != key}

    def _owner(self, name: str, claim: Claim) -> str:
        if match := _FULL_NAME.match(name):
            namespace, full = match[1], f"{match[1]}/{match[2]}"
            if full in self._claims or (namespace != claim.namespace and self._models_in[namespace]):
                return full
            if namespace == claim.namespace:
                return self._first_in(namespace, name)
        return self._holders[name]

    def _first_in(self, namespace: str, name: str) -> str:
        holder, prefix = self._holders[name], f"{namespace}/"
        if holder.startswith(prefix):
            return holder
        return next(key for _, _, key in self._ranks[name] if key.startswith(prefix))

    def _add(self, claim: Claim) -> None:
        self._claims[claim.key] = claim
        self._models_in[claim.namespace] += 1
        for name in claim.names:
            insort(self._ranks.setdefault(name, []), claim.rank(name))

    def _take(self, key: str) -> set[str]:
        claim = self._claims.pop(key, None)
        if claim is None:
            return set()
        self._models_in[claim.namespace] -= 1
        for name in claim.names:
            ranks = self._ranks[name]
            del ranks[bisect_left(ranks, claim.rank(name))]
        return {*claim.names}

    def _settle(self, names: set[str]) -> set[str]:
        """Grants the names again whose holders do not claim them any more. The keys of the new holders."""
        gained = set()
        for name in names:
            ranks = self._ranks.get(name)
            if not ranks:
                self._ranks.pop(name, None)
                self._holders.pop(name, None)
                continue
            held = self._claims.get(self._holders.get(name, ""))
            if held is None or name not in held.names:
                self._holders[name] = ranks[0][2]
                gained.add(ranks[0][2])
        return gained


def taken_finding(taken: Mapping[str, str]) -> Finding | None:
    """The finding about names that other models have; None if there are none. An unknown holder is empty."""
    if not taken:
        return None
    texts = [_text(name, holder) for name, holder in sorted(taken.items())[:_LISTED]]
    more = f" and {len(taken) - _LISTED} more" if len(taken) > _LISTED else ""
    return Finding(CONDITION, f"{'; '.join(texts)}{more}"[:LONGEST_CAUSE])


def _text(name: str, holder: str) -> str:
    if not holder:
        return f"{name} is a name of another ModelDeployment"
    verb = "is a full name of" if name == holder or name.startswith(f"{holder}/") else "is a name of"
    return f"{name} {verb} ModelDeployment {holder}"
