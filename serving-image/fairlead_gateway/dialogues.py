"""The two APIs as the transport drives them."""

from __future__ import annotations

from .contract.chat import ChatDialogue
from .responses.dialogue import ResponsesDialogue

__all__ = ["ChatDialogue", "ResponsesDialogue"]
