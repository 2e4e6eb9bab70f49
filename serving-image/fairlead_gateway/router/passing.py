"""Where the answer to a routed request goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fairlead_gateway.exchange import Client

Headers = Sequence[tuple[bytes, bytes]]


class PassingClient(Client, Protocol):
    """Takes an answer of the router's own, or a pod's as it is."""

    def pass_head(self, status: int, headers: Headers) -> None:
        """Status and headers of a pod's answer."""

    def pass_data(self, data: bytes) -> None:
        """Some bytes of its body."""

    def pass_end(self) -> None:
        """It is complete."""
