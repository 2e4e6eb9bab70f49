"""The HTTP client to the engine.

The engine closes idle connections, and now and then one right after an error answer. A request that meets
such a connection dies before its first byte without having been processed, so it is sent once more; a fresh
connection that dies is a real failure and is not retried.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp

from fairlead_gateway.contract.errors import ApiError, engine_failed, engine_unavailable

# Below the engine's own idle timeout (VLLM_HTTP_TIMEOUT_KEEP_ALIVE, 5 s by default).
KEEPALIVE_SECONDS = 4
CONNECT_SECONDS = 5
HEALTH_SECONDS = 3
_READ_BYTES = 1 << 16
_BASE_URL = "http://engine"


class EngineClient:
    """Talks to the engine behind one Unix socket. Created and closed inside a running event loop."""

    def __init__(self, socket_path: str) -> None:
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_reuseconn.append(_mark_reused)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(socket_path, limit=0, keepalive_timeout=KEEPALIVE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS),
            read_bufsize=_READ_BYTES,
            auto_decompress=False,
            trace_configs=[tracing],
        )

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()

    @asynccontextmanager
    async def post(self, path: str, body: bytes) -> AsyncIterator[aiohttp.ClientResponse]:
        """Sends a JSON body and gives the answer once its headers are there.

        Leaving the block closes the connection unless the answer was read to its end, which is how the
        engine learns that nobody waits any more. Raises ApiError when there is no answer.
        """
        response = await self._send(path, body)
        try:
            yield response
        finally:
            response.close()

    async def healthy(self) -> bool:
        """Whether the engine says that it can serve."""
        try:
            return (await self._get("/health"))[0] == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def metrics(self) -> bytes:
        """The engine's own metrics, or nothing while it cannot be asked."""
        try:
            status, body = await self._get("/metrics")
        except (aiohttp.ClientError, OSError, TimeoutError):
            return b""
        return body if status == 200 else b""

    async def models(self) -> list[dict[str, Any]]:
        """The engine's list of models, or nothing while it cannot be asked."""
        try:
            status, body = await self._get("/v1/models")
            return list(json.loads(body)["data"]) if status == 200 else []
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError):
            return []

    async def _get(self, path: str) -> tuple[int, bytes]:
        async with (
            asyncio.timeout(HEALTH_SECONDS),
            self._session.get(_BASE_URL + path) as response,
        ):
            return response.status, await response.read()

    async def _send(self, path: str, body: bytes) -> aiohttp.ClientResponse:
        for attempt in (1, 2):
            context = SimpleNamespace(reused=False)
            try:
                return await self._session.post(
                    _BASE_URL + path,
                    data=body,
                    headers={"content-type": "application/json"},
                    trace_request_ctx=context,
                )
            except (aiohttp.ClientConnectorError, TimeoutError):
                raise engine_unavailable("The engine is not reachable.") from None
            except aiohttp.ClientError as error:
                if not context.reused or attempt == 2:
                    raise _broken(error) from None
        raise AssertionError("unreachable")


async def _mark_reused(
    session: aiohttp.ClientSession,
    context: SimpleNamespace,
    params: aiohttp.TraceConnectionReuseconnParams,
) -> None:
    if context.trace_request_ctx is not None:  # GETs are not retried and do not ask
        context.trace_request_ctx.reused = True


def _broken(error: Exception) -> ApiError:
    return engine_failed(f"The engine closed the connection without an answer ({type(error).__name__}).")
