"""What has been learned about a model: survives restarts of the operator and the model's time at zero.

Everything here is JSON; the operator keeps it in `status.autoscaling.learned`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Memory:
    """Learned values. An empty one is the prior."""

    seen_since: float | None = None
    """When the model was first observed."""
    last_activity: float | None = None
    """When it last had a request."""

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Memory:
        """From what `to_json` wrote; what is missing or unknown is left at the prior."""
        names = cls.__dataclass_fields__
        return cls(**{name: item for name, item in value.items() if name in names})
