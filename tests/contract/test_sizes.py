"""How large expressions, grammars and schemas are: each line of the reference page's table of states."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_contract.values import length_of
from fairlead_gateway.contract.sizes import is_deeper, size_of_form, size_of_schema
from fairlead_gateway.contract.sizes.grammar import size_of_grammar
from fairlead_gateway.contract.sizes.regex import size_of_regex


@pytest.mark.parametrize(
    ("pattern", "states"),
    [
        ("", 0),
        ("abc|def", 0),
        (r"\d{3}-\d{4}", 0),
        ("[a-z]{1,50}", 0),
        ("[0-9A-F]{64}", 0),
        (".", 1),
        ("[^a]", 1),
        (r"\S", 1),
        (r"[\W_]", 1),
        ("[ -~]", 1),
        ("[" + "abcdefgh" * 10 + "]", 1),
        (r"\.", 0),
        ("[.]", 0),
        (r"[\].]", 0),
        ("[]^.]", 0),
        (".{7}", 7),
        (".+", 1),
        (".{1000}", 128),
        ("(.){1000}", 128),
        # The number varies, so that more has to be tried.
        (".{5,7}", 7 + 8),
        (".{5,}", 6 + 8),
        (".{,7}", 7 + 8),
        (".{ 5 }", 5),
        (".{0000000000000000007}", 7),
        (".~7", 7),
        # A group is compiled once, however often it is repeated.
        ("(.a.b){10}", 2 + 9),
        ("((.a){5}b){5}", 1 + 4 + 4),
        ("(?:.|a)b", 1),
    ],
)
def test_wildcard_repetitions_need_states_for_each_repetition(pattern: str, states: int) -> None:
    assert size_of_regex(pattern).states == states


@pytest.mark.parametrize("optional", ["a?", "a*", "(ab)?", "[a-z]*", "a{0,1}"])
def test_optional_regex_parts_cost_the_square_of_their_number(optional: str) -> None:
    assert size_of_regex(optional * 64).states == 64 * 64 // 32


def test_optional_wildcard_parts_of_a_regex_cost_the_most() -> None:
    assert size_of_regex(".*" * 40).states == 40 + 40 * 40 // 2 + 40 * 40 // 32


def test_a_non_capturing_group_is_not_counted_as_optional() -> None:
    assert size_of_regex("(?:ab)" * 640).states == 0


def test_a_repetition_count_of_any_length_is_read_fully() -> None:
    assert size_of_regex(f"a{{{'9' * 10_000}}}").states > 1_000_000_000
    assert size_of_regex(f"a{{{'0' * 10_000}5}}").states == 0


@pytest.mark.parametrize("pattern", ["a" * 65_536, "a{65536}", "(ab){32768}", "((a{64}){32}){32}"])
def test_regex_repetitions_cost_the_square_of_the_expanded_text(pattern: str) -> None:
    assert size_of_regex(pattern).states == 1024


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "[",
        "]",
        "(((.",
        "a{",
        "{3}",
        "*",
        "?",
        "\\",
        "[a",
        "[^",
        "(?P<",
        "a{9",
        "[\\",
        "[]",
    ],
)
def test_an_invalid_regex_is_measured(pattern: str) -> None:
    assert size_of_regex(pattern).states <= 2


def test_choices_are_measured_as_one_grammar_rule() -> None:
    assert size_of_form("choice", ["a" * 1024] * 64).states == 1024


def test_grammars_are_read_in_both_notations() -> None:
    ebnf = 'root ::= "a" (b | [^c]{5})\nb ::= "d"'
    lark = 'start: "a" (b | /[^c]{5}/)\nb: "d"'

    for text in (ebnf, lark):
        size = size_of_grammar(text)
        assert size.states == 5
        # Two rules and as many brackets.
        assert size.nesting == 4


def test_optional_parts_of_a_grammar_rule_cost_the_most() -> None:
    one_rule = "root ::= " + '"a"? ' * 60
    many_rules = "\n".join(f'r{i} ::= "a"? ("b" "c")* [^"?*]' for i in range(30))

    assert size_of_grammar(one_rule).states == int(60**2 / 6 + 60**2 / 64)
    assert size_of_grammar(many_rules).states == int(30 * 2**2 / 6 + 60**2 / 64) + 30


def test_quoted_text_in_a_grammar_is_not_counted_as_optional() -> None:
    quoted = 'root ::= "a?*" [?*] b # really? *\nb ::= "\\"?"'

    assert size_of_grammar(quoted).states == 0


def test_a_schema_within_a_grammar_is_measured_as_a_schema() -> None:
    text = 'start: %json {"maxLength": 7, "$ref": "#"} x\nx: %json   {"maxLength": 9}'

    assert size_of_form("grammar", text).states == 7 + 9


@pytest.mark.parametrize("schema", ["{", "nope", "[" * 100_000, ""])
def test_a_schema_within_a_grammar_is_parsed_as_json(schema: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        size_of_form("grammar", f"start: %json {schema}")


def test_a_quote_does_not_hide_parts_of_a_grammar() -> None:
    assert size_of_grammar('a: /"/ b\nb: c /[^x]{9}/ /"/').states == 9
    assert size_of_grammar('root ::= "[" [^x]{9}').states == 9
    assert size_of_grammar("a: /[^x]/~5..9").states == 9 + 8


def required(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


STRING = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "states"),
    [
        (required(a=STRING, b={"type": "array", "items": STRING}), 0),
        ({"minLength": 5, "maxLength": 9}, 9),
        ({"minLength": 5}, 5),
        ({"maxLength": 5000}, 128),
        (required(a={"maxLength": 9}, b={"maxLength": 9}), 9),
        (required(a={"maxLength": 9}, b={"maxLength": 8}), 17),
        ({"maxLength": "9", "minLength": [1]}, 0),
        (required(abc=STRING, de=STRING) | {"additionalProperties": {"type": "integer"}}, 5),
        (required(abc=STRING, de=STRING) | {"additionalProperties": True}, 5),
        (required(abc=STRING, de=STRING) | {"additionalProperties": False}, 0),
        (required(abc=STRING) | {"patternProperties": {"^.x$": STRING}}, 3 + 1),
        ({"properties": {f"a{i}": {} for i in range(100)}}, 10),
        ({"properties": {f"a{i}": {} for i in range(100)}, "required": ["b"] * 100}, 10),
        ({"properties": {f"a{i}": {} for i in range(10)}, "minProperties": 1}, 2),
        ({"properties": {f"a{i}": {} for i in range(100)}, "maxProperties": 3}, 10 + 60),
        ({"properties": {"a": {}}, "maxProperties": "x"}, 0),
        ({"format": "date"}, 1),
        ({"format": "uri-template"}, 16),
        ({"format": ["date"]}, 0),
        ({"pattern": ".{9}"}, 9),
        (required(a={"pattern": ".{9}"}, b={"pattern": ".{9}"}), 9),
        ({"enum": ["a" * 2048] * 3}, 9),
        ({"const": "a" * 4096}, 4),
        (required(**{"a" * 4096: STRING}), 4),
        ({"anyOf": [{"items": {"not": {"pattern": "."}}}]}, 1),
        ({"structures": [{"begin": "<a>", "schema": {"maxLength": 7}}]}, 7),
        ({"format": {"type": "grammar", "grammar": "root ::= ."}}, 1),
    ],
)
def test_schema_keywords_add_states(schema: Any, states: int) -> None:
    assert size_of_schema(schema).states == states


def chain(links: int, **more: Any) -> dict[str, Any]:
    definitions = {f"d{i}": {"items": {"$ref": f"#/$defs/d{i + 1}"}} for i in range(links)}
    return {"$ref": "#/$defs/d0", "$defs": definitions | {f"d{links}": {"type": "string"}}} | more


@pytest.mark.parametrize(
    ("schema", "nesting"),
    [
        (STRING, 0),
        # One for the reference and one for the string.
        (chain(0), 2),
        # Each link is a reference, an object and its part.
        (chain(10), 10 * 3 + 2),
        # Many references to one place lead there once.
        ({"anyOf": [{"$ref": "#/$defs/a"}] * 100, "$defs": {"a": STRING}}, 2),
        # To itself: all of it.
        ({"items": {"$ref": "#"}}, 1 + 2),
        # To nowhere: as much as there is.
        ({"items": {"$ref": "https://example.com/x"}}, 1 + 2),
        ({"$ref": "#/a~1b/0/c%20d", "a/b": [{"c d": {"items": STRING}}]}, 1 + 2),
        # Below another base, a path is about something else.
        (chain(0, **{"$id": "x"}), 1 + 3),
        # A schema within something else has a root of its own.
        ({"json_schema": {"name": "a", "schema": chain(10)}}, 10 * 3 + 2),
    ],
)
def test_the_size_of_a_reference_includes_everything_below_it(schema: Any, nesting: int) -> None:
    assert size_of_schema(schema).nesting == nesting


def test_values_and_characters_are_counted_at_every_depth() -> None:
    document = {"ab": ["cde", 1, None], "f": {"g": True}}
    size = size_of_schema(document)

    assert size.values == 7
    assert size.length == 7
    # Numbers and words take room of their own.
    assert length_of(document) == 7 + 3 * 8


def test_counting_stops_at_the_bound() -> None:
    assert size_of_schema([{"pattern": "."}] * 1000, 10).values == 11


@pytest.mark.parametrize("value", [1, "a", [], {}, [[]], {"a": [1]}])
def test_the_depth_counts_objects_and_arrays(value: Any) -> None:
    deep = 0 if isinstance(value, int | str) else 2 if value else 1

    assert not is_deeper(value, deep)
    assert deep == 0 or is_deeper(value, deep - 1)
