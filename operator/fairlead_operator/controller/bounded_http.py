"""GET requests to servers that may be hostile: bounded in bytes, headers and time, to one address only.

- A redirect is a failure. It would let a pod choose what the operator requests elsewhere.
- Nothing is decompressed, since a kilobyte may become a gigabyte. An encoded answer is a failure.
- Each connection carries one answer. With kept connections a pod could answer a request that has
  not been sent yet, and its address may belong to another pod by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

from fairlead_operator.bounds import ANSWER_OVERHEAD_BYTES, HEADER_LINE_BYTES, HEADERS

_OK = 200
# In characters.
_LONGEST_REASON = 200
# aiohttp reads ahead at most twice as much.
_READ_AHEAD_BYTES = 16 << 10


class NoAnswerError(Exception):
    """There is no usable answer; the text has the cause."""


class BoundedHttp:
    """GET requests whose answers have at most `body_bytes`. Close it at the end."""

    def __init__(self, body_bytes: int) -> None:
        self._body_bytes = body_bytes
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str, seconds: float, query: Mapping[str, str] | None = None) -> bytes:
        """The body of a complete 200 answer that arrives within `seconds`. Raises NoAnswerError."""
        try:
            async with (
                asyncio.timeout(seconds),
                self._connections().get(url, params=query, allow_redirects=False) as response,
            ):
                if response.status != _OK:
                    raise NoAnswerError(f"HTTP {response.status}")
                if encoding := response.headers.get("Content-Encoding"):
                    raise NoAnswerError(f"the answer is encoded: {encoding[:40]}")
                return await self._read(response)
        except (aiohttp.ClientError, HttpProcessingError, TimeoutError, OSError, ValueError) as error:
            raise NoAnswerError(_text(error)) from error

    async def close(self) -> None:
        """Closes the connections."""
        if self._session:
            await self._session.close()

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for part in response.content.iter_any():
            body += part
            if len(body) > self._body_bytes:
                raise NoAnswerError(f"the answer is longer than {self._body_bytes} bytes")
        return bytes(body)

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=_BoundedConnector(2 * self._body_bytes + ANSWER_OVERHEAD_BYTES),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                max_line_size=HEADER_LINE_BYTES,
                max_field_size=HEADER_LINE_BYTES,
                max_headers=HEADERS,
                read_bufsize=_READ_AHEAD_BYTES,
                middlewares=(_once,),
                # Each request has its own time limit, which also covers the end of the connection.
                timeout=aiohttp.ClientTimeout(),
            )
        return self._session


async def _once(request: aiohttp.ClientRequest, handle: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """One request is one connection. aiohttp would try again when the server ends it without an answer."""
    try:
        return await handle(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise NoAnswerError(_text(error)) from error


def _text(error: BaseException) -> str:
    return f"{error}"[:_LONGEST_REASON] or type(error).__name__


class _BoundedConnector(aiohttp.TCPConnector):
    """Connections that carry one answer of at most so many bytes. No proxy of the environment: pods are
    reached directly.
    """

    def __init__(self, most_bytes: int) -> None:
        super().__init__(force_close=True, limit=0)
        self._factory = cast(
            "partial[ResponseHandler]", partial(_BoundedProtocol, most_bytes, loop=self._loop)
        )


class _BoundedProtocol(ResponseHandler):
    """Ends a connection that carries more than `most_bytes`, whatever they are.

    aiohttp bounds each header and the memory of a body. It does not bound interim responses (100 Continue),
    extensions of chunks and other bytes that cost time and become nothing.
    """

    def __init__(self, most_bytes: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._left = most_bytes

    def data_received(self, data: bytes) -> None:
        """Passes on what arrives, up to the bound."""
        self._left -= len(data)
        if self._left >= 0:
            super().data_received(data)
        elif self.transport is not None:
            self.transport.abort()
