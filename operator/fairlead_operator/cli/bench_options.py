"""The options of `fairlead bench`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

from fairlead_operator.bounds import BENCH_CONCURRENCY, BENCH_RATE_PER_SECOND, BENCH_REQUESTS
from fairlead_operator.cli.output import add_output

N = TypeVar("N", int, float)
# The API's own bounds on the numbers of tokens are those of the model; these are for slips of the hand.
_MOST_TOKENS = 1_000_000
_LONGEST_SECONDS = 86_400.0
_MOST_SEED = 2**32 - 1


def add_bench(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds the command and returns it."""
    command = commands.add_parser(
        "bench",
        help="measure a served model under rising load",
        description="Sends streamed chat completions to a model and prints times and throughput for each "
        "load. NAME is a ModelDeployment, of which one pod is measured, through `kubectl port-forward`. The "
        "key of a model with API keys is taken from FAIRLEAD_API_KEY or --api-key-file.",
        epilog="exit codes: 0 all requests were answered, 1 some were not, 2 nothing was measured",
    )
    command.add_argument("target", metavar="NAME|URL", help="ModelDeployment, or base URL of an OpenAI API")
    load = command.add_mutually_exclusive_group()
    load.add_argument(
        "--concurrency",
        type=_list(_number(int, 1, BENCH_CONCURRENCY)),
        default=[1, 2, 4, 8, 16],
        metavar="N,...",
        help="requests at once, a step for each number (default: 1,2,4,8,16)",
    )
    load.add_argument(
        "--rate",
        type=_list(_number(float, 0.001, BENCH_RATE_PER_SECOND)),
        metavar="R,...",
        help="instead: requests per second at random times, a step for each number",
    )
    command.add_argument(
        "--requests",
        type=_number(int, 1, BENCH_REQUESTS),
        metavar="N",
        help="requests of each step (default: 4 times the concurrency, or 30 s of the rate; 8 at least)",
    )
    tokens = _number(int, 1, _MOST_TOKENS)
    command.add_argument(
        "--input-tokens", type=tokens, default=256, metavar="N", help="words of a prompt (default: 256)"
    )
    command.add_argument(
        "--output-tokens", type=tokens, default=128, metavar="N", help="tokens of an answer (default: 128)"
    )
    command.add_argument(
        "--no-ignore-eos",
        dest="ignore_eos",
        action="store_false",
        help="let answers end by themselves, for servers that do not know ignore_eos",
    )
    command.add_argument(
        "--warmup",
        type=_number(int, 0, BENCH_REQUESTS),
        default=2,
        metavar="N",
        help="requests before the first step that do not count (default: 2)",
    )
    command.add_argument("--model", help="name of the model in requests (default: the first that is served)")
    command.add_argument("--api-key-file", metavar="FILE", help="file with the API key")
    command.add_argument(
        "--timeout",
        type=_number(float, 1, _LONGEST_SECONDS),
        default=600.0,
        metavar="SECONDS",
        help="of each request (default: 600)",
    )
    command.add_argument(
        "--seed",
        type=_number(int, 0, _MOST_SEED),
        metavar="N",
        help="of prompts and random times (default: another one each time, since prompts of an earlier run "
        "are in the prefix cache)",
    )
    command.add_argument("--svg", metavar="FILE", help="also draw the figures")
    add_output(command)
    command.add_argument("-n", "--namespace", help="namespace of NAME (default: that of the context)")
    return command


def _number(kind: Callable[[str], N], least: float, most: float) -> Callable[[str], N]:
    def parse(text: str) -> N:
        try:
            value: N | None = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} must be a number from {least:g} to {most:g}")
        return value

    return parse


def _list(parse: Callable[[str], N]) -> Callable[[str], list[N]]:
    return lambda text: [parse(part) for part in text.split(",")]
