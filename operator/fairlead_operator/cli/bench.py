"""`fairlead bench NAME|URL`: what a served model does under rising load."""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import sys
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fairlead_operator.cli.bench_client import BenchError, Client, Request
from fairlead_operator.cli.bench_statistics import Load, Sample, Spread, Step, summarize
from fairlead_operator.cli.chart import Line, Panel, chart
from fairlead_operator.cli.cluster import ClusterError, cluster
from fairlead_operator.cli.explain import ExplainError, find_model
from fairlead_operator.cli.output import structured, table
from fairlead_operator.cli.port_forward import ForwardError, port_forward
from fairlead_operator.kube.connection import default_namespace
from fairlead_operator.progress import Progress

_KEY_VARIABLE = "FAIRLEAD_API_KEY"
# The port of a model's Service.
_SERVICE_PORT = 80
# Without --requests: enough of them that the quantiles say something, few enough that a step takes minutes
# at most. A tail of requests that end alone counts less with several rounds.
_ROUNDS, _LEAST_REQUESTS, _RATE_SECONDS = 4, 8, 30


@dataclass(frozen=True)
class Target:
    """The measured service: the text for it in results, the base URL, and the model's name if it is known."""

    title: str
    url: str
    model: str | None


def run_bench(options: Namespace) -> int:
    """Measures and prints; 0 if every request was answered, 1 if one was not, 2 if nothing was measured."""
    try:
        document, steps = asyncio.run(_bench(options))
        if options.svg:
            Path(options.svg).write_text(_drawing(document, steps), encoding="utf-8")
    except (BenchError, ClusterError, ExplainError, ForwardError) as error:
        sys.stderr.write(f"fairlead bench: {error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"fairlead bench: {error.filename}: {error.strerror}\n")
        return 2
    if options.output == "table":
        sys.stdout.write(_text(document, steps))
    else:
        sys.stdout.write(structured(document, options.output))
    return int(any(step.failed for step in steps))


async def _bench(options: Namespace) -> tuple[dict[str, Any], list[Step]]:
    started = datetime.now(UTC).isoformat(timespec="seconds")
    key = _api_key(options)
    seed = secrets.randbits(32) if options.seed is None else options.seed
    async with _target(options) as target, Client(target.url, key, seed) as client:
        model = options.model or target.model or await client.first_model()
        request = Request(
            model, options.input_tokens, options.output_tokens, options.ignore_eos, options.timeout
        )
        steps = await _measure(client, request, options)
    document = {
        "target": target.title,
        "model": model,
        "startedAt": started,
        "inputTokens": request.input_tokens,
        "outputTokens": request.output_tokens,
        "ignoreEos": request.ignore_eos,
        "warmupRequests": options.warmup,
        "seed": seed,
        "steps": [step.document() for step in steps],
    }
    return document, steps


async def _measure(client: Client, request: Request, options: Namespace) -> list[Step]:
    """The figures of all loads. Raises BenchError if the model does not answer at all."""
    progress, steps = Progress(), list[Step]()
    if options.warmup:
        with progress.step("warm-up"):
            samples = await client.run(Load(concurrency=1), options.warmup, request, lambda _: None)
        _check_answered(samples)
    for load in _loads(options):
        count = options.requests or _requests(load)
        with progress.step(load.text) as shown:
            done = 0

            def count_done(_: Sample) -> None:
                nonlocal done
                done += 1
                shown.status(f"{done} of {count} requests")  # noqa: B023 -- called within the step

            samples = await client.run(load, count, request, count_done)
        _check_answered(samples)
        steps.append(summarize(load, samples))
    return steps


def _check_answered(samples: list[Sample]) -> None:
    """Raises BenchError if no request was answered."""
    if not all(sample.error for sample in samples):
        return
    error = samples[0].error
    remedy = "; is it --no-ignore-eos that is needed?" if "ignore_eos" in error else ""
    raise BenchError(f"no request was answered: {error}{remedy}")


def _loads(options: Namespace) -> list[Load]:
    if options.rate:
        return [Load(rate=rate) for rate in options.rate]
    return [Load(concurrency=number) for number in options.concurrency]


def _requests(load: Load) -> int:
    if load.rate is not None:
        return max(_LEAST_REQUESTS, math.ceil(load.rate * _RATE_SECONDS))
    return max(_LEAST_REQUESTS, _ROUNDS * (load.concurrency or 1))


@asynccontextmanager
async def _target(options: Namespace) -> AsyncIterator[Target]:
    """The URL, or a port of this machine that leads to a pod of the model."""
    parts = urlsplit(options.target)
    if parts.scheme in ("http", "https"):
        url = options.target.rstrip("/")
        yield Target(options.target, url if parts.path.strip("/") else f"{url}/v1", None)
        return
    async with cluster(options) as client:
        namespace = options.namespace or default_namespace(options.kubeconfig, options.context)
        body = await find_model(client, namespace, options.target)
    namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
    served = body["spec"]["model"].get("servedName", name)
    async with port_forward(options, namespace, name, _SERVICE_PORT) as port:
        yield Target(f"{namespace}/{name}", f"http://127.0.0.1:{port}/v1", served)


def _api_key(options: Namespace) -> str | None:
    """From the file, else from the environment: not from an option, which other users of a machine see."""
    if options.api_key_file:
        return Path(options.api_key_file).read_text(encoding="utf-8").strip()
    return os.environ.get(_KEY_VARIABLE) or None


def _text(document: dict[str, Any], steps: list[Step]) -> str:
    end = "" if document["ignoreEos"] else " at most"
    first = steps[0]
    title = (
        f"{document['model']} at {document['target']}: {first.prompt_tokens:.0f} tokens in, "
        f"{document['outputTokens']} out{end}; times in ms"
    )
    head = (
        "LOAD",
        "REQ/S",
        "TOKENS/S",
        "TTFT P50",
        "P99",
        "ITL P50",
        "P99",
        "TPOT P50",
        "E2E P50",
        "P99",
        "FAILED",
    )
    rows = [
        (
            step.load.text,
            f"{step.requests_per_second:.2f}",
            f"{step.output_tokens_per_second:.1f}",
            *_times(step.ttft),
            *_times(step.itl),
            _times(step.tpot)[0],
            *_times(step.latency),
            f"{step.failed} of {step.requests}",
        )
        for step in steps
    ]
    errors = [f"{count} x {text}" for step in steps for text, count in step.errors.items()]
    return "\n".join([title, "", *table(head, rows), *(["", *errors] if errors else [])]) + "\n"


def _times(spread: Spread | None) -> tuple[str, str]:
    return (f"{spread.p50:.1f}", f"{spread.p99:.1f}") if spread else ("-", "-")


def _drawing(document: dict[str, Any], steps: list[Step]) -> str:
    x_title = "requests at once" if steps[0].load.rate is None else "requests per second"

    def line(name: str, spreads: list[Spread | None], colour: int, share: str) -> Line:
        points = [
            (step.load.value, getattr(spread, share))
            for step, spread in zip(steps, spreads, strict=True)
            if spread
        ]
        return Line(f"{name} {share}", points, colour, dashed=share == "p99")

    ttft, itl = [step.ttft for step in steps], [step.itl for step in steps]
    throughput = [(step.load.value, step.output_tokens_per_second) for step in steps]
    sizes = f"{steps[0].prompt_tokens:.0f} tokens in, {document['outputTokens']} tokens out"
    panels = [
        Panel("Output tokens per second", x_title, [Line("throughput", throughput)]),
        Panel(
            "Time to first token (ms)",
            x_title,
            [line("TTFT", ttft, 0, share) for share in ("p50", "p99")],
            True,
        ),
        Panel(
            "Time between tokens (ms)",
            x_title,
            [line("ITL", itl, 1, share) for share in ("p50", "p99")],
            True,
        ),
    ]
    return chart(f"{document['model']} under load", f"{document['target']}, {sizes}", panels)
