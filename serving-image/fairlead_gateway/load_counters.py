"""What this pod tells the operator's autoscaler: how much there is to do, and what the engine makes of it.

Requests that came through a router are counted there too, so they are counted apart, by the name that the
router gave itself: the operator adds up routers and direct requests, and nothing twice. Any client can claim
to be a router, so the operator takes the requests of a name that it does not know for direct ones. Counters
begin with this process, which `boot` names; the reader bridges restarts. Whatever is not known is null, never
zero.
"""

from __future__ import annotations

import re
import secrets
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from .bounds import MAX_COUNTED_ROUTERS
from .change_cursor import ChangeCursor

# vLLM's own names (0.9 to 0.32); an engine with several schedulers tells of each, by a label.
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
# Without these the block would claim to know what it does not.
_NEEDED = frozenset({"running", "waiting", "steps", "decodeTokens", "promptTokens"})


class LoadCounters(ChangeCursor):
    """Counts the requests of one gateway, and lets a reader wait until some begin to queue."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.boot = secrets.token_hex(8)
        self._clock = clock
        self._arrivals = self._completions = 0
        # [arrivals, completions] by the router's name, b"" for none.
        self._routers: dict[bytes, list[int]] = {b"": [0, 0]}
        self._last_completion: float | None = None

    def arrived(self, router: bytes) -> None:
        """A request came that the engine could be given, through this router (b"": through none)."""
        self._arrivals += 1
        self._of(router)[0] += 1

    def ended(self, router: bytes, answered: bool) -> None:
        """It is over; `answered` if it was not refused and did not fail."""
        self._last_completion = self._clock()
        if answered:
            self._completions += 1
            self._of(router)[1] += 1

    def queue_began(self) -> None:
        """A request waits and none did before."""
        self.up()

    def tell(self) -> dict[str, Any]:
        """The counters for the operator. `direct` are the requests without a router's name."""
        counts = {name.decode(): _counts(*both) for name, both in self._routers.items()}
        return {
            "boot": self.boot,
            "cursor": self.cursor,
            "arrivals": self._arrivals,
            "completions": self._completions,
            "direct": counts.pop(""),
            "routers": counts,
            "lastCompletionAt": self._last_completion,
        }

    def _of(self, router: bytes) -> list[int]:
        """The counters of a router; those of no router if the name is none, or one too many."""
        counts = self._routers.get(router)
        if counts is None:
            if len(self._routers) > MAX_COUNTED_ROUTERS or not _ROUTER_NAME.fullmatch(router):
                return self._routers[b""]
            counts = self._routers[router] = [0, 0]
        return counts


def _counts(arrivals: int, completions: int) -> dict[str, int]:
    return {"arrivals": arrivals, "completions": completions}


def read_engine(metrics: bytes, max_running: int | None) -> dict[str, Any] | None:
    """What the engine's metrics (Prometheus' text format) say; None if they do not say what matters.

    Prompt tokens that the prefix cache had cost nothing, so `prefillTokens` are without them.
    """
    # Only the lines that count are parsed: the histograms among the rest are many hundreds.
    lines = b"\n".join(line for line in metrics.splitlines() if line.startswith(_LINES))
    told: dict[str, float] = defaultdict(float)
    usage: list[float] = []
    kv_tokens = 0
    for family in text_string_to_metric_families(lines.decode(errors="replace") + "\n"):
        for sample in family.samples:
            if sample.name in _ADDED:
                told[_ADDED[sample.name]] += sample.value
            elif sample.name == _USAGE:
                usage.append(sample.value)
            elif sample.name == _CACHE:
                kv_tokens += _kv_tokens(sample.labels)
    if not usage or not told.keys() >= _NEEDED:
        return None
    return {
        "running": int(told["running"]),
        "waiting": int(told["waiting"]),
        "kvUsage": max(usage),
        "steps": told["steps"],
        "decodeTokens": told["decodeTokens"],
        "promptTokens": told["promptTokens"],
        "prefillTokens": max(0.0, told["promptTokens"] - told["cachedTokens"]),
        "preemptions": told["preemptions"],
        "kvTokens": kv_tokens or None,
        "maxRunning": max_running,
    }


def _kv_tokens(labels: dict[str, str]) -> int:
    blocks, size = labels.get("num_gpu_blocks", ""), labels.get("block_size", "")
    return int(blocks) * int(size) if blocks.isdecimal() and size.isdecimal() else 0
