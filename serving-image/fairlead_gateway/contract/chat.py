"""Chat completions as a dialogue: the engine speaks the same API, so most bytes pass as they are."""

from __future__ import annotations

from .dialogue import Call, Relay
from .errors import ApiError
from .policy import Policy
from .request import PreparedChat, prepare_chat
from .sse import ChatRelay


class ChatDialogue:
    """One chat-completions request and its answer."""

    engine: PreparedChat

    def __init__(self, body: bytes, policy: Policy, call: Call) -> None:
        self.engine = prepare_chat(body, policy)
        self._call = call

    def whole(self, body: bytes) -> bytes:
        """The engine's answer in the shape of the dialect."""
        return body

    def stream(self) -> tuple[bytes, Relay]:
        """Nothing to begin with, and a relay."""
        return b"", ChatRelay()

    def explain(self, error: ApiError) -> ApiError:
        """The engine's error; the names are the client's."""
        return error
