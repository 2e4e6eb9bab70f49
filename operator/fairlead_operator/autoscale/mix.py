"""What a request is like on average: prompt tokens to compute, tokens to generate.

Requests are forgotten after some hundred, so a shift from chat to long documents is followed. The prior
counts like fifty requests: of a burst the short answers end first and would make all look short.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

HORIZON = 400.0
PRIOR_REQUESTS = 50.0
PRIOR_PROMPT, PRIOR_OUTPUT = 1000.0, 200.0
LEAST_COMPUTED = 0.02


@dataclass(frozen=True, slots=True)
class Mix:
    """Sums over requests, weighted by their age."""

    requests: float = PRIOR_REQUESTS
    prompt: float = PRIOR_REQUESTS * PRIOR_PROMPT
    output: float = PRIOR_REQUESTS * PRIOR_OUTPUT
    told: float = PRIOR_REQUESTS * PRIOR_PROMPT
    """Prompt tokens while all engines told what they computed,"""
    computed: float = PRIOR_REQUESTS * PRIOR_PROMPT
    """and what they computed."""

    def add(self, requests: float, prompt: float, output: float, computed: float | None) -> Mix:
        """With that many more completed requests. `computed` is None when not every engine told."""
        if requests <= 0 or prompt + output <= 0:
            return self
        keep = math.exp(-requests / HORIZON)
        # Of many at once, the earlier ones are half forgotten already.
        new = (1 - keep) * HORIZON / requests
        counted = computed is not None
        return Mix(
            self.requests * keep + requests * new,
            self.prompt * keep + prompt * new,
            self.output * keep + output * new,
            self.told * keep + prompt * new if counted else self.told,
            self.computed * keep + (computed or 0.0) * new if counted else self.computed,
        )

    @property
    def prompt_tokens(self) -> float:
        """Prompt tokens of a request that must be computed: without what the prefix cache has."""
        share = self.computed / self.told if self.told > 0 else 1.0
        return self.prompt / self.requests * min(1.0, max(LEAST_COMPUTED, share))

    @property
    def output_tokens(self) -> float:
        """Tokens generated for a request."""
        return max(1.0, self.output / self.requests)
