"""The loads, and the figures that they give.

CPU time per request is everything that the proxy did from the first connection to the last answer, divided
by the answers. CPU time per chunk is what each further content chunk of a stream costs: very short streams
are measured too, and what they cost is taken off, so that the length of the streams does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.benchmarks.gateway.errors import InvalidError
from tests.benchmarks.gateway.harness import Load, Proxy, chat
from tests.benchmarks.gateway.systems import MODEL, System

_LONG_PROMPT_BYTES = 100_000
_FAST_TOKENS = 300
_SLOW_STREAMS = 1024
# Not 1: the text of a whole Responses object would look like one more token to the load generator.
_SHORT_TOKENS = 2
_SLOW_INTERVAL_MS = 50
_MILLION = 1e6
_Figures = Iterator[tuple[str, float]]


@dataclass(frozen=True)
class Scale:
    """How long a run takes: seconds per load, chunks of each slow stream."""

    seconds: float
    slow_tokens: int


FULL = Scale(seconds=2.0, slow_tokens=50)
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
    # Enough connections for a proxy that now and then stands still for seconds.
    return proxy.load(chat(), connections=256, rate=50, seconds=scale.seconds).p50_us


def _latency(proxy: Proxy, _: System, scale: Scale) -> _Figures:
    yield "p50_us", latency(proxy, scale)


def _saturated(proxy: Proxy, _: System, scale: Scale) -> _Figures:
    proxy.load(chat(), connections=64, seconds=scale.seconds / 4)  # warm: caches, pools, lazy imports
    load = proxy.load(chat(), connections=64, seconds=scale.seconds)
    yield "requests_per_second", load.requests / load.seconds
    yield "cpu_us_per_request", load.cpu_seconds / load.requests * _MILLION
    # Well below 1: not the proxy was the bottleneck, but load generator and engine. CPU time is right anyway.
    yield "core_share", load.cpu_seconds / load.seconds


def _fast_streams(proxy: Proxy, system: System, scale: Scale) -> _Figures:
    streams = partial(_chat_streams, proxy, connections=64)
    short = streams(_SHORT_TOKENS, seconds=scale.seconds / 4)
    long = streams(_FAST_TOKENS // system.shorten, seconds=scale.seconds)
    yield "cpu_us_per_stream", short.cpu_seconds / short.requests * _MILLION
    yield "chunks_per_second", long.tokens / long.seconds
    yield "cpu_us_per_chunk_64", _cpu_us_per_chunk(short, long)


def _slow_streams(proxy: Proxy, system: System, scale: Scale) -> _Figures:
    streams = partial(_chat_streams, proxy, connections=_SLOW_STREAMS, rounds=1, pace=_SLOW_INTERVAL_MS)
    short, long = streams(_SHORT_TOKENS), streams(scale.slow_tokens // system.shorten)
    yield "cpu_us_per_chunk_1024", _cpu_us_per_chunk(short, long)


def _responses_streams(proxy: Proxy, system: System, scale: Scale) -> _Figures:
    if not system.speaks_responses:
        return

    def streams(tokens: int, seconds: float) -> Load:
        body = {"model": MODEL, "input": "What does a proxy do?", "stream": True, "max_output_tokens": tokens}
        where = {"path": "/v1/responses", "mark": "event: response.completed"}
        return proxy.load(body, connections=64, seconds=seconds, tokens=tokens, **where)

    short, long = streams(_SHORT_TOKENS, scale.seconds / 4), streams(_FAST_TOKENS, scale.seconds)
    yield "cpu_us_per_chunk_responses", _cpu_us_per_chunk(short, long)


def _chat_streams(proxy: Proxy, tokens: int, *, pace: int = 0, **options: Any) -> Load:
    body = chat(stream=True, max_tokens=tokens, seed=pace)
    return proxy.load(body, tokens=tokens, **options)


def _cpu_us_per_chunk(short: Load, long: Load) -> float:
    """`short` are streams of few chunks, otherwise like `long`."""
    streams = long.requests / short.requests
    return (
        (long.cpu_seconds - short.cpu_seconds * streams) / (long.tokens - short.tokens * streams) * _MILLION
    )


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
