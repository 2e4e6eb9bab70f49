"""The Responses API as an adapter: translated to chat completions, and its answer back."""

from __future__ import annotations

from fairlead_gateway.contract.api_adapter import Call, Relay
from fairlead_gateway.contract.assembled import assemble
from fairlead_gateway.contract.error_attribution import attribute_error
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.policy import RequestPolicy
from fairlead_gateway.contract.request import PreparedChat
from fairlead_gateway.contract.response_transform import Reasoning

from .completed import to_response
from .document import ResponseDocument
from .output import ItemShape
from .request import prepare_responses
from .stream import ResponseStream


class ResponsesAdapter:
    """One Responses request and its answer. Raises ApiError for a request that cannot be served."""

    engine: PreparedChat

    def __init__(self, body: bytes, policy: RequestPolicy, call: Call) -> None:
        request = prepare_responses(body, policy)
        extras = policy.dialect.response_extras
        transform = request.engine.transform
        self.engine = request.engine
        self.engine.document = {}
        self._naming, self._token = request.naming, call.token
        self._document = ResponseDocument(
            response_id=transform.request_id or f"resp_{call.token}",
            token=call.token,
            model=request.engine.model,
            created_at=call.clock(),
            clock=call.clock,
            repeated=request.repeated,
            items=ItemShape(extras.message, request.tools.custom, request.tools.namespaces),
            extras=extras,
            shows_reasoning=transform.reasoning is not Reasoning.DROPPED,
        )

    def whole(self, body: bytes) -> bytes:
        """The Response object for the engine's chat completion."""
        if self.engine.transform.assembled:
            body = assemble(body, self._token, self.attribute_error)
        return to_response(self._document, body)

    def stream(self) -> tuple[bytes, Relay]:
        """The opening events, and what makes the others."""
        stream = ResponseStream(self._document, self._naming)
        return stream.start(), stream

    def attribute_error(self, error: ApiError) -> ApiError:
        """The engine's error in the client's names."""
        return self._naming.to_client(attribute_error(error, self.engine))
