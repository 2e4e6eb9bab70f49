"""The loads, and the figures that they give.

Every figure of CPU time counts everything that the proxy did from the first connection to the last answer,
divided by what was delivered: requests, or the content chunks of streams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tests.benchmarks.gateway.errors import InvalidError
from tests.benchmarks.gateway.harness import Proxy, chat
from tests.benchmarks.gateway.systems import MODEL, System

_LONG_PROMPT_BYTES = 100_000
_FAST_TOKENS = 300
_SLOW_STREAMS = 1024
_SLOW_INTERVAL_MS = 50
_MILLION = 1e6
_Figures = Iterator[tuple[str, float]]


@dataclass(frozen=True)
class Scale:
    """How long a run takes: seconds per load, chunks of each slow stream."""

    seconds: float
    slow_tokens: int


FULL = Scale(seconds=2.5, slow_tokens=60)
QUICK = Scale(seconds=0.8, slow_tokens=20)


def measure(proxy: Proxy, system: System, scale: Scale) -> tuple[dict[str, float], list[str]]:
    """All figures of one system, and what was wrong with those that are missing."""
    figures = {"rss_mb": proxy.rss_mib()}
    failures: list[str] = []
    for title, scenario in _SCENARIOS.items():
        try:
            figures.update(scenario(proxy, system, scale))
        except InvalidError as error:
            failures.append(f"{title}: {error}")
    return figures, failures


def latency(proxy: Proxy, scale: Scale) -> float:
    """Median time of a request at 50 requests/s, microseconds."""
    return proxy.load(chat(), connections=32, rate=50, seconds=scale.seconds).p50_us


def _latency(proxy: Proxy, _: System, scale: Scale) -> _Figures:
    yield "p50_us", latency(proxy, scale)


def _saturated(proxy: Proxy, _: System, scale: Scale) -> _Figures:
    proxy.load(chat(), connections=64, seconds=scale.seconds / 4)  # warm: caches, pools, lazy imports
    load = proxy.load(chat(), connections=64, seconds=scale.seconds)
    yield "requests_per_second", load.requests / load.seconds
    yield "cpu_us_per_request", load.cpu_seconds / load.requests * _MILLION
    # Well below 1: not the proxy was the bottleneck, but load generator and engine. CPU time is right anyway.
    yield "core_share", load.cpu_seconds / load.seconds


def _fast_streams(proxy: Proxy, _: System, scale: Scale) -> _Figures:
    body = chat(stream=True, max_tokens=_FAST_TOKENS)
    load = proxy.load(body, connections=64, seconds=scale.seconds, tokens=_FAST_TOKENS)
    yield "chunks_per_second", load.tokens / load.seconds
    yield "cpu_us_per_chunk_64", load.cpu_seconds / load.tokens * _MILLION


def _slow_streams(proxy: Proxy, _: System, scale: Scale) -> _Figures:
    body = chat(stream=True, max_tokens=scale.slow_tokens, seed=_SLOW_INTERVAL_MS)
    load = proxy.load(body, connections=_SLOW_STREAMS, rounds=1, tokens=scale.slow_tokens)
    yield "cpu_us_per_chunk_1024", load.cpu_seconds / load.tokens * _MILLION


def _responses_streams(proxy: Proxy, system: System, scale: Scale) -> _Figures:
    if not system.speaks_responses:
        return
    body = {"model": MODEL, "input": "What does a proxy do?", "stream": True}
    load = proxy.load(
        {**body, "max_output_tokens": _FAST_TOKENS},
        path="/v1/responses",
        connections=64,
        seconds=scale.seconds,
        tokens=_FAST_TOKENS,
        mark="event: response.completed",
    )
    yield "cpu_us_per_chunk_responses", load.cpu_seconds / load.tokens * _MILLION


def _long_prompts(proxy: Proxy, _: System, scale: Scale) -> _Figures:
    prompt = ("All work and no play makes Jack a dull boy. " * _LONG_PROMPT_BYTES)[:_LONG_PROMPT_BYTES]
    body = chat(messages=[{"role": "user", "content": prompt}])
    load = proxy.load(body, connections=16, seconds=scale.seconds)
    yield "requests_per_second_100kb", load.requests / load.seconds
    yield "cpu_us_per_request_100kb", load.cpu_seconds / load.requests * _MILLION


def _memory(proxy: Proxy, _: System, __: Scale) -> _Figures:
    yield "rss_loaded_mb", proxy.rss_mib()


_SCENARIOS: Mapping[str, Callable[[Proxy, System, Scale], _Figures]] = {
    "64 connections, saturated": _saturated,
    "64 fast streams": _fast_streams,
    f"{_SLOW_STREAMS} slow streams": _slow_streams,
    "64 fast streams of /v1/responses": _responses_streams,
    "50 requests/s": _latency,
    "100 KB prompts": _long_prompts,
    "memory after load": _memory,
}
