"""Chat completions as a dialogue: the engine speaks the same API, so most bytes pass as they are."""

from __future__ import annotations

from .chunks import chunk_rewriter
from .dialogue import Call, Relay
from .errors import ApiError
from .explain import explain
from .policy import Policy
from .request import PreparedChat, prepare_chat
from .shaping import shape_answer
from .sse import ChatRelay


class ChatDialogue:
    """One chat-completions request and its answer."""

    engine: PreparedChat

    def __init__(self, body: bytes, policy: Policy, call: Call) -> None:
        self.engine = prepare_chat(body, policy).without_document()
        self._call = call

    def whole(self, body: bytes) -> bytes:
        """The engine's answer in the shape of the dialect."""
        return shape_answer(body, self.engine.wanted)

    def stream(self) -> tuple[bytes, Relay]:
        """Nothing to begin with, and a relay."""
        wanted = self.engine.wanted
        rewrite = chunk_rewriter(wanted, self._call.token)
        return b"", ChatRelay(wanted.choices, rewrite, wanted.shape.cut, self.explain)

    def explain(self, error: ApiError) -> ApiError:
        """The engine's error under the names that the client has used."""
        return explain(error, self.engine)
