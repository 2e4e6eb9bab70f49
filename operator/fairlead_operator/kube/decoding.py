"""Decodes JSON from the API server. The server is trusted, the contents of its objects are not.

The API server accepts objects that are nested 10,000 levels deep, also in the metadata by which it tracks who
wrote which field. Python's parser gives up at a tenth of that. One such object must not hide all others of a
list.
"""

from __future__ import annotations

import json
import re
from typing import Any

from fairlead_operator.bounds import JSON_DEPTH

_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]')
_OPENING = b"[{"


def decode(data: bytes) -> Any:
    """The JSON value; what is nested too deeply for the parser is null. Raises ValueError."""
    try:
        return json.loads(data)
    except RecursionError:
        return json.loads(cut_nesting(data))


def cut_nesting(data: bytes, depth: int = JSON_DEPTH) -> bytes:
    """The JSON text with null in place of each array and object that is nested deeper than `depth`."""
    if data.count(b"[") + data.count(b"{") <= depth:
        return data
    parts: list[bytes] = []
    level = kept = 0
    for token in _STRING_OR_BRACKET.finditer(data):
        mark = data[token.start()]
        if mark in _OPENING:
            if level == depth:
                parts += (data[kept : token.start()], b"null")
            level += 1
        elif mark != ord('"'):
            level -= 1
            if level == depth:
                kept = token.end()
    return b"".join((*parts, data[kept:]))
