"""What decides about a parameter for one served model: the catalogue, narrowed by dialect and deployment.

Everything that does not depend on the request is worked out once, when the policy is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import orjson

from .dialects import DIALECTS, Dialect, Document
from .parameters import PARAMETERS, Api, Handling, Parameter
from .values import ABSENT, Kind, Limit, Number, shown
from .wanted import Reasoning, Wanted

# One bound under three names; a limit on one holds for all.
OUTPUT_LIMITS = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens"})
# What a request must say itself: its content, and whatever other parameters would conflict with.
_NEVER_A_DEFAULT = frozenset(
    {
        "chat_template",
        "continue_final_message",
        "messages",
        "model",
        "n",
        "priority",
        "prompt_logprobs",
        "response_format",
        "stream",
        "stream_options",
        "structured_outputs",
        "tool_choice",
        "tools",
        "top_logprobs",
        "truncate_prompt_tokens",
        "use_beam_search",
        "user",
    }
)
_UNUSED = (Handling.IGNORED, Handling.REFUSED)
_REASONING = frozenset({"reasoning_content", "include_reasoning"})
# Defaults that only make sense beside another parameter.
_WITH_TOOLS = frozenset({"parallel_tool_calls"})


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
    """The check of each parameter that has an effect. A dict, because every request looks into it."""
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
    injected: Mapping[str, Any] = field(init=False)
    """What a chat request without the parameter gets; without the defaults that the engine has anyway."""
    tool_defaults: Mapping[str, Any] = field(init=False)
    """The same for requests with tools."""
    wanted: Wanted = field(init=False)
    """What every answer needs."""

    def __post_init__(self) -> None:
        def derive(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        derive("tables", MappingProxyType({api: self._table(api) for api in Api}))
        defaults = self._defaults()
        derive("injected", {n: v for n, v in defaults.items() if n not in _WITH_TOOLS})
        derive("tool_defaults", {n: v for n, v in defaults.items() if n in _WITH_TOOLS})
        hidden = self._documented("reasoning_content") is False and not self.defaults.keys() & _REASONING
        derive("wanted", Wanted(self.dialect.shape, Reasoning.DROPPED if hidden else Reasoning.AS_RECEIVED))

    def with_engine(self, engine: EngineFacts) -> Policy:
        """The same policy for an engine of which more is known now."""
        return replace(self, engine=engine)

    def _documented(self, name: str) -> Any:
        """The default of the dialect's chat document."""
        entries = _document(self.dialect, Api.CHAT).parameters
        return next((entry.default for entry in entries if entry.name == name), ABSENT)

    def _table(self, api: Api) -> Table:
        parameters = PARAMETERS[api]
        entries = _document(self.dialect, api).parameters
        kinds = {name: parameter.value for name, parameter in parameters.items()}
        kinds |= {entry.name: entry.value for entry in entries if entry.value and entry.name in kinds}
        for name, limit in _spread(self.limits).items():
            kind = kinds.get(name)
            if isinstance(kind, Number):
                kinds[name] = kind.limited(limit)
        return Table(
            kinds=MappingProxyType(kinds),
            accepts={n: kind.accepts for n, kind in kinds.items() if parameters[n].handling not in _UNUSED},
            refused=MappingProxyType({n: p for n, p in parameters.items() if p.handling is Handling.REFUSED}),
        )

    def _defaults(self) -> dict[str, Any]:
        parameters, kinds = PARAMETERS[Api.CHAT], self.tables[Api.CHAT].kinds
        found = {
            entry.name: _within(entry.default, kinds[entry.name])
            for entry in _document(self.dialect, Api.CHAT).parameters
            if entry.default is not ABSENT
            and entry.name not in _NEVER_A_DEFAULT
            and parameters[entry.name].handling is Handling.FORWARDED
            and entry.default != parameters[entry.name].engine_default
        }
        return self._bounded_output(found, dict(self.defaults))

    def _bounded_output(self, documented: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
        """The defaults with one bound on the output, inside the context and the deployment's limit."""
        bounds = [
            found.pop(name) for found in (own, documented) for name in sorted(OUTPUT_LIMITS & found.keys())
        ]
        bounds = bounds[:1]
        maximum = _spread(self.limits).get("max_tokens", Limit()).maximum
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
    spread = dict(limits)
    for name in OUTPUT_LIMITS & limits.keys():
        spread |= dict.fromkeys(OUTPUT_LIMITS, limits[name])
    return spread


def _within(default: Any, kind: Kind) -> Any:
    """A document's default, moved into what the deployment allows."""
    if not isinstance(kind, Number):
        return default
    lowest = default if kind.minimum is None else max(default, kind.minimum)
    return lowest if kind.maximum is None else min(lowest, kind.maximum)


def _check_limits(policy: Policy) -> None:
    _check_twice("limits", policy.limits)
    for name, limit in policy.limits.items():
        where = f"api.limits.{name}"
        kinds = [policy.tables[api].kinds[name] for api in Api if name in PARAMETERS[api]]
        if not kinds:
            raise ValueError(f"{where}: there is no such parameter. Remove it.")
        for kind in kinds:
            if not isinstance(kind, Number):
                raise ValueError(f"{where}: only numeric parameters have limits. Remove it.")
            _check_limit(where, limit, kind)


def _check_limit(where: str, limit: Limit, kind: Number) -> None:
    bounds = [bound for bound in (limit.minimum, limit.maximum) if bound is not None]
    if not bounds:
        raise ValueError(f"{where}: set minimum, maximum or both.")
    if not all(type(bound) in kind.types for bound in bounds):
        raise ValueError(f"{where}: minimum and maximum must be {kind.noun}s.")
    lower, upper = kind.minimum, kind.maximum
    if lower is not None and upper is not None and (lower > upper or (kind.exclusive and lower == upper)):
        raise ValueError(f"{where}: no value is left ({kind.describe()}). Move minimum or maximum.")


def _check_defaults(policy: Policy, defaults: Mapping[str, Any]) -> None:
    _check_twice("defaults", defaults)
    for name, value in defaults.items():
        where = f"api.defaults.{name}"
        apis = [api for api in Api if name in PARAMETERS[api]]
        if not apis:
            raise ValueError(f"{where}: there is no such parameter. Remove it.")
        settable = [api for api in apis if may_have_default(name, api)]
        if not settable:
            raise ValueError(f"{where}: this parameter cannot have a default. Remove it.")
        for api in settable:
            kind = policy.tables[api].kinds[name]
            if not kind.accepts(value):
                raise ValueError(f"{where} must be {kind.describe()} (got {shown(value)}).")
        try:
            orjson.dumps(value)
        except TypeError as error:
            raise ValueError(f"{where} cannot be sent to the engine: {error}.") from None


def _check_twice(field_name: str, given: Mapping[str, Any]) -> None:
    names = sorted(OUTPUT_LIMITS & given.keys())
    if len(names) > 1:
        raise ValueError(f"api.{field_name}: {' and '.join(names)} mean the same. Keep one of them.")


def may_have_default(name: str, api: Api) -> bool:
    """Whether a deployment may set the parameter for requests that do not.

    Defaults are put into what the engine gets, so they have the names of chat completions.
    """
    if name in OUTPUT_LIMITS:
        return True
    parameter = PARAMETERS[api].get(name)
    if parameter is None or name not in PARAMETERS[Api.CHAT] or name in _NEVER_A_DEFAULT:
        return False
    return parameter.handling is Handling.FORWARDED or name in _REASONING
