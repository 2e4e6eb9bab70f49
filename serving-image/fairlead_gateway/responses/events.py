"""Server-sent events of a Response, numbered in the order in which they are written.

Most bytes of a stream are text deltas. Their events differ only in number and text, so they are rendered
from a template; every other event is a document.
"""

from __future__ import annotations

from typing import Any

import orjson


class EventWriter:
    """Collects the bytes of events until they are taken."""

    def __init__(self) -> None:
        self._sequence = 0
        self._rendered: list[bytes] = []

    def write(self, kind: str, **fields: Any) -> None:
        """Appends one event; `kind` is its type and the name on its `event:` line."""
        data = orjson.dumps({"type": kind, "sequence_number": self._sequence, **fields})
        self._rendered.append(b"event: %b\ndata: %b\n\n" % (kind.encode(), data))
        self._sequence += 1

    def write_delta(self, template: bytes, delta: str) -> None:
        """Appends an event of `delta_template`."""
        self._rendered.append(template % (self._sequence, orjson.dumps(delta)))
        self._sequence += 1

    def take(self) -> bytes:
        """The bytes written since the last call."""
        taken = b"".join(self._rendered)
        self._rendered.clear()
        return taken


def delta_template(kind: str, **fields: Any) -> bytes:
    """The bytes of a delta event with places for its number and its text; `fields` never change."""
    fixed = orjson.dumps({"type": kind, **fields}).replace(b"%", b"%%")
    return b"event: %b\ndata: %b" % (kind.encode(), fixed[:-1]) + b',"sequence_number":%d,"delta":%b}\n\n'
