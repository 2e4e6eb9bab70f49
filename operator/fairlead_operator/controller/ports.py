"""GET requests to the admin ports of routers and gateways, for numbers that change all the time.

Connections are kept: the same few are asked every few seconds. Nothing here raises; a process that does not
answer is a fact that the autoscaler knows how to deal with.
"""

from __future__ import annotations

from typing import Any

import aiohttp

from fairlead_operator.telemetry import DEMAND_REQUESTS

Object = dict[str, Any]

_LONGEST_ANSWER_SECONDS = 2.0
_CONNECTIONS = 512


class AdminPorts:
    """The port of that number on any address."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._session: aiohttp.ClientSession | None = None

    async def demand(
        self, address: str, source: str, wait: float = 0.0, cursor: int | None = None
    ) -> Object | None:
        """What GET /demand answers, None if it does not; with a cursor after at most `wait` seconds more.
        `source` is router or gateway, for the metrics.
        """
        host = f"[{address}]" if ":" in address else address
        query = {} if cursor is None else {"wait": str(wait), "cursor": str(cursor)}
        timeout = aiohttp.ClientTimeout(total=_LONGEST_ANSWER_SECONDS + wait)
        url = f"http://{host}:{self._port}/demand"
        try:
            async with self._connections().get(url, params=query, timeout=timeout) as response:
                response.raise_for_status()
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            DEMAND_REQUESTS.labels(source, "failed").inc()
            return None
        DEMAND_REQUESTS.labels(source, "ok").inc()
        return answer if isinstance(answer, dict) else None

    async def close(self) -> None:
        """Closes the connections."""
        if self._session:
            await self._session.close()

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            # No proxy of the environment: pods are reached directly.
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_CONNECTIONS))
        return self._session
