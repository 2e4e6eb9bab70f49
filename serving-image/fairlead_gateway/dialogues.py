"""The two APIs as `serving` drives them: chat completions forward, responses translate."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from types import MappingProxyType

from .contract.request import prepare_chat
from .contract.sse import ChatRelay
from .responses.completed import to_response
from .responses.request import prepare_responses
from .responses.stream import ResponseStream


class ChatDialogue:
    """Chat completions: the engine's bytes are the client's."""

    engine_names: Mapping[str, str] = MappingProxyType({})

    def __init__(self, body: bytes, served: tuple[str, ...]) -> None:
        self.engine = prepare_chat(body, served)

    def whole(self, body: bytes) -> bytes:
        """The engine's answer as it is."""
        return body

    def stream(self) -> tuple[bytes, ChatRelay]:
        """A relay that only watches how the stream ends."""
        return b"", ChatRelay()


class ResponsesDialogue:
    """Responses, translated to chat completions and back."""

    engine_names: Mapping[str, str] = MappingProxyType(
        {"messages": "input", "max_completion_tokens": "max_output_tokens", "response_format": "text.format"}
    )

    def __init__(self, body: bytes, served: tuple[str, ...]) -> None:
        self._request = prepare_responses(body, served)
        self._id = f"resp_{secrets.token_hex(16)}"
        self._created_at = _unix_seconds()
        self.engine = self._request.engine

    def whole(self, body: bytes) -> bytes:
        """The Response object for the engine's chat completion."""
        return to_response(self._request, body, self._id, self._created_at, _unix_seconds())

    def stream(self) -> tuple[bytes, ResponseStream]:
        """The opening events, and what makes the others."""
        stream = ResponseStream(self._request, self._id, _unix_seconds)
        return stream.start(), stream


def _unix_seconds() -> int:
    return int(time.time())
