"""Finds in a request's body what the router needs: the model, and the beginning of the conversation.

A body can be megabytes of prompt, so it is searched, not parsed. Inside a JSON string the quotes of `"model"`
would be escaped, so these bytes are a key or a whole string; only a body that has them more than once is
parsed. If a nested key is found instead of the one at the top, the request goes to a pod that refuses it: the
gateway there parses the body and decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

from fairlead_gateway.bounds import MAX_MODEL_NAME_BYTES
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.request import parse_object

from .balancing import hash64

_KEY = b'"model"'
_MODEL = re.compile(rb'"model"\s*:\s*("[^"\\\x00-\x1f]*")')
_CACHE_KEY = re.compile(rb'"prompt_cache_key"\s*:\s*"((?:[^"\\]|\\.){1,256})')
_USER = re.compile(rb'"role"\s*:\s*"user"')
_TEXT = rb'(?:"|\[\s*\{\s*"type"\s*:\s*"(?:input_)?text"\s*,\s*"text"\s*:\s*")((?:[^"\\]|\\.){0,256})'
_CONTENT = re.compile(rb'\s*,\s*"content"\s*:\s*' + _TEXT)
_INPUT = re.compile(rb'"input"\s*:\s*' + _TEXT)
# Where the text of a message comes before its role, this much of it is read.
_BEFORE_BYTES = 256
# Bytes of a name, with its quote: enough to detect one that is too long.
_KEPT = MAX_MODEL_NAME_BYTES + 2


@dataclass(slots=True)
class ScannedBody:
    """`model` is the client's, None if it is absent; of a name beyond MAX_MODEL_NAME_BYTES only the
    beginning, which is beyond it too. `span` is the position of the JSON string in the body, None if the body
    had to be parsed. `affinity` are 64 bits for the beginning of the conversation, if it was found.
    """

    model: str | None
    span: tuple[int, int] | None
    affinity: int | None


def scan_body(body: bytes) -> ScannedBody:
    """Scans a body. Raises the ApiError of a body that had to be parsed and is not a JSON object."""
    if body.count(_KEY) == 1:
        found = _MODEL.search(body)
        if found is not None and len(found[1]) > MAX_MODEL_NAME_BYTES + 2:
            return ScannedBody(found[1][1:_KEPT].decode(errors="replace"), found.span(1), None)
        if found is not None:
            try:
                return ScannedBody(found[1][1:-1].decode() or None, found.span(1), _affinity(body, found[1]))
            except UnicodeDecodeError:
                pass
    model = parse_object(body).get("model")
    named = model[:_KEPT] if isinstance(model, str) and model else None
    return ScannedBody(named, None, _affinity(body, (named or "").encode()))


def renamed(body: bytes, scanned: ScannedBody, model: str) -> bytes:
    """The body with another model's name in it; the rest stays as it is."""
    if scanned.span is None:
        return orjson.dumps({**parse_object(body), "model": model})
    start, end = scanned.span
    return body[:start] + orjson.dumps(model) + body[end:]


def asks_for_stream(body: bytes) -> bool:
    """Whether the request is for a stream; an unreadable value is refused later."""
    try:
        return parse_object(body).get("stream") is True
    except ApiError:
        return False


def _affinity(body: bytes, model: bytes) -> int | None:
    """By `prompt_cache_key`, which is OpenAI's parameter for just this, or by the first text of the user:
    system prompts are often shared by all conversations, and later messages are not there yet in the first
    request. The window must not reach beyond that text, or the second request would look different.
    """
    if chosen := _CACHE_KEY.search(body):
        return hash64(model + chosen[1])
    if user := _USER.search(body):
        content = _CONTENT.match(body, user.end())
        before = body[max(0, user.start() - _BEFORE_BYTES) : user.start()]
        return hash64(model + before + (content[1] if content else b""))
    if text := _INPUT.search(body):
        return hash64(model + text[1])
    return None
