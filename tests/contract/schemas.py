"""Schemas that the default backend enforces, and schemas that it does not, each with texts that show it."""

from __future__ import annotations

from typing import Any, NamedTuple

Json = dict[str, Any]
STRING: Json = {"type": "string"}
INTEGER: Json = {"type": "integer"}


def closed(**properties: Any) -> Json:
    """An object with exactly these properties."""
    required = list(properties)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def defined(schema: Json, **definitions: Any) -> Json:
    """A schema with definitions that it can refer to."""
    return schema | {"$defs": definitions}


def to(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


class Enforced(NamedTuple):
    schema: Json
    fits: str
    """A text that fits the schema."""
    other: str
    """A text that does not."""


class Unenforced(NamedTuple):
    place: str
    """Where the schema cannot be enforced."""
    schema: Json
    other: str | None = None
    """A text that does not fit but that the backend lets pass; None if it refuses or fails instead."""


_OPEN = {"type": "object", "properties": {"a": INTEGER}, "additionalProperties": True}
_TWO = {"type": "object", "properties": {"a": STRING, "b": STRING}}

ENFORCED = (
    Enforced(INTEGER, "1", '"a"'),
    Enforced({"allOf": [INTEGER]}, "1", '"a"'),
    Enforced({"type": "object", "allOf": [to("x")], "$defs": {"x": closed(a=INTEGER)}}, '{"a":1}', "{}"),
    Enforced({"anyOf": [INTEGER, {"type": "null"}]}, "null", '"a"'),
    Enforced({"type": "string", "anyOf": [{"enum": ["a"]}, {"const": "b"}]}, '"b"', '"c"'),
    Enforced({"anyOf": [closed(a=STRING)], "unevaluatedProperties": False}, '{"a":"x"}', "{}"),
    # Branches that exclude each other: by type, value, range, tag, or what they require.
    Enforced({"oneOf": [INTEGER, STRING]}, "1", "null"),
    Enforced({"oneOf": [{"const": "a", "title": "A"}, {"const": "b"}]}, '"a"', '"c"'),
    Enforced({"oneOf": [{"const": 1}, {"const": True}, {"const": 1e30}]}, "true", "2"),
    Enforced(
        {"oneOf": [{"type": "integer", "minimum": 5}, {"type": "number", "exclusiveMaximum": 5}]}, "6", '"a"'
    ),
    Enforced(
        {"oneOf": [closed(k={"const": "a"}, v=INTEGER), closed(k={"const": "b"}, v=STRING)]},
        '{"k":"a","v":1}',
        '{"k":"a","v":"x"}',
    ),
    Enforced(
        {"oneOf": [closed(t=closed(k={"const": 1})), closed(t=closed(k={"const": 2}))]}, '{"t":{"k":2}}', "1"
    ),
    Enforced({"oneOf": [closed(a=STRING), closed(b=STRING)]}, '{"b":"x"}', '{"a":"x","b":"x"}'),
    Enforced({"oneOf": [STRING]}, '"a"', "1"),
    # References.
    Enforced(defined(to("x"), x=INTEGER), "1", '"a"'),
    Enforced({"$ref": "#/definitions/x", "definitions": {"x": INTEGER}}, "1", '"a"'),
    Enforced(defined({**to("x"), "description": "d", "default": 1, "nullable": True}, x=INTEGER), "1", '"a"'),
    Enforced(
        {"$id": "https://example.com/x", **defined(closed(a=to("x")), x=INTEGER)}, '{"a":1}', '{"a":"x"}'
    ),
    Enforced(closed(a=INTEGER, b={"$ref": "#/properties/a"}), '{"a":1,"b":2}', '{"a":1,"b":"x"}'),
    # Recursion that can end.
    Enforced(
        defined(to("node"), node=closed(v=INTEGER, kids={"type": "array", "items": to("node")})),
        '{"v":1,"kids":[{"v":2,"kids":[]}]}',
        '{"v":1,"kids":[1]}',
    ),
    Enforced(
        defined(to("node"), node=closed(next={"anyOf": [to("node"), {"type": "null"}]})),
        '{"next":{"next":null}}',
        '{"next":1}',
    ),
    Enforced({"type": "array", "items": {"$ref": "#"}}, "[[],[[]]]", "[1]"),
    Enforced({"type": "integer", "$defs": {"unused": {"$ref": "#/$defs/unused"}}}, "1", '"a"'),
    # Objects.
    Enforced({"properties": {"a": INTEGER}, "required": ["a"]}, '{"a":1}', "{}"),
    Enforced({"type": "object", "additionalProperties": INTEGER}, '{"a":1}', '{"a":"x"}'),
    Enforced({"type": "object", "patternProperties": {"^[a-z]+$": INTEGER}}, '{"xa":1}', '{"xa":"s"}'),
    Enforced(
        {"type": "object", "propertyNames": {"enum": ["a"]}, "additionalProperties": INTEGER},
        '{"a":1}',
        '{"b":1}',
    ),
    Enforced(
        {"type": "object", "propertyNames": {"minLength": 2}, "additionalProperties": INTEGER},
        '{"ab":1}',
        '{"a":1}',
    ),
    Enforced(_OPEN | {"minProperties": 1, "maxProperties": 1}, '{"a":1}', "{}"),
    Enforced(
        {"type": "object", "properties": {"a": INTEGER}, "unevaluatedProperties": False}, '{"a":1}', '{"b":1}'
    ),
    Enforced(
        {"type": "object", "properties": {"a": INTEGER}, "dependentRequired": {}}, '{"a":1}', '{"a":"x"}'
    ),
    Enforced(closed(a={"title": "anything"}, b=True), '{"a":1,"b":[]}', "{}"),
    # A property may be called like a keyword.
    Enforced(closed(**{"not": INTEGER, "if": STRING}), '{"not":1,"if":"x"}', '{"not":"x","if":"x"}'),
    # Arrays.
    Enforced({"type": "array", "items": INTEGER, "minItems": 1, "maxItems": 2}, "[1]", "[1,2,3]"),
    Enforced(
        {"type": "array", "prefixItems": [INTEGER, STRING], "minItems": 2, "maxItems": 2}, '[1,"a"]', "[1]"
    ),
    Enforced({"type": "array", "prefixItems": [INTEGER], "items": False}, "[1]", "[1,2]"),
    Enforced({"type": "array", "items": {}, "minItems": 1}, "[1]", "[]"),
    # Numbers.
    Enforced({"type": "integer", "minimum": 5, "maximum": 9}, "5", "4"),
    Enforced({"type": "integer", "minimum": 1.0}, "1", "0"),
    Enforced({"type": "number", "minimum": 1.5}, "2", "1"),
    Enforced({"type": "number", "exclusiveMinimum": 0}, "0.5", "0"),
    Enforced({"type": ["integer", "null"], "minimum": 5}, "null", "4"),
    # Strings.
    Enforced({"type": "string", "minLength": 2, "maxLength": 3}, '"ab"', '"a"'),
    Enforced({"type": "string", "pattern": "^[a-c]{2}$"}, '"ab"', '"x"'),
    Enforced({"type": "string", "format": "date"}, '"2024-01-01"', '"x"'),
    Enforced({"type": "string", "format": "date", "pattern": "^(?!x).*$"}, '"2024-01-01"', '"x"'),
    Enforced({"type": "integer", "format": "int32"}, "5", '"x"'),
    # Values.
    Enforced({"enum": [1, "a", None, {"b": 1}, [1], 1.5, True]}, '{"b":1}', "2"),
    Enforced({"type": ["string", "null"], "enum": ["a", None]}, "null", '"b"'),
    Enforced({"type": "number", "enum": [1, 2.5]}, "2.5", "3"),
    Enforced({"const": {"a": [1]}}, '{"a":[1]}', '"b"'),
    # What restricts values of another type than the schema's.
    Enforced({"type": "string", "minimum": 5, "uniqueItems": True, "required": ["x"]}, '"a"', "1"),
)

UNENFORCED = (
    Unenforced(".not", {"not": INTEGER}, "1"),
    Unenforced(".not", {"type": "string", "not": {"enum": ["a"]}}, '"a"'),
    Unenforced(".properties.a.not", closed(a={"not": {}}), '{"a":1}'),
    Unenforced(".if", _TWO | {"if": {"required": ["a"]}, "then": {"required": ["b"]}}, '{"a":"x"}'),
    Unenforced(".dependentRequired", _TWO | {"dependentRequired": {"a": ["b"]}}, '{"a":"x"}'),
    Unenforced(".dependentSchemas", _TWO | {"dependentSchemas": {"a": {"required": ["b"]}}}, '{"a":"x"}'),
    Unenforced(
        ".$dynamicRef", {"$dynamicRef": "#n", "$defs": {"x": {"$dynamicAnchor": "n", **INTEGER}}}, '"a"'
    ),
    # Several schemas at once, and what stands beside the keyword that decides.
    Unenforced(".allOf", {"allOf": [INTEGER, {"type": "number", "minimum": 5}]}),
    Unenforced(".properties.a.allOf", closed(a={"allOf": [closed(b=INTEGER), closed(c=INTEGER)]})),
    Unenforced(".type", {"type": "integer", "allOf": [{"minimum": 5}]}, '"a"'),
    Unenforced(".type", _TWO | {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, "1"),
    Unenforced(
        ".properties",
        {"properties": {"b": STRING}, "required": ["b"], "anyOf": [closed(a=STRING)]},
        '{"a":"x"}',
    ),
    Unenforced(".minimum", defined({**to("x"), "minimum": 5}, x=INTEGER), "1"),
    Unenforced(".enum", defined({**to("x"), "enum": ["a"]}, x=STRING), '"b"'),
    Unenforced(".anyOf", {"enum": ["a", "b"], "anyOf": [{"const": "a"}]}, '"b"'),
    Unenforced(".oneOf", {"anyOf": [INTEGER, STRING], "oneOf": [INTEGER, {"type": "null"}]}, '"a"'),
    # Branches that the same value may fit.
    Unenforced(".oneOf", {"oneOf": [INTEGER, {"type": "number"}]}, "1"),
    Unenforced(".oneOf", {"oneOf": [STRING, STRING]}, '"a"'),
    Unenforced(
        ".oneOf", {"oneOf": [{"type": "array", "items": STRING}, {"type": "array", "items": INTEGER}]}, "[]"
    ),
    # References that lead elsewhere, or nowhere.
    Unenforced(".$ref", {"$ref": "https://example.com/x.json"}, '"anything"'),
    Unenforced(".properties.a.$ref", closed(a={"$ref": "other.json#/x"}), '{"a":1}'),
    Unenforced(".$ref", {"$ref": "#x", "$defs": {"x": {"$anchor": "x", **INTEGER}}}, '"a"'),
    Unenforced(".$ref", defined(to("y"), x=INTEGER)),
    Unenforced(".$ref", {"$ref": "#/$defs/a~1b", "$defs": {"a/b": INTEGER}}),
    Unenforced(".properties.b.$ref", closed(a={"anyOf": [INTEGER]}, b={"$ref": "#/properties/a/anyOf/0"})),
    Unenforced(
        ".$defs.x.$ref",
        {
            "$id": "https://example.com/r",
            **defined(to("x"), x={"$id": "x", "$ref": "#/$defs/y", "$defs": {"y": STRING}}, y=INTEGER),
        },
        "1",
    ),
    # Recursion without an end.
    Unenforced(".$ref", {"$ref": "#"}),
    Unenforced(".$ref", defined(to("a"), a=to("b"), b=to("a"))),
    Unenforced(".allOf[0].$ref", {"allOf": [{"$ref": "#"}]}),
    Unenforced(".properties.next.$ref", closed(next={"$ref": "#"})),
    Unenforced(".items.$ref", {"type": "array", "items": {"$ref": "#"}, "minItems": 1}),
    # Also where it may be left out: the backend could begin it.
    Unenforced(
        ".properties.kid.$ref",
        defined({"type": "object", "properties": {"kid": to("x")}}, x=closed(next=to("x"))),
    ),
    Unenforced(".prefixItems[0].$ref", {"type": "array", "prefixItems": [{"$ref": "#"}], "minItems": 1}),
    # Without a type, anything fits.
    Unenforced(".minLength", {"minLength": 2}, '"a"'),
    Unenforced(".pattern", {"pattern": "^a+$"}, '"b"'),
    Unenforced(".minimum", {"minimum": 5}, "4"),
    Unenforced(".required", {"required": ["b"]}, "{}"),
    Unenforced(".maxItems", {"maxItems": 1}, "[1,2]"),
    Unenforced(".minProperties", {"minProperties": 1}, "{}"),
    Unenforced(".multipleOf", {"multipleOf": 5}, "6"),
    Unenforced(".propertyNames", {"propertyNames": {"pattern": "^a$"}}, '{"b":1}'),
    # Objects.
    Unenforced(
        ".required[1]", {"type": "object", "properties": {"a": INTEGER}, "required": ["a", "b"]}, '{"a":1}'
    ),
    Unenforced(".required[0]", _OPEN | {"required": ["b"]}, '{"a":1,"c":1}'),
    Unenforced(".required[0]", {"type": "object", "required": ["b"]}, "{}"),
    Unenforced(
        ".propertyNames", {"properties": {"b": INTEGER}, "propertyNames": {"pattern": "^a+$"}}, '{"b":1}'
    ),
    Unenforced(
        ".propertyNames", {"type": "object", "propertyNames": {"type": "null"}, "additionalProperties": True}
    ),
    Unenforced(".propertyNames.not", {"type": "object", "propertyNames": {"not": {"const": "a"}}}, '{"a":1}'),
    Unenforced(".patternProperties", {"type": "object", "patternProperties": {"^a": INTEGER, "^b": STRING}}),
    Unenforced(".properties.a", {"type": "object", "properties": {"a": False}}),
    Unenforced(".properties.a", {"type": "object", "properties": {"a": None}}),
    Unenforced(".minProperties", {"type": "object", "minProperties": 1}),
    # Arrays.
    Unenforced(".uniqueItems", {"type": "array", "items": INTEGER, "uniqueItems": True}),
    Unenforced(".uniqueItems", {"items": INTEGER, "uniqueItems": True}, "[1,1]"),
    Unenforced(".contains", {"type": "array", "contains": INTEGER}),
    Unenforced(".minItems", {"type": "array", "minItems": 1}),
    Unenforced(".minItems", {"type": "array", "items": INTEGER, "minItems": 3, "maxItems": 2}),
    Unenforced(".items", {"type": "array", "items": [INTEGER, STRING]}),
    # Numbers.
    Unenforced(".minimum", {"type": "integer", "minimum": 1.5}),
    Unenforced(".exclusiveMaximum", {"type": ["integer", "null"], "exclusiveMaximum": 1.5}),
    Unenforced(".maximum", {"type": "integer", "maximum": 2**64}),
    Unenforced(".exclusiveMinimum", {"type": "integer", "minimum": 5, "exclusiveMinimum": True}),
    Unenforced("", {"type": "integer", "minimum": 5, "maximum": 4}),
    Unenforced("", {"type": "number", "exclusiveMinimum": 5, "maximum": 5}),
    Unenforced(".multipleOf", {"type": "integer", "multipleOf": 5}),
    # Strings.
    Unenforced(".minLength", {"type": "string", "minLength": -1}),
    Unenforced(".minLength", {"type": "string", "minLength": 1.5}),
    Unenforced(".maxLength", {"type": "string", "pattern": "^a+$", "maxLength": 3}),
    Unenforced(".minLength", {"type": "string", "format": "email", "minLength": 5}),
    Unenforced(".format", {"type": "string", "format": "binary"}),
    Unenforced(".pattern", {"type": "string", "pattern": "^(?!a).*$"}, '"aa"'),
    Unenforced(".pattern", {"type": "string", "pattern": "^a(?!b)[bc]$"}, '"ab"'),
    Unenforced(".pattern", {"type": "string", "pattern": r"\bfoo\b"}),
    Unenforced(".pattern", {"type": "string", "pattern": r"^(a|b)\1$"}),
    Unenforced(".pattern", {"type": "string", "pattern": r"^\p{L}+$"}),
    Unenforced(".pattern", {"type": "string", "pattern": "("}),
    # Values.
    Unenforced(".enum", {"type": "string", "enum": ["a", 1]}, "1"),
    Unenforced(".const", {"type": "integer", "const": "a"}, '"a"'),
    Unenforced(".enum", {"enum": []}),
    Unenforced(".anyOf", {"anyOf": []}, ""),
    Unenforced(".type", {"type": []}, "1"),
    Unenforced(".type", {"type": "any"}),
    # Names that are no identifiers.
    Unenforced(
        ".properties['a b'].items.not",
        closed(**{"a b": {"type": "array", "items": {"not": INTEGER}}}),
        '{"a b":[1]}',
    ),
)
