"""The changes of an answer that a request needs beyond the engine's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from types import MappingProxyType

from fairlead_contract.dialects import AnswerShape

_NO_NAMES: Mapping[str, str] = MappingProxyType({})


class Reasoning(Enum):
    """Where the model's reasoning is in the answer. The engine calls it `reasoning`."""

    AS_RECEIVED = "reasoning"
    RENAMED = "reasoning_content"
    DROPPED = ""


@dataclass(frozen=True)
class Selection:
    """How many of the engine's choices are returned, and whether with their log probabilities."""

    n: int
    keep_logprobs: bool


@dataclass(frozen=True)
class ResponseTransform:
    """All that the answer of one request needs. The defaults mean: the engine's answer as it is."""

    shape: AnswerShape
    reasoning: Reasoning = Reasoning.AS_RECEIVED
    request_id: str | None = None
    selection: Selection | None = None
    tools: bool = False
    """Whether the answer may hold tool calls."""
    assembled: bool = False
    """Whether the engine streams an answer that the client gets as a whole."""
    choices: int = 1
    """How many choices the engine makes; a stream is complete when each has finished."""
    contested: tuple[str, str] | None = None
    """Two parameters that may leave the engine no token to choose."""
    names: Mapping[str, str] = field(default_factory=lambda: _NO_NAMES)
    """The client's names for parameters that the engine knows under another one."""

    @cached_property
    def is_plain(self) -> bool:
        """Whether the engine's bytes are the answer if it is a whole one. Most requests share a transform."""
        return (
            self.shape.as_received
            and self.reasoning is Reasoning.AS_RECEIVED
            and self.request_id is None
            and self.selection is None
        )
