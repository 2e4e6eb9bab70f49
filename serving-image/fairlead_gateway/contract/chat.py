"""Chat completions as an adapter: the engine speaks the same API, so most bytes pass as they are."""

from __future__ import annotations

from .api_adapter import Call, Relay
from .assembled import assemble
from .chunks import chunk_rewriter
from .error_attribution import attribute_error
from .errors import ApiError
from .policy import RequestPolicy
from .request import PreparedChat, prepare_chat
from .shaping import shape_answer
from .sse import ChatRelay


class ChatAdapter:
    """One chat-completions request and its answer."""

    engine: PreparedChat

    def __init__(self, body: bytes, policy: RequestPolicy, call: Call) -> None:
        self.engine = prepare_chat(body, policy)
        self.engine.document = {}
        self._call = call

    def whole(self, body: bytes) -> bytes:
        """The engine's answer in the shape of the dialect."""
        if self.engine.transform.assembled:
            body = assemble(body, self._call.token, self.attribute_error)
        return shape_answer(body, self.engine.transform)

    def stream(self) -> tuple[bytes, Relay]:
        """Returns no first bytes, and the relay of the engine's stream."""
        transform = self.engine.transform
        rewrite = chunk_rewriter(transform, self._call.token)
        return b"", ChatRelay(transform.choices, rewrite, transform.shape.cut, self.attribute_error)

    def attribute_error(self, error: ApiError) -> ApiError:
        """The engine's error under the names that the client has used."""
        return attribute_error(error, self.engine)
