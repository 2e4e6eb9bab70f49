"""Schemas as the common generators write them: pydantic, zod, and SDKs for OpenAI's strict mode."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel

from .bounds import in_form
from .schemas import Json
from .support import refusal, request

# What is in the strings is measured elsewhere: here it is as zod 4 writes it.
ZOD_EMAIL = (
    r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$"
)
ZOD_UUID = r"^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12})$"
DRAFT = "https://json-schema.org/draft/2020-12/schema"


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    street: str = Field(description="Street and number", examples=["Main Street 1"])
    zip: Annotated[str, Field(pattern=r"^\d{5}$")]


class Cat(BaseModel):
    # A tag with a default is not required in pydantic's schema.
    kind: Literal["cat"] = "cat"
    lives: Annotated[int, Field(ge=0, le=9)]


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    barks: bool


class Tree(BaseModel):
    name: str
    children: list[Tree] = []


class Person(BaseModel):
    model_config = ConfigDict(title="A person", extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=80)]
    nickname: str | None = None
    age: Annotated[int, Field(ge=0, lt=150)]
    height: Annotated[float, Field(gt=0)]
    born: datetime.date
    seen: datetime.datetime
    key: uuid.UUID
    balance: decimal.Decimal
    colour: Colour = Field(default=Colour.RED, description="What they like")
    address: Address | None = Field(description="Where they live")
    former: list[Address] = Field(max_length=3)
    position: tuple[float, float]
    scores: dict[str, int]
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    choice: Literal["a", "b", 1, None]
    union: int | str | list[int]
    anything: Any = None
    tree: Tree


class Pets(RootModel[list[Annotated[Cat | Dog, Field(discriminator="kind")]]]):
    pass


@pytest.mark.parametrize("mode", ["validation", "serialization"])
@pytest.mark.parametrize("model", [Person, Tree, Pets, Address])
def test_schemas_of_pydantic_are_accepted(
    model: type[BaseModel], mode: Literal["validation", "serialization"]
) -> None:
    assert request(**in_form("response_format", model.model_json_schema(mode=mode)))


def test_a_schema_reference_with_sibling_keywords_of_older_pydantic_is_accepted() -> None:
    schema: Json = {
        "title": "A",
        "type": "object",
        "properties": {"b": {"title": "B", "default": "x", "allOf": [{"$ref": "#/definitions/B"}]}},
        "definitions": {
            "B": {"title": "B", "description": "An enumeration.", "enum": ["x", "y"], "type": "string"}
        },
    }

    assert request(guided_json=schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "propertyNames": {"type": "string"}, "additionalProperties": {"type": "number"}},
        {"type": "integer", "minimum": -9007199254740991, "maximum": 9007199254740991},
        {"type": "string", "format": "email", "pattern": ZOD_EMAIL},
        {"type": "string", "format": "uuid", "pattern": ZOD_UUID},
        {"type": "string", "format": "uri"},
        {"type": "string", "minLength": 1},
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "string", "const": "a"},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]},
        {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {"type": {"type": "string", "const": tag}, "value": {"type": "string"}},
                    "required": ["type", "value"],
                    "additionalProperties": False,
                }
                for tag in ("a", "b", "c")
            ]
        },
        {"$ref": "#/$defs/Node", "$defs": {"Node": {"id": "Node", "type": "object", "properties": {
            "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}}, "required": ["next"]}}},
        {"type": "object", "properties": {"a": {"type": "string"}, "b": {"$ref": "#/properties/a"}}},
    ],
)  # fmt: skip
def test_schemas_of_zod_are_accepted(schema: Json) -> None:
    whole = {"$schema": DRAFT, "type": "object", "properties": {"value": {}}, "required": ["value"]}

    assert request(**in_form("response_format", {"$schema": DRAFT} | schema))
    if "$ref" not in str(schema):
        assert request(**in_form("response_format", whole | {"properties": {"value": schema}}))


def test_a_schema_of_openais_strict_mode_is_accepted_in_a_tool() -> None:
    parameters: Json = {
        "type": "object",
        "properties": {
            "location": {"type": "string", "description": "City and country"},
            "unit": {"type": ["string", "null"], "enum": ["C", "F", None]},
            "days": {"type": "array", "items": {"$ref": "#/$defs/day"}, "minItems": 1},
            "detail": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
        },
        "required": ["location", "unit", "days", "detail"],
        "additionalProperties": False,
        "$defs": {"day": {"type": "string", "format": "date"}},
    }
    function = {"name": "f", "strict": True, "parameters": parameters}

    assert request(tools=[{"type": "function", "function": function}])


class Tagged(BaseModel):
    tags: set[str]


def test_generated_schema_keywords_that_no_backend_enforces_are_refused() -> None:
    error = refusal(**in_form("response_format", Tagged.model_json_schema()))

    assert error.param == "response_format.json_schema.schema.properties.tags.uniqueItems"
