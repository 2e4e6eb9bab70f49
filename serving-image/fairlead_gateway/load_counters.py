"""The demand document of this pod for the operator's autoscaler: its load, and the engine's counters.

A router counts its requests too, so they are counted apart here, by the name that the router sends: the
operator adds up routers and direct requests, and counts none twice. Any client can claim to be a router, so
requests with a name that the operator does not know count as direct. Counters begin with this process, which
`boot` identifies; the reader bridges restarts. What is not known is null, never zero.
"""

from __future__ import annotations

import re
import secrets
import time
from collections import defaultdict
from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from fairlead_contract.demand import EngineFigures, GatewayDemand, RequestCounts

from .bounds import MAX_COUNTED_ROUTERS
from .change_cursor import ChangeCursor

# vLLM's own names (0.9 to 0.32); an engine with several schedulers has a label for each.
_ADDED = {
    "vllm:num_requests_running": "running",
    "vllm:num_requests_waiting": "waiting",
    "vllm:iteration_tokens_total_count": "steps",
    "vllm:generation_tokens_total": "decodeTokens",
    "vllm:prompt_tokens_total": "promptTokens",
    "vllm:prompt_tokens_cached_total": "cachedTokens",
    "vllm:num_preemptions_total": "preemptions",
}
# The boot id that a router makes for itself.
_ROUTER_NAME = re.compile(rb"[0-9a-f]{16}")
_USAGE = "vllm:kv_cache_usage_perc"
_CACHE = "vllm:cache_config_info"
_LINES = tuple(f"{name}{end}".encode() for name in (*_ADDED, _USAGE, _CACHE) for end in ("{", " "))
# Without these metrics the engine's block is null.
_NEEDED = frozenset({"running", "waiting", "steps", "decodeTokens", "promptTokens"})


class LoadCounters(ChangeCursor):
    """Counts the requests of one gateway, and lets a reader wait until some begin to queue."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.boot = secrets.token_hex(8)
        self._clock = clock
        # [arrivals, completions] by the router's name, b"" for none.
        self._routers: dict[bytes, list[int]] = {b"": [0, 0]}
        self._last_completion: float | None = None

    def arrived(self, router: bytes) -> None:
        """A valid request has arrived, through this router (b"": directly)."""
        (self._routers.get(router) or self._count_apart(router))[0] += 1

    def ended(self, router: bytes, answered: bool) -> None:
        """A request has ended; `answered` if it was not refused and did not fail."""
        self._last_completion = self._clock()
        if answered:
            (self._routers.get(router) or self._count_apart(router))[1] += 1

    def queue_began(self) -> None:
        """The first request waits."""
        self.up()

    def report(
        self,
        queued: int = 0,
        in_flight: int = 0,
        draining: bool = False,
        engine: EngineFigures | None = None,
    ) -> GatewayDemand:
        """The counters for the operator, with the load and the engine's metrics. `direct` are the requests
        without a router's name.
        """
        counts = {
            name.decode(): RequestCounts(arrivals=arrivals, completions=completions)
            for name, (arrivals, completions) in self._routers.items()
        }
        return GatewayDemand(
            boot=self.boot,
            cursor=self.cursor,
            arrivals=sum(arrivals for arrivals, _ in self._routers.values()),
            completions=sum(completions for _, completions in self._routers.values()),
            direct=counts.pop(""),
            routers=counts,
            last_completion_at=self._last_completion,
            queued=queued,
            in_flight=in_flight,
            draining=draining,
            engine=engine,
        )

    def _count_apart(self, router: bytes) -> list[int]:
        """The counters of a new router; those of direct requests for an invalid name, or one beyond the
        bound.
        """
        if len(self._routers) > MAX_COUNTED_ROUTERS or not _ROUTER_NAME.fullmatch(router):
            return self._routers[b""]
        counts = self._routers[router] = [0, 0]
        return counts


def read_engine(metrics: bytes, max_running: int | None) -> EngineFigures | None:
    """The engine's counters from its metrics (Prometheus' text format); None if a required one is absent.

    Prompt tokens in the prefix cache cost nothing, so `prefillTokens` are without them.
    """
    # Only the lines that count are parsed: the histograms among the rest are many hundreds.
    lines = b"\n".join(line for line in metrics.splitlines() if line.startswith(_LINES))
    figures: dict[str, float] = defaultdict(float)
    usage: list[float] = []
    kv_tokens = 0
    for family in text_string_to_metric_families(lines.decode(errors="replace") + "\n"):
        for sample in family.samples:
            if sample.name in _ADDED:
                figures[_ADDED[sample.name]] += sample.value
            elif sample.name == _USAGE:
                usage.append(sample.value)
            elif sample.name == _CACHE:
                kv_tokens += _kv_tokens(sample.labels)
    if not usage or not figures.keys() >= _NEEDED:
        return None
    try:
        return EngineFigures(
            running=int(figures["running"]),
            waiting=int(figures["waiting"]),
            kv_usage=max(usage),
            steps=figures["steps"],
            decode_tokens=figures["decodeTokens"],
            prompt_tokens=figures["promptTokens"],
            prefill_tokens=max(0.0, figures["promptTokens"] - figures["cachedTokens"]),
            preemptions=figures["preemptions"],
            kv_tokens=kv_tokens or None,
            max_running=max_running,
        )
    except (OverflowError, ValueError):
        # NaN, infinite or negative: an engine of the user's own image may write anything.
        return None


def _kv_tokens(labels: dict[str, str]) -> int:
    blocks, size = labels.get("num_gpu_blocks", ""), labels.get("block_size", "")
    return int(blocks) * int(size) if blocks.isdecimal() and size.isdecimal() else 0
