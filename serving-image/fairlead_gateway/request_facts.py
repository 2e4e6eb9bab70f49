"""What is known of a request that is over: the contents of its line in the request log, and of its span."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_NO_LABELS: Mapping[str, str] = MappingProxyType({})


@dataclass(slots=True)
class RequestFacts:
    """What is known of a request that is over. Never text of the request or of its answer, and no API key."""

    request_id: str
    endpoint: str
    """`chat`, `responses`, `models` or `other`."""
    status: int
    """As it is counted: 499 if the client left, 5xx also for a stream that broke after its 200."""
    seconds: float
    """From its arrival to the last byte of its answer."""
    code: str | None = None
    """The `code` of the error in the answer."""
    namespace: str | None = None
    model: str | None = None
    """Name of the ModelDeployment."""
    requested_model: str | None = None
    """The one of its names that the request has."""
    first_token_seconds: float | None = None
    """From its arrival to the first event of a stream."""
    held_seconds: float | None = None
    """How long it waited for a place: at a pod in the router, at the engine in the gateway."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    key: str | None = None
    """The name of the API key."""
    pod: str | None = None
    """The pod that the router sent it to last."""
    retries: int | None = None
    """How often the router sent it to another pod."""
    trace_id: str | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: _NO_LABELS)

    @property
    def waited(self) -> float:
        """What its client waited for: the first event of a stream, or the whole of another answer."""
        return self.seconds if self.first_token_seconds is None else self.first_token_seconds
