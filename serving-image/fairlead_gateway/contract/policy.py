"""What decides about a parameter for one served model: the catalogue, narrowed by dialect and deployment.

Everything that does not depend on the request is worked out once, when the policy is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from .dialects import DIALECTS, Dialect, Document
from .parameters import PARAMETERS, Api, Handling, Parameter
from .values import ABSENT, Kind, Limit, Number, shown

# One bound under three names; a limit on one holds for all.
OUTPUT_LIMITS = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens"})
# What every request must say itself.
_NEVER_A_DEFAULT = frozenset({"model", "messages", "input", "stream"})


@dataclass(frozen=True)
class EngineFacts:
    """How the engine is configured, as far as a parameter depends on it."""

    context_length: int | None = None
    """vLLM's max_model_len in tokens; None while it is not known."""
    schedules_by_priority: bool = False
    structured_outputs_backend: str = "auto"
    request_chat_templates: bool = False
    media_domains: tuple[str, ...] = ()
    """Hosts that the engine may fetch media from. data: URLs need none."""
    max_logprobs: int = 20


@dataclass(frozen=True)
class Table:
    """One API's parameters under a policy."""

    kinds: Mapping[str, Kind]
    accepts: Mapping[str, Callable[[Any], bool]]
    defaults: Mapping[str, Any]
    ignored: frozenset[str]
    refused: Mapping[str, Parameter]


@dataclass(frozen=True)
class Policy:
    """Decides about every parameter of one served model. Made by `make_policy`."""

    served: tuple[str, ...]
    dialect: Dialect
    defaults: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Limit] = field(default_factory=dict)
    reject_unknown: bool = False
    engine: EngineFacts = EngineFacts()
    tables: Mapping[Api, Table] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tables", MappingProxyType({api: self._table(api) for api in Api}))

    def with_engine(self, engine: EngineFacts) -> Policy:
        """The same policy for an engine of which more is known now."""
        return replace(self, engine=engine)

    def _table(self, api: Api) -> Table:
        parameters = PARAMETERS[api]
        document = _document(self.dialect, api)
        kinds = {name: parameter.value for name, parameter in parameters.items()}
        kinds |= {
            entry.name: entry.value for entry in document.parameters if entry.value and entry.name in kinds
        }
        for name, limit in _spread(self.limits).items():
            kind = kinds.get(name)
            if isinstance(kind, Number):
                kinds[name] = kind.limited(limit)
        return Table(
            kinds=MappingProxyType(kinds),
            accepts={name: kind.accepts for name, kind in kinds.items()},
            defaults=MappingProxyType(self._injected(api, document, kinds)),
            ignored=frozenset(n for n, p in parameters.items() if p.handling is Handling.IGNORED),
            refused=MappingProxyType({n: p for n, p in parameters.items() if p.handling is Handling.REFUSED}),
        )

    def _injected(self, api: Api, document: Document, kinds: Mapping[str, Kind]) -> dict[str, Any]:
        """Defaults that a request without the parameter gets. Those the engine has anyway are left out."""
        parameters = PARAMETERS[api]
        found = {
            entry.name: _within(entry.default, kinds[entry.name])
            for entry in document.parameters
            if entry.name in parameters
            and entry.name not in _NEVER_A_DEFAULT
            and entry.default is not ABSENT
            and parameters[entry.name].handling is not Handling.CONSUMED
            and entry.default != parameters[entry.name].engine_default
        }
        own = {name: value for name, value in self.defaults.items() if name in parameters}
        if own.keys() & OUTPUT_LIMITS:
            found = {name: value for name, value in found.items() if name not in OUTPUT_LIMITS}
        return self._output_default(api, found | own)

    def _output_default(self, api: Api, found: dict[str, Any]) -> dict[str, Any]:
        """At most one name for the bound on the output, within the context and the deployment's limit."""
        bounds = [found.pop(name) for name in sorted(OUTPUT_LIMITS) if name in found]
        maximum = _spread(self.limits).get("max_tokens", Limit()).maximum
        if maximum is not None:
            bounds.append(int(maximum))
        if not bounds:
            return found
        if self.engine.context_length is not None:
            bounds.append(max(1, self.engine.context_length - 1))
        return found | {"max_tokens" if api is Api.CHAT else "max_output_tokens": min(bounds)}


def make_policy(
    served: tuple[str, ...],
    dialect_name: str = "OpenAI",
    defaults: Mapping[str, Any] | None = None,
    limits: Mapping[str, Limit] | None = None,
    reject_unknown: bool = False,
    engine: EngineFacts | None = None,
) -> Policy:
    """The policy of a deployment. Raises ValueError that names the field of `spec.api` and the remedy."""
    if not served:
        raise ValueError("A policy needs at least one served name.")
    dialect = DIALECTS.get(dialect_name)
    if dialect is None:
        raise ValueError(f"api.dialect must be one of {', '.join(DIALECTS)} (got {dialect_name}).")
    policy = Policy(tuple(served), dialect, {}, limits or {}, reject_unknown, engine or EngineFacts())
    _check_limits(policy)
    _check_defaults(policy, defaults or {})
    return replace(policy, defaults=dict(defaults or {}))


def _document(dialect: Dialect, api: Api) -> Document:
    """The dialect's document of the API; the first one stands in, for the names that both APIs have."""
    return next((found for found in dialect.documents if found.api is api), dialect.documents[0])


def _spread(limits: Mapping[str, Limit]) -> dict[str, Limit]:
    """The limits with one on the output's length under all of its names."""
    for name in sorted(OUTPUT_LIMITS & limits.keys()):
        return dict.fromkeys(OUTPUT_LIMITS, limits[name]) | dict(limits)
    return dict(limits)


def _within(default: Any, kind: Kind) -> Any:
    """A document's default, moved into what the deployment allows."""
    if not isinstance(kind, Number):
        return default
    lowest = default if kind.minimum is None else max(default, kind.minimum)
    return lowest if kind.maximum is None else min(lowest, kind.maximum)


def _check_limits(policy: Policy) -> None:
    for name, limit in policy.limits.items():
        where = f"api.limits.{name}"
        parameters = [PARAMETERS[api][name] for api in Api if name in PARAMETERS[api]]
        if not parameters:
            raise ValueError(f"{where}: there is no such parameter. Remove it.")
        if not all(isinstance(parameter.value, Number) for parameter in parameters):
            raise ValueError(f"{where}: only numeric parameters have limits. Remove it.")
        _check_limit(
            where, limit, next(policy.tables[api].kinds[name] for api in Api if name in PARAMETERS[api])
        )


def _check_limit(where: str, limit: Limit, kind: Kind) -> None:
    if limit.minimum is None and limit.maximum is None:
        raise ValueError(f"{where}: set minimum, maximum or both.")
    lowest, highest = getattr(kind, "minimum", None), getattr(kind, "maximum", None)
    if lowest is not None and highest is not None and lowest > highest:
        raise ValueError(
            f"{where}: no value is left between {lowest:g} and {highest:g}. Move minimum or maximum into the "
            "range of the parameter."
        )


def _check_defaults(policy: Policy, defaults: Mapping[str, Any]) -> None:
    for name, value in defaults.items():
        where = f"api.defaults.{name}"
        apis = [api for api in Api if name in PARAMETERS[api]]
        if not apis:
            raise ValueError(f"{where}: there is no such parameter. Remove it.")
        handling = PARAMETERS[apis[0]][name].handling
        if name in _NEVER_A_DEFAULT or handling in (Handling.REFUSED, Handling.IGNORED):
            raise ValueError(f"{where}: this parameter cannot have a default. Remove it.")
        kind = policy.tables[apis[0]].kinds[name]
        if not kind.accepts(value):
            raise ValueError(f"{where} must be {kind.describe()} (got {shown(value)}).")
