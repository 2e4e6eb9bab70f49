"""Structured output: a schema that the backend would not enforce is refused, with the place in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

from fairlead_contract.parameters.bounds import MAX_COMPARED_LEVELS, MAX_FOLLOWED_REFERENCES
from fairlead_gateway.contract.forms import Backend, fault_in_schema
from fairlead_gateway.contract.forms.keywords import KEYWORDS, Role

from .bounds import in_form
from .schemas import ENFORCED, INTEGER, STRING, UNENFORCED, Enforced, Json, Unenforced, closed, defined, to
from .support import policy, refusal, request

VOCABULARIES = "https://json-schema.org/draft/2020-12/meta/"
NAMES = ["core", "applicator", "unevaluated", "validation", "meta-data", "format-annotation", "content"]


def in_words(case: object) -> str:
    return json.dumps(case.schema)[:60] if isinstance(case, Enforced | Unenforced) else repr(case)


@pytest.mark.parametrize("case", ENFORCED, ids=in_words)
def test_a_schema_that_is_enforced_is_accepted(case: Enforced) -> None:
    assert request(guided_json=case.schema)


@pytest.mark.parametrize("case", UNENFORCED, ids=in_words)
def test_a_schema_that_is_not_enforced_is_refused_with_its_path(case: Unenforced) -> None:
    error = refusal(guided_json=case.schema)

    assert error.param == f"guided_json{case.place}"
    assert error.message.startswith(f"'{error.param}' ")


@pytest.mark.parametrize("vocabulary", NAMES)
def test_every_json_schema_keyword_is_in_the_table(vocabulary: str) -> None:
    keywords = REGISTRY.contents(VOCABULARIES + vocabulary)["properties"]

    assert keywords.keys() <= KEYWORDS.keys()


@pytest.mark.parametrize(
    "name", [name for name, keyword in KEYWORDS.items() if keyword.role is Role.ANNOTATION]
)
@pytest.mark.parametrize("backend", Backend)
def test_schemas_without_restrictions_are_accepted_for_every_backend(name: str, backend: Backend) -> None:
    values = {"$id": "https://example.com/x", "$defs": {}, "definitions": {}, "format": "date"}

    assert fault_in_schema({"type": "string", name: values.get(name, "x")}, backend) is None
    assert fault_in_schema({"enum": ["a"], name: values.get(name, "x")}, backend) is None


def test_a_recursive_schema_with_an_alternative_is_accepted() -> None:
    assert request(guided_json={"anyOf": [{"$ref": "#"}, INTEGER]})


def test_unknown_schema_keywords_are_accepted() -> None:
    assert request(guided_json={"type": "string", "x-order": 1, "example": "a", "id": "b"})


@pytest.mark.parametrize(
    ("place", "schema"),
    [
        (".default.allOf", {"type": "object", "default": {"allOf": [1, 2]}}),
        (".$defs.unused.uniqueItems", defined(STRING, unused={"type": "array", "uniqueItems": True})),
        (
            ".examples[1].multipleOf",
            {"type": "integer", "examples": [1, {"type": "number", "multipleOf": 2}]},
        ),
        (".items.format", {"type": "string", "items": {"type": "string", "format": "x"}}),
    ],
)
def test_keywords_that_vllm_refuses_are_refused_with_their_path(place: str, schema: Json) -> None:
    assert refusal(guided_json=schema).param == f"guided_json{place}"
    assert request(policy(structured_outputs_backend="guidance"), guided_json=schema)


@pytest.mark.parametrize(
    ("backend", "schema", "place"),
    [
        (Backend.OUTLINES, {"type": "integer", "minimum": 5}, ".minimum"),
        (Backend.OUTLINES, {"type": "array", "items": INTEGER, "uniqueItems": True}, ".uniqueItems"),
        (Backend.OUTLINES, {"type": "array", "items": INTEGER, "uniqueItems": False}, None),
        (Backend.OUTLINES, {"allOf": [closed(a=STRING), closed(b=STRING)]}, ".allOf"),
        (Backend.OUTLINES, {"type": "string", "pattern": "^(?!a).*$"}, None),
        (Backend.LM_FORMAT_ENFORCER, {"type": "integer", "maximum": 5}, ".maximum"),
        (
            Backend.LM_FORMAT_ENFORCER,
            {"type": "object", "patternProperties": {"a": {}}},
            ".patternProperties",
        ),
        (Backend.LM_FORMAT_ENFORCER, {"type": "string", "format": "binary"}, None),
        (Backend.GUIDANCE, {"type": "integer", "minimum": 1.5, "multipleOf": 5}, None),
        (Backend.GUIDANCE, {"type": "integer", "allOf": [{"minimum": 5}, {"maximum": 9}]}, None),
        (Backend.GUIDANCE, {"type": "object", "propertyNames": STRING}, ".propertyNames"),
        (Backend.GUIDANCE, {"type": "array", "uniqueItems": False}, ".uniqueItems"),
        (Backend.GUIDANCE, {"required": ["b"]}, None),
    ],
)
def test_each_backend_accepts_the_schemas_that_it_enforces(
    backend: Backend, schema: Json, place: str | None
) -> None:
    fault = fault_in_schema(schema, backend)

    assert (fault and fault.place) == place


@pytest.mark.parametrize("backend", Backend)
@pytest.mark.parametrize("schema", [{"$ref": "#"}, closed(a={"$ref": "#"}), {"type": "string", "not": {}}])
def test_endless_and_negated_schemas_are_refused_for_every_backend(schema: Json, backend: Backend) -> None:
    assert fault_in_schema(schema, backend)


def test_with_automatic_backend_selection_the_first_constraints_backend_applies() -> None:
    fraction: Json = {"type": "integer", "minimum": 1.5}

    for name in ("auto", "xgrammar"):
        assert refusal(policy(structured_outputs_backend=name), guided_json=fraction)
    assert request(policy(structured_outputs_backend="guidance"), guided_json=fraction)


def test_a_whitespace_pattern_is_accepted_only_for_schemas_that_a_regex_can_enforce() -> None:
    bounded = {"type": "integer", "minimum": 5}

    assert request(guided_json=bounded)
    assert refusal(guided_json=bounded, guided_whitespace_pattern=" ").param == "guided_json.minimum"


WRONG: Json = closed(a=closed(b={"not": {}}))
PLACE = ".properties.a.properties.b.not"


@pytest.mark.parametrize(
    ("form", "path"),
    [
        (in_form("response_format", WRONG), "response_format.json_schema.schema"),
        (in_form("structured_outputs", WRONG), "structured_outputs.json"),
        ({"structured_outputs": {"json": json.dumps(WRONG)}}, "structured_outputs.json"),
        ({"guided_json": WRONG}, "guided_json"),
        ({"guided_json": json.dumps(WRONG)}, "guided_json"),
        (
            {
                "response_format": {
                    "type": "structural_tag",
                    "format": {"type": "json_schema", "json_schema": WRONG},
                }
            },
            "response_format.format.json_schema",
        ),
        (
            {"structured_outputs": {"structural_tag": json.dumps({"structures": [{}, {"schema": WRONG}]})}},
            "structured_outputs.structural_tag.structures[1].schema",
        ),
    ],
)
def test_the_error_path_of_a_schema_begins_with_its_parameter(form: Json, path: str) -> None:
    error = refusal(**form)

    assert error.param == path + PLACE
    assert error.code == "unsupported_value"


def test_a_schema_in_a_grammar_is_checked_as_a_schema() -> None:
    error = refusal(guided_grammar=f"start: %json {json.dumps(WRONG)}")

    assert error.param == "guided_grammar"
    assert PLACE in error.message


@pytest.mark.parametrize("schema", [True, 1, [], "[]", "{", "nope", '"a"'])
def test_a_schema_in_structured_outputs_is_checked(schema: Any) -> None:
    assert refusal(structured_outputs={"json": schema}).param == "structured_outputs.json"


def tool(name: str = "f", **more: Any) -> Json:
    return {"type": "function", "function": {"name": name, "parameters": WRONG} | more}


def test_a_strict_tool_must_have_an_enforceable_schema() -> None:
    error = refusal(tools=[tool("g", parameters={}), tool(strict=True)])

    assert error.param == f"tools[1].function.parameters{PLACE}"


@pytest.mark.parametrize(
    ("tools", "choice"),
    [
        # The engine does not promise to keep to these.
        ([tool()], "auto"),
        ([tool()], "required"),
        ([tool(strict=False)], {"function": {"name": "f"}}),
        ([tool(), tool("g", strict=True, parameters=closed(a=INTEGER))], "auto"),
        # These are not called.
        ([tool(strict=True)], "none"),
        ([tool(strict=True), tool("g")], {"function": {"name": "g"}}),
    ],
)
def test_a_tool_that_is_not_strict_may_have_any_schema(tools: list[Json], choice: Any) -> None:
    assert request(tools=tools, tool_choice=choice)


def tagged(tag: str, properties: int = 3) -> Json:
    return closed(kind={"const": tag}, **{f"p{i}": STRING for i in range(properties)})


def test_a_large_union_of_tagged_objects_is_compared_to_its_end() -> None:
    assert request(guided_json={"oneOf": [tagged(f"t{i}") for i in range(64)]})


def test_schema_branches_above_the_comparison_limit_count_as_equal() -> None:
    assert refusal(guided_json={"oneOf": [{"const": i} for i in range(2000)]}).param == "guided_json.oneOf"
    several = [{"oneOf": [{"const": f"{i}-{j}"} for j in range(60)]} for i in range(60)]
    assert "oneOf" in (refusal(guided_json={"anyOf": several}).param or "")


def test_objects_are_compared_a_bounded_number_of_levels_deep() -> None:
    def nested(tag: str, levels: int) -> Json:
        return closed(t={"const": tag}) if levels == 0 else closed(a=nested(tag, levels - 1))

    def branches(levels: int) -> Json:
        return {"oneOf": [nested("x", levels), nested("y", levels)]}

    assert request(guided_json=branches(MAX_COMPARED_LEVELS - 1))
    assert refusal(guided_json=branches(MAX_COMPARED_LEVELS)).param == "guided_json.oneOf"


def test_a_type_behind_too_many_references_counts_as_any_type() -> None:
    def chain(links: int) -> Json:
        names = {f"d{i}": to(f"d{i + 1}") for i in range(links)}
        return defined({"type": "integer", "anyOf": [to("d0")]}, **names, **{f"d{links}": INTEGER})

    assert request(guided_json=chain(MAX_FOLLOWED_REFERENCES // 2))
    assert refusal(guided_json=chain(MAX_FOLLOWED_REFERENCES + 1)).param == "guided_json.type"


def test_circular_references_between_branches_are_followed_a_bounded_number_of_times() -> None:
    crossed = {
        f"d{i}": {"type": "object", "properties": {f"p{j}": to(f"d{(i + j) % 20}") for j in range(20)}}
        for i in range(20)
    }

    assert (
        refusal(guided_json=defined({"oneOf": [to("d0"), to("d1")]}, **crossed)).param == "guided_json.oneOf"
    )


def test_a_long_chain_of_references_is_followed_to_its_end() -> None:
    links = {f"d{i}": to(f"d{i + 1}") for i in range(400)}

    assert request(guided_json=defined(to("d0"), **links, d400=INTEGER))
    assert refusal(guided_json=defined(to("d0"), **links, d400=to("d7"))).param == "guided_json.$ref"
