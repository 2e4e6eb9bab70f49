"""What the gateway of a pod says of it: the answer to `GET /status` on the admin port.

The answer comes from a container that the pod's owner can replace. It counts only if it has this shape.
Fields that are not known here are ignored, so that a newer gateway is understood.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from fairlead_operator.bounds import (
    LARGEST_COUNT,
    LARGEST_COUNTER,
    LARGEST_SECONDS,
    SENTENCE_CHARACTERS,
    WORD_CHARACTERS,
)
from fairlead_operator.plan.text import clean

Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
"""A number of requests."""
Bytes = Annotated[int, Field(ge=0, le=LARGEST_COUNTER)]
Counter = Annotated[float, Field(ge=0, le=LARGEST_COUNTER, allow_inf_nan=False)]
"""A number that only rises, or a number of tokens."""
Seconds = Annotated[float, Field(ge=0, le=LARGEST_SECONDS, allow_inf_nan=False)]
"""A duration, or a time since 1970."""
Word = Annotated[str, AfterValidator(lambda text: clean(text, WORD_CHARACTERS))]
Sentence = Annotated[str, AfterValidator(lambda text: clean(text, SENTENCE_CHARACTERS))]


class PodDocument(BaseModel):
    """An answer in camelCase. Types are strict: a number in quotes, or true, is no number."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="ignore", alias_generator=to_camel, validate_by_name=True
    )


class ReportedCause(PodDocument):
    """Why a download does not go on."""

    reason: Word = ""
    message: Sentence = ""


class WeightsReport(PodDocument):
    """How far the download of the weights is."""

    phase: Word = ""
    source: Sentence = ""
    bytes: Bytes | None = None
    total_bytes: Bytes | None = None
    bytes_per_second: Bytes | None = None
    detail: Sentence = ""
    cause: ReportedCause | None = None

    @property
    def figures(self) -> dict[str, Any]:
        """The values that were given, with the names that status.weights has for them."""
        return self.model_dump(by_alias=True, exclude_defaults=True)


class EngineState(PodDocument):
    """What the launcher says of the engine."""

    phase: Word | None = None


class PodReport(PodDocument):
    """How much a pod has to do and how far its start is."""

    in_flight: Count
    """Requests that run."""
    queued: Count
    """Requests that wait for their turn in the gateway."""
    unresponsive_seconds: Seconds = 0.0
    """How long the engine has had requests and made no token."""
    engine: EngineState | None = None
    weights: WeightsReport | None = None

    @property
    def load(self) -> int:
        """Requests that the pod has, running and waiting."""
        return self.in_flight + self.queued
