"""The rules for the parameters of one served model: the table, narrowed by dialect and deployment.

Everything that does not depend on a request is computed once, when the policy is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from fairlead_contract.defaults import MAX_LOGPROBS
from fairlead_contract.dialects import DIALECTS, Dialect, document_of, kinds_of
from fairlead_contract.parameters import PARAMETERS, ApiKind, Handling, Parameter
from fairlead_contract.parameters.bounds import PROMPT_CHARACTERS_PER_TOKEN
from fairlead_contract.parameters.deployment import OUTPUT_LIMITS, may_have_default, spread
from fairlead_contract.parameters.measures import Bounds
from fairlead_contract.values import ABSENT, Kind, Limit, Number, limited

from .overrides import check_defaults, check_limits
from .response_transform import Reasoning, ResponseTransform

_UNUSED = (Handling.IGNORED, Handling.REFUSED)
# The two parameters of the rule `place_reasoning`.
_REASONING = frozenset({"reasoning_content", "include_reasoning"})


@dataclass(frozen=True)
class EngineFacts:
    """The engine's configuration, as far as a parameter depends on it."""

    context_length: int | None = None
    """vLLM's max_model_len in tokens; None while it is not known."""
    schedules_by_priority: bool = False
    structured_outputs_backend: str = "auto"
    request_chat_templates: bool = False
    media_domains: tuple[str, ...] = ()
    """Hosts that the engine may fetch media from. data: URLs need none."""
    max_logprobs: int = MAX_LOGPROBS


@dataclass(frozen=True)
class Table:
    """One API's parameters under a policy."""

    kinds: Mapping[str, Kind]
    accepts: Mapping[str, Callable[[Any], bool]]
    """The check of each parameter that has an effect. A dict, because every request looks into it."""
    refused: Mapping[str, Parameter]


@dataclass(frozen=True)
class RequestPolicy:
    """Decides about every parameter of one served model. Made by `make_policy`."""

    served: tuple[str, ...]
    dialect: Dialect
    defaults: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Limit] = field(default_factory=dict)
    reject_unknown: bool = False
    engine: EngineFacts = EngineFacts()
    tables: Mapping[ApiKind, Table] = field(init=False)
    injected: Mapping[str, Any] = field(init=False)
    """Defaults that are put into chat requests without the parameter. The engine's own are left out."""
    tool_defaults: Mapping[str, Any] = field(init=False)
    """Defaults that are only put into requests with tools."""
    transform: ResponseTransform = field(init=False)
    """The changes that every answer needs."""
    bounds: Mapping[str, Bounds] = field(init=False)
    """Bounds on the sizes of values, by parameter. Absent for parameters without such a bound."""
    prompt_length: int = field(init=False)
    """The most characters that may become the prompt."""

    def __post_init__(self) -> None:
        def derive(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        derive("tables", MappingProxyType({api: self._table(api) for api in ApiKind}))
        derive("bounds", MappingProxyType(dict(self._bounds())))
        derive("prompt_length", self._prompt_length())
        defaults = self._defaults()
        with_tools = {n for n, p in PARAMETERS[ApiKind.CHAT].items() if p.default_needs_tools}
        derive("injected", {n: v for n, v in defaults.items() if n not in with_tools})
        derive("tool_defaults", {n: v for n, v in defaults.items() if n in with_tools})
        hidden = self._documented("reasoning_content") is False and not self.defaults.keys() & _REASONING
        derive(
            "transform",
            ResponseTransform(self.dialect.shape, Reasoning.DROPPED if hidden else Reasoning.AS_RECEIVED),
        )

    def _documented(self, name: str) -> Any:
        """The default of the dialect's chat document."""
        entries = document_of(self.dialect, ApiKind.CHAT).parameters
        return next((entry.default for entry in entries if entry.name == name), ABSENT)

    def _table(self, api: ApiKind) -> Table:
        parameters, kinds = PARAMETERS[api], kinds_of(self.dialect, api)
        for name, limit in spread(self.limits).items():
            if name in kinds:
                kinds[name] = limited(kinds[name], limit)
        return Table(
            kinds=MappingProxyType(kinds),
            accepts={n: kind.accepts for n, kind in kinds.items() if parameters[n].handling not in _UNUSED},
            refused=MappingProxyType({n: p for n, p in parameters.items() if p.handling is Handling.REFUSED}),
        )

    def _bounds(self) -> Iterator[tuple[str, Bounds]]:
        limits = spread(self.limits)
        for api in ApiKind:
            for name, parameter in PARAMETERS[api].items():
                if parameter.bounds != Bounds():
                    yield name, parameter.bounds.limited(limits.get(name, Limit()))

    def _prompt_length(self) -> int:
        """A deployment's own bound, or the table's, which grows with a long context."""
        own = spread(self.limits).get("messages", Limit()).max_length
        if own is not None:
            return own
        fitting = PROMPT_CHARACTERS_PER_TOKEN * (self.engine.context_length or 0)
        return max(self.bounds["messages"].max_length or 0, fitting)

    def _defaults(self) -> dict[str, Any]:
        parameters, kinds = PARAMETERS[ApiKind.CHAT], self.tables[ApiKind.CHAT].kinds
        found = {
            entry.name: _within(entry.default, kinds[entry.name])
            for entry in document_of(self.dialect, ApiKind.CHAT).parameters
            if entry.default is not ABSENT
            and parameters[entry.name].handling is Handling.FORWARDED
            and may_have_default(parameters[entry.name])
            and entry.default != parameters[entry.name].engine_default
        }
        return self._bounded_output(found, dict(self.defaults))

    def _bounded_output(self, documented: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
        """The defaults with one bound on the output, inside the context and the deployment's limit."""
        bounds = [
            found.pop(name) for found in (own, documented) for name in sorted(OUTPUT_LIMITS & found.keys())
        ]
        bounds = bounds[:1]
        maximum = spread(self.limits).get("max_tokens", Limit()).maximum
        if maximum is not None:
            bounds.append(int(maximum))
        if bounds and self.engine.context_length is not None:
            bounds.append(max(1, self.engine.context_length - 1))
        return documented | own | ({"max_tokens": min(bounds)} if bounds else {})


def make_policy(
    served: tuple[str, ...],
    dialect_name: str = "OpenAI",
    defaults: Mapping[str, Any] | None = None,
    limits: Mapping[str, Limit] | None = None,
    reject_unknown: bool = False,
    engine: EngineFacts | None = None,
) -> RequestPolicy:
    """The policy of a deployment. Raises ValueError that names the field of `spec.api` and the remedy."""
    if not served:
        raise ValueError("A policy needs at least one served name.")
    dialect = DIALECTS.get(dialect_name)
    if dialect is None:
        raise ValueError(f"api.dialect must be one of {', '.join(DIALECTS)} (got {dialect_name}).")
    policy = RequestPolicy(tuple(served), dialect, {}, limits or {}, reject_unknown, engine or EngineFacts())
    check_limits(policy)
    check_defaults(policy, defaults or {})
    return replace(policy, defaults=dict(defaults or {}))


def _within(default: Any, kind: Kind) -> Any:
    """A document's default, moved into what the deployment allows."""
    if not isinstance(kind, Number):
        return default
    lowest = default if kind.minimum is None else max(default, kind.minimum)
    return lowest if kind.maximum is None else min(lowest, kind.maximum)
