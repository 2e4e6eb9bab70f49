"""Base classes of the documents that programs exchange, and the types of values in them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from fairlead_contract.bounds import (
    LARGEST_COUNT,
    LARGEST_COUNTER,
    LARGEST_SECONDS,
    SENTENCE_CHARACTERS,
    WORD_CHARACTERS,
)
from fairlead_contract.text import printable

Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
"""A number of requests."""
Bytes = Annotated[int, Field(ge=0, le=LARGEST_COUNTER)]
Amount = Annotated[float, Field(ge=0, le=LARGEST_COUNTER, allow_inf_nan=False)]
"""A number of tokens or steps, as the engine's metrics have it."""
Counter = Bytes | Amount
"""A number that only rises. Our programs write whole numbers."""
Seconds = Annotated[float, Field(ge=0, le=LARGEST_SECONDS, allow_inf_nan=False)]
"""A duration in seconds, or a time in seconds since 1970."""
Word = Annotated[str, AfterValidator(lambda text: printable(text, WORD_CHARACTERS))]
Sentence = Annotated[str, AfterValidator(lambda text: printable(text, SENTENCE_CHARACTERS))]


class JsonObject(BaseModel):
    """A JSON object in camelCase. Unknown keys are ignored, unless a subclass says otherwise."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        serialize_by_alias=True,
    )


class Document(JsonObject):
    """One whose types are strict: a number in quotes, or true, is no number."""

    model_config = ConfigDict(strict=True)

    def to_json(self) -> bytes:
        """Returns the document as JSON in UTF-8, as it is sent."""
        return self.model_dump_json().encode()


class OperatorDocument(JsonObject):
    """One that the operator writes for a program of a pod. The operator may be newer, so unknown keys are
    ignored.
    """
