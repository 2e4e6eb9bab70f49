"""Asks the gateways of pods how far they are and how much they have to do: `GET /status` on the admin port.

An answer is a courtesy: a pod that cannot be reached, by a network policy or because it is gone, is left out,
and everything that matters is decided without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import aiohttp

from fairlead_operator.telemetry import GATEWAY_REQUESTS

Object = dict[str, Any]

_TIMEOUT_SECONDS = 2.0


class Gateways:
    """Requests to the admin ports of pods."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, pods: Iterable[Object]) -> dict[str, Object]:
        """What the pods that answer say, by name."""
        asked = list(pods)
        answers = await asyncio.gather(*(self._get(pod["status"]["podIP"]) for pod in asked))
        pairs = zip(asked, answers, strict=True)
        return {pod["metadata"]["name"]: answer for pod, answer in pairs if answer is not None}

    async def close(self) -> None:
        """Closes the connections."""
        if self._session:
            await self._session.close()

    async def _get(self, address: str) -> Object | None:
        host = f"[{address}]" if ":" in address else address
        try:
            async with self._connections().get(f"http://{host}:{self._port}/status") as response:
                response.raise_for_status()
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            GATEWAY_REQUESTS.labels("failed").inc()
            return None
        GATEWAY_REQUESTS.labels("ok").inc()
        return answer if isinstance(answer, dict) else None

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Pods are asked seldom, so a kept connection would only be one that has died meanwhile. No proxy
            # of the environment: pods are reached directly.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True, limit=64),
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS),
            )
        return self._session
