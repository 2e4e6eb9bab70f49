"""Connections to the gateways of pods: the gateway's own client, over TCP, and with the answer's headers."""

from __future__ import annotations

import re

from fairlead_gateway.bounds import MAX_ANSWER_HEADERS
from fairlead_gateway.routes import STREAM_STATUS_TRAILER
from fairlead_gateway.upstream.connection import HttpConnection
from fairlead_gateway.upstream.pool import Pool

from .endpoint_slices import Address

# Below the gateways' own idle timeout of 75 s.
_KEEPALIVE_SECONDS = 60
_STATUS = re.compile(rb"[45]\d\d")


class PodConnection(HttpConnection):
    """Keeps the headers of the answer beside its body."""

    headers: list[tuple[bytes, bytes]]
    stream_status = 0

    def on_message_begin(self) -> None:
        """httptools: an answer begins."""
        super().on_message_begin()
        self.headers, self.stream_status = [], 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: one header, or a trailer; of those one is read. Too many headers stop the parser."""
        if self._headed:
            if name.lower() == STREAM_STATUS_TRAILER and _STATUS.fullmatch(value):
                self.stream_status = int(value)
            return
        if len(self.headers) >= MAX_ANSWER_HEADERS:
            raise ValueError("too many headers")
        self.headers.append((name.lower(), value))


class PodPool(Pool):
    """The API port of one pod."""

    def __init__(self, address: Address, connect_seconds: float) -> None:
        super().__init__(_KEEPALIVE_SECONDS, connect_seconds)
        self._address = address

    async def _dial(self) -> HttpConnection:
        host, port = self._address.host, self._address.port
        _, connection = await self._loop.create_connection(lambda: PodConnection(self), host, port)
        return connection
