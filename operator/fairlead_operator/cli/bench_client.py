"""The requests of `fairlead bench`: streamed chat completions, so many at once or at random times."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp

from fairlead_contract.text import printable
from fairlead_operator.bounds import BENCH_BODY_BYTES, BENCH_CONNECT_SECONDS, BENCH_LINE_BYTES
from fairlead_operator.cli.bench_statistics import Load, Sample

Done = Callable[[Sample], None]

# Each is one token in the vocabularies of common models.
_WORDS = ("time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world", "school")
_ERROR_CHARACTERS = 200


class BenchError(Exception):
    """There is nothing to measure; the text has the cause and the remedy."""


@dataclass(frozen=True)
class Request:
    """The common part of all requests. `input_tokens` is a number of words, of about a token each."""

    model: str
    input_tokens: int
    output_tokens: int
    ignore_eos: bool
    seconds: float


class Client:
    """Sends requests to the base URL of a server (with `/v1`); to be used as a context."""

    def __init__(self, url: str, api_key: str | None, seed: int) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._random = random.Random(seed)  # noqa: S311 -- arrivals and prompts, not secrets
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Client:
        # Not the environment's proxies: they would be measured too.
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=BENCH_CONNECT_SECONDS),
            read_bufsize=BENCH_LINE_BYTES,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def first_model(self) -> str:
        """The first name in the server's list of models. Raises BenchError."""
        assert self._session is not None
        try:
            async with (
                asyncio.timeout(BENCH_CONNECT_SECONDS),
                self._session.get(f"{self._url}/models", allow_redirects=False) as answer,
            ):
                body = await answer.content.read(BENCH_BODY_BYTES)
                if answer.status != 200:
                    raise BenchError(f"{self._url}/models answers {_problem(answer.status, body)}")
                return str(json.loads(body)["data"][0]["id"])
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise BenchError(f"{self._url} cannot be reached: {_text(error)}") from error
        except (ValueError, LookupError, TypeError) as error:
            raise BenchError(f"{self._url}/models lists no model; name one with --model") from error

    async def run(self, load: Load, requests: int, request: Request, done: Done) -> list[Sample]:
        """Sends so many requests; returns when all have ended."""
        samples: list[Sample] = []

        async def send() -> None:
            sample = await self._send(request)
            samples.append(sample)
            done(sample)

        if load.rate is not None:
            await self._send_at_times(send, load.rate, requests)
        else:
            rest = iter(range(requests))
            await asyncio.gather(*(_send_in_turn(send, rest) for _ in range(load.concurrency or 1)))
        return samples

    async def _send_at_times(self, send: Callable[[], Any], rate: float, requests: int) -> None:
        """At the times of a Poisson process, however many are under way."""
        next_time = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(requests):
                await asyncio.sleep(max(0.0, next_time - time.perf_counter()))
                group.create_task(send())
                next_time += self._random.expovariate(rate)

    async def _send(self, request: Request) -> Sample:
        """One request; a failure is part of the result."""
        body = self._body(request)
        start = time.perf_counter()
        try:
            async with asyncio.timeout(request.seconds):
                return await self._exchange(body, start)
        except TimeoutError:
            error = f"no complete answer within {request.seconds:g} s"
        except (aiohttp.ClientError, OSError, ValueError, LookupError, TypeError) as failure:
            error = _text(failure)
        return Sample(start, time.perf_counter(), error=error)

    def _body(self, request: Request) -> dict[str, Any]:
        # The number comes first: otherwise prompts would have a common prefix, which the engine has cached.
        words = self._random.choices(_WORDS, k=max(1, request.input_tokens - 2))
        prompt = f"{self._random.randrange(10**9)} {' '.join(words)}"
        body: dict[str, Any] = {
            "model": request.model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": request.output_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        return body | ({"ignore_eos": True} if request.ignore_eos else {})

    async def _exchange(self, body: dict[str, Any], start: float) -> Sample:
        assert self._session is not None
        target = f"{self._url}/chat/completions"
        events: list[float] = []
        usage: dict[str, Any] = {}
        end = start
        async with self._session.post(target, json=body, allow_redirects=False) as answer:
            if answer.status != 200:
                problem = _problem(answer.status, await answer.content.read(BENCH_BODY_BYTES))
                return Sample(start, time.perf_counter(), error=problem)
            async for line in answer.content:
                now = time.perf_counter()
                data = line.removeprefix(b"data:").strip()
                if not line.startswith(b"data:") or data == b"[DONE]":
                    continue
                event = json.loads(data)
                if "error" in event:
                    return Sample(start, now, error=_message(event))
                usage = event.get("usage") or usage
                if _has_token(event):
                    events.append(now)
                end = now
        error = "" if events else "the answer has no token"
        tokens = int(usage.get("completion_tokens") or len(events))
        return Sample(start, end, tuple(events), int(usage.get("prompt_tokens") or 0), tokens, error)


async def _send_in_turn(send: Callable[[], Any], rest: Iterator[int]) -> None:
    for _ in rest:
        await send()


def _has_token(event: dict[str, Any]) -> bool:
    """Whether an event brings a part of the answer, not only its role or its end."""
    for choice in event.get("choices") or ():
        delta = choice.get("delta") or {}
        if any(delta.get(key) for key in ("content", "reasoning", "reasoning_content", "tool_calls")):
            return True
        # A token may be no complete character yet.
        if "role" not in delta and choice.get("finish_reason") is None:
            return True
    return False


def _problem(status: int, body: bytes) -> str:
    try:
        return f"{status}: {_message(json.loads(body))}"
    except (ValueError, TypeError, LookupError):
        return f"{status}: {printable(body.decode(errors='replace'), _ERROR_CHARACTERS)}"


def _message(document: dict[str, Any]) -> str:
    error = document["error"]
    return printable(str(error["message"] if isinstance(error, dict) else error), _ERROR_CHARACTERS)


def _text(error: BaseException) -> str:
    return printable(f"{str(error) or type(error).__name__}", _ERROR_CHARACTERS)
