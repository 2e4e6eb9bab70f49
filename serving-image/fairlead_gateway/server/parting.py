"""How a connection ends: after the answers to all earlier requests, and so that the client can read the last
one.

An error that concerns the connection (an invalid head, an exceeded bound) is answered after the answers to
earlier requests on the same connection, and then the connection is closed.
"""

from __future__ import annotations

import fcntl
import sys
import termios
from collections import deque
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from fairlead_gateway.bounds import LINGER_SECONDS, MAX_DROPPED_BYTES, STALLED_READER_SECONDS
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.request_facts import RequestFacts
from fairlead_gateway.request_id import header_line, id_in
from fairlead_gateway.server_context import ServerContext


class PartingProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, for a connection that may have to end."""

    # Slots in this class and those below it: uvicorn's has 28 attributes, and beyond 30 Python keeps an
    # object's attributes in a dictionary, which makes each access slower.
    __slots__ = (
        "_deaf",
        "_dropped",
        "_linger_until",
        "_parting",
        "_services",
        "_unread",
        "_unread_since",
    )
    _services: ServerContext
    cycle: Any
    pipeline: deque[Any]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Nothing more is read: the connection ends when the running requests are answered.
        self._deaf = False
        # The error that is the last answer, if any.
        self._parting: ApiError | None = None
        # What came after the last answer, and until when it is awaited.
        self._dropped = 0
        self._linger_until: float | None = None
        # Bytes that the client has not read yet, and since when.
        self._unread = 0
        self._unread_since = 0.0

    def pause_writing(self) -> None:
        # A client that does not read answers must not cause more.
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.pipeline:
            self.flow.resume_reading()

    def shutdown(self) -> None:
        """uvicorn: the server stops. An idle connection ends when its client has the last answer."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        elif self._linger_until is not None or self.unread_bytes():
            self.close_when_read()
        else:
            self.close_idle()

    def on_response_complete(self) -> None:
        """uvicorn: an answer is written."""
        if self._linger_until is not None:
            # It was the last one: what was read of further requests gets no answer.
            return
        super().on_response_complete()
        if self.flow.write_paused:
            self.flow.pause_reading()
        self._part()

    def _drop(self, data: bytes) -> None:
        """Counts bytes that are dropped after the last request."""
        self._dropped += len(data)
        if self._dropped > MAX_DROPPED_BYTES:
            self.transport.abort()

    def _part(self) -> None:
        """Ends the connection if it is to end and no request is running."""
        if not self._deaf or self.pipeline or self.transport.is_closing() or self._linger_until is not None:
            return
        if self.cycle is not None and not self.cycle.response_complete:
            return
        if self._parting is not None:
            self.transport.write(self._last_answer(self._parting))
        self.close_when_read()

    def close_when_read(self) -> None:
        """Closes after what was written, also if the client is still sending.

        A connection that is closed with unread bytes is reset, and a client that is reset may not see the
        answer. So what still comes is read and dropped for a moment, until the client closes too. And until
        the client has the answer, the connection counts for `unread_bytes` and for a server that stops.
        """
        if self._linger_until is not None or self.transport.is_closing():
            return
        self._deaf = True
        self._linger_until = self._services.clock() + LINGER_SECONDS
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            # TLS has no half-closed connections. This sends its end behind what was written, and awaits that
            # of the client.
            self.transport.close()

    def close_idle(self) -> None:
        """Closes a connection whose client has all answers."""
        if self.transport.can_write_eof():
            self.transport.close()
        else:
            self.close_when_read()

    def _last_answer(self, error: ApiError) -> bytes:
        body, request_id = error.body(), id_in(header_line(b"", self._services.next_token()))
        self._services.report(RequestFacts(request_id, "other", error.status, 0.0, error.code), None)
        headers = {
            **error.headers,
            "content-type": "application/json",
            "content-length": str(len(body)),
            "x-request-id": request_id,
            "connection": "close",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if self.parser.get_method() == b"HEAD":
            body = b""
        return STATUS_LINE[error.status] + lines.encode() + b"\r\n" + body

    def unread_bytes(self) -> int:
        """Bytes that were written and that the client's machine has not acknowledged, in user space and in
        the kernel. The latter are lost when the pod's network ends, even after the process has ended well.
        """
        return self.transport.get_write_buffer_size() + self._queued(termios.TIOCOUTQ)

    def _waiting_bytes(self) -> int:
        """Bytes of the client that are not read yet. A busy process reads late, and to close before would
        reset the connection. How many may come is bounded, see _drop.
        """
        return self._queued(termios.FIONREAD)

    def _queued(self, queue: int) -> int:
        """Bytes in one of the kernel's two queues of the connection."""
        found = bytearray(4)
        connection = self.transport.get_extra_info("socket")
        # A connection may end at any time.
        with suppress(OSError, ValueError, AttributeError):
            fcntl.ioctl(connection.fileno(), queue, found)
        return int.from_bytes(found, sys.byteorder)

    def _end_lingering(self, now: float, until: float) -> None:
        """Closes a connection after its last answer, if the client does not close it."""
        if now > until and not self._waiting_bytes() and not self.unread_bytes():
            # Not `close`: a connection with TLS is closing already.
            self.transport.abort()

    def _watch_reader(self, now: float) -> None:
        """Closes the connection of a client that does not read."""
        unread = self.unread_bytes()
        if unread != self._unread or not unread:
            self._unread, self._unread_since = unread, now
        elif now - self._unread_since > STALLED_READER_SECONDS:
            self.transport.abort()
