"""A request while the rules work on it, and the texts of their errors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fairlead_gateway.contract.errors import ApiError, invalid
from fairlead_gateway.contract.policy import RequestPolicy
from fairlead_gateway.contract.response_transform import ResponseTransform


@dataclass
class Draft:
    """The chat document on its way to the engine."""

    document: dict[str, Any]
    """The request for the engine, with the defaults."""
    given: Collection[str]
    """Names that the client has sent: only these can be the client's mistakes."""
    policy: RequestPolicy
    changed: bool = False
    strict_by_default: bool = False
    """Whether a function without `strict` is strict, as in the Responses API."""
    names: dict[str, str] = field(default_factory=dict)
    """The client's names for what the engine knows under another one."""
    kept_tools: Sequence[int] | None = None
    """The client's places of the tools that are left of `tools`; None for all."""
    _transform: dict[str, Any] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether the client has set the parameter."""
        return name in self.given

    def value(self, name: str, default: Any = None) -> Any:
        """The parameter's value, a default included."""
        return self.document.get(name, default)

    def put(self, name: str, value: Any) -> None:
        """Sets a parameter for the engine."""
        self.document[name] = value
        self.changed = True

    def take(self, name: str, default: Any = None) -> Any:
        """Removes a parameter, so that the engine does not get it, and returns its value."""
        if name not in self.document:
            return default
        self.changed = True
        return self.document.pop(name)

    def want(self, **changes: Any) -> None:
        """Records what the answer needs."""
        self._transform |= changes

    def rename(self, engine: str, client: str) -> None:
        """Lets errors of the engine name the parameter that the client has sent."""
        self.names[engine] = client

    def tool_path(self, index: int) -> str:
        """The client's path of a tool that is left."""
        return f"tools[{index if self.kept_tools is None else self.kept_tools[index]}]"

    def transform(self) -> ResponseTransform:
        """Returns the changes that the answer needs, by all rules together."""
        changes = self._transform | ({"names": self.names} if self.names else {})
        return replace(self.policy.transform, **changes) if changes else self.policy.transform


def conflict(first: str, second: str, why: str = "") -> ApiError:
    """Returns the 400 for two parameters that cannot both have their effect. `why` has no full stop."""
    reason = f": {why}" if why else ""
    return invalid(f"'{first}' and '{second}' cannot be used together{reason}. Leave one of them out.", first)


def unsupported(name: str, why: str) -> ApiError:
    """Returns the 400 for a parameter without its effect on this deployment. `why` ends in a remedy."""
    return invalid(f"'{name}' is not supported: {why}", name, "unsupported_parameter")
