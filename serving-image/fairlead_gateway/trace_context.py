"""The W3C trace context of a request (https://www.w3.org/TR/trace-context/): which trace it belongs to, and
what the next program must get so that its spans are in the same trace.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .bounds import MAX_TRACE_STATE_BYTES
from .request_facts import RequestFacts

TRACE_PARENT, TRACE_STATE = b"traceparent", b"tracestate"
# Version, trace, parent, flags; neither id is all zeros, and version ff is invalid. A later version may add
# fields, which this one cannot pass on with a parent of its own.
_PARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class TraceContext:
    """The trace of one request. `headers` are the header lines for the next program, `trace_id` is 32 hex
    digits.
    """

    __slots__ = ("headers", "trace_id")

    def __init__(self, headers: bytes, trace_id: str) -> None:
        self.headers, self.trace_id = headers, trace_id

    def end(self, facts: RequestFacts) -> None:
        """The request is over. There is no span to record."""


def carried(fields: Mapping[bytes, bytes]) -> TraceContext | None:
    """The trace context of a request with these headers, None without a valid `traceparent`.

    An invalid `tracestate` is left out, as the specification says.
    """
    parent = fields.get(TRACE_PARENT, b"")
    found = _PARENT.fullmatch(parent)
    if found is None:
        return None
    state = state_of(fields)
    lines = b"traceparent: %b\r\n" % parent
    if state:
        lines += b"tracestate: %b\r\n" % state
    return TraceContext(lines, found[1].decode())


def state_of(fields: Mapping[bytes, bytes]) -> bytes:
    """The `tracestate` header if it is printable ASCII and not too long, else nothing."""
    state = fields.get(TRACE_STATE, b"")
    fit = len(state) <= MAX_TRACE_STATE_BYTES and state.isascii() and state.decode("latin-1").isprintable()
    return state if fit else b""
