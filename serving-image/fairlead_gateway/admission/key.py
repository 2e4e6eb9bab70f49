"""What is known of the client behind a request: its API key's name and what the key may do."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fairlead_contract.api_keys import NO_LIMITS, KeyLimits


@dataclass(frozen=True, slots=True)
class Key:
    """A valid API key.

    `models` and `namespaces` are None for all of them. `rank` is the place of its priority class, 0 for the
    highest. `expires_at` are Unix seconds, infinite for never.
    """

    name: str
    models: frozenset[str] | None = None
    owner: str = ""
    """Who it belongs to; the key's name if its entry says nothing."""
    namespaces: frozenset[str] | None = None
    priority_class: str = ""
    rank: int = 0
    limits: KeyLimits = NO_LIMITS
    expires_at: float = math.inf

    def allows(self, model: str) -> bool:
        """Whether this key may use the model of this name."""
        return self.models is None or model in self.models
