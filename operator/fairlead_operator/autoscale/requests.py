"""Learns from requests that end: their mix, and how long they stay on a pod."""

from __future__ import annotations

from fairlead_operator.autoscale.counter import rise
from fairlead_operator.autoscale.inputs import Demand, Pod
from fairlead_operator.autoscale.mix import HORIZON, Mix


class Requests:
    """The mix of completed requests, and `residence`: seconds that one spends on a pod (0: not known)."""

    def __init__(self, mix: Mix | None = None, residence: float = 0.0) -> None:
        self.mix = mix or Mix()
        self.residence = residence
        self._demand: tuple[float, Demand] | None = None
        self._prefill: dict[str, float] = {}
        self._computed: float | None = 0.0

    def observe(self, at: float, demand: Demand | None, pods: tuple[Pod, ...]) -> None:
        """Take what the gateways and the engines have counted."""
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

    def _add_computed(self, pods: tuple[Pod, ...]) -> None:
        """Sum what the engines computed since the last completion; None as soon as one did not tell."""
        serving = [pod for pod in pods if pod.ready is not None]
        if any(pod.engine is None for pod in serving):
            self._computed = None
        now = {pod.name: pod.engine.prefill_tokens for pod in serving if pod.engine}
        if self._computed is not None:
            self._computed += sum(rise(self._prefill.get(name, 0.0), value) for name, value in now.items())
        self._prefill = now
