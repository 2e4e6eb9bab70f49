"""Average size of requests and their residence on a pod, learned from requests that end.

The average covers some hundred requests, so it follows a shift from chat to long documents. The prior has the
weight of fifty requests: in a burst the short answers end first and would make all look short.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fairlead_operator.autoscale.inputs import Demand, ObservedPod
from fairlead_operator.autoscale.statistics import rise

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
    counted_prompt: float = PRIOR_REQUESTS * PRIOR_PROMPT
    """Prompt tokens while all engines reported their computed tokens,"""
    computed: float = PRIOR_REQUESTS * PRIOR_PROMPT
    """and these computed tokens."""

    def add(self, requests: float, prompt: float, output: float, computed: float | None) -> Mix:
        """With that many more completed requests. `computed` is None when an engine did not report."""
        if requests <= 0 or prompt + output <= 0:
            return self
        keep = math.exp(-requests / HORIZON)
        # Of many at once, the earlier ones already have less weight.
        new = (1 - keep) * HORIZON / requests
        counted = computed is not None
        return Mix(
            self.requests * keep + requests * new,
            self.prompt * keep + prompt * new,
            self.output * keep + output * new,
            self.counted_prompt * keep + prompt * new if counted else self.counted_prompt,
            self.computed * keep + (computed or 0.0) * new if counted else self.computed,
        )

    @property
    def prompt_tokens(self) -> float:
        """Prompt tokens of a request that must be computed: those not in the prefix cache."""
        share = self.computed / self.counted_prompt if self.counted_prompt > 0 else 1.0
        return self.prompt / self.requests * min(1.0, max(LEAST_COMPUTED, share))

    @property
    def output_tokens(self) -> float:
        """Tokens generated for a request."""
        return max(1.0, self.output / self.requests)


class Requests:
    """The mix of completed requests, and `residence`: seconds that one spends on a pod (0: not known)."""

    def __init__(self, mix: Mix | None = None, residence: float = 0.0) -> None:
        self.mix = mix or Mix()
        self.residence = residence
        self._demand: tuple[float, Demand] | None = None
        self._prefill: dict[str, float] = {}
        self._computed: float | None = 0.0

    def observe(self, at: float, demand: Demand | None, pods: tuple[ObservedPod, ...]) -> None:
        """Add the counters of the gateways and engines."""
        self._add_computed(pods)
        if demand is None:
            return
        if self._demand is not None:
            self._learn(at, demand, *self._demand)
        self._demand = (at, demand)

    def _learn(self, at: float, demand: Demand, then: float, old: Demand) -> None:
        ended = rise(old.completions, demand.completions)
        if ended <= 0:
            return
        prompt = rise(old.prompt_tokens, demand.prompt_tokens)
        output = rise(old.completion_tokens, demand.completion_tokens)
        self.mix = self.mix.add(ended, prompt, output, self._computed)
        self._computed = 0.0
        # Little's law: requests at once = requests per second x seconds of each.
        seconds = (old.in_flight + demand.in_flight) / 2 * (at - then) / ended
        share = min(1.0, ended / HORIZON) if self.residence else 1.0
        self.residence += share * (seconds - self.residence)

    def _add_computed(self, pods: tuple[ObservedPod, ...]) -> None:
        """Sum what the engines computed since the last completion; None as soon as one did not report."""
        serving = [pod for pod in pods if pod.ready is not None]
        if any(pod.engine is None for pod in serving):
            self._computed = None
        now = {pod.name: pod.engine.prefill_tokens for pod in serving if pod.engine}
        if self._computed is not None:
            self._computed += sum(rise(self._prefill.get(name, 0.0), value) for name, value in now.items())
        self._prefill = now
