"""xgrammar as vLLM 0.32 uses it enforces what the gateway passes, and not what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from fairlead_gateway.contract.forms import Backend, fault_in_form

from .schemas import ENFORCED, UNENFORCED, Enforced, Json, Unenforced
from .test_grammars import ENDLESS, EXPRESSIONS, GRAMMARS, WRONG_EXPRESSIONS, WRONG_GRAMMARS
from .vllm_compiler import VllmCompiler

pytestmark = pytest.mark.engine

# The compiler can begin these, but their answer has no end.
BEGUN = 'properties": {"kid"', 'properties": {"next"'


@pytest.fixture(scope="module")
def xgrammar() -> Iterator[VllmCompiler]:
    running = VllmCompiler()
    yield running
    running.close()


def in_words(case: Enforced | Unenforced) -> str:
    return json.dumps(case.schema)[:60]


@pytest.mark.parametrize("case", ENFORCED, ids=in_words)
def test_an_accepted_schema_is_enforced(xgrammar: VllmCompiler, case: Enforced) -> None:
    jsonschema.validate(json.loads(case.fits), case.schema)

    assert xgrammar.passing("json", case.schema, case.fits, case.other) == [True, False]


@pytest.mark.parametrize("case", [case for case in UNENFORCED if case.other is not None], ids=in_words)
def test_a_refused_schema_would_not_be_enforced_by_vllm(xgrammar: VllmCompiler, case: Unenforced) -> None:
    assert case.other is not None
    assert xgrammar.passing("json", case.schema, case.other) == [True]


@pytest.mark.parametrize("case", [case for case in UNENFORCED if case.other is None], ids=in_words)
def test_a_refused_schema_without_a_counterexample_fails_in_vllm(
    xgrammar: VllmCompiler, case: Unenforced
) -> None:
    begun = any(words in json.dumps(case.schema) for words in BEGUN)

    assert begun or not any(xgrammar.passing("json", case.schema, "", "null", "0", "[]", "{}") or [])


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_an_accepted_grammar_compiles_in_vllm(xgrammar: VllmCompiler, grammar: str) -> None:
    assert xgrammar.passing("grammar", grammar) is not None


@pytest.mark.parametrize("grammar", WRONG_GRAMMARS)
def test_a_refused_grammar_does_not_compile_in_vllm(xgrammar: VllmCompiler, grammar: str) -> None:
    begun = any(words in grammar for words in ENDLESS)

    assert begun or xgrammar.passing("grammar", grammar) is None


@pytest.mark.parametrize("pattern", EXPRESSIONS)
def test_an_accepted_regex_compiles_in_vllm(xgrammar: VllmCompiler, pattern: str) -> None:
    assert xgrammar.passing("regex", pattern) is not None


@pytest.mark.parametrize("pattern", WRONG_EXPRESSIONS)
def test_a_refused_regex_does_not_compile_in_vllm(xgrammar: VllmCompiler, pattern: str) -> None:
    assert xgrammar.passing("regex", pattern) is None


NUMBERS = st.integers(-3, 5) | st.sampled_from([1.5, 2.0, 2**64])
VALUES = st.sampled_from(["a", "b", 1, 2.5, True, None, [1], {"a": 1}])
NAMES = st.sampled_from(["a", "b", "c"])
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "object", "array"])
REFERENCES = st.sampled_from(["#", "#/$defs/a", "#/$defs/b", "#/properties/a", "other", "#/anyOf/0"])
PATTERNS = st.sampled_from(["^a+$", "a", r"\d{2,3}", "(?!a)b", r"\bx", "[a", "", "(?:a|b)*", "a{,2}"])


def combined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """A schema with some keywords, most with a value of the right kind."""
    named = st.dictionaries(NAMES, inner, max_size=3)
    keywords: dict[str, st.SearchStrategy[Any]] = {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
        "enum": st.lists(VALUES, max_size=3),
        "const": VALUES,
        "$ref": REFERENCES,
        "properties": named,
        "required": st.lists(NAMES, max_size=2),
        "patternProperties": st.dictionaries(PATTERNS, inner, max_size=2),
        "format": st.sampled_from(["date", "uuid", "nope"]),
        "pattern": PATTERNS,
        "$defs": named,
    }
    several = ("anyOf", "oneOf", "allOf", "prefixItems")
    one = (
        "items",
        "additionalProperties",
        "unevaluatedProperties",
        "unevaluatedItems",
        "propertyNames",
        "not",
    )
    bounds = (
        "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems maxItems"
    )
    counts = "minProperties maxProperties"
    keywords |= dict.fromkeys(several, st.lists(inner, max_size=3))
    keywords |= dict.fromkeys(one, inner | st.booleans())
    keywords |= dict.fromkeys(f"{bounds} {counts}".split(), NUMBERS)
    chosen = st.lists(st.sampled_from(sorted(keywords)), max_size=4, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: keywords[name] for name in names}))


SCHEMAS = st.recursive(combined(st.just({"type": "string"})), combined, max_leaves=8)


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(schema=SCHEMAS)
@example(schema={"minProperties": 1, "patternProperties": {}})
@example(schema={"minProperties": 1, "patternProperties": {}, "additionalProperties": False})
@example(schema={"minProperties": 1, "patternProperties": {}, "additionalProperties": {}})
@example(schema={"minProperties": 1, "unevaluatedProperties": {}, "additionalProperties": False})
@example(schema={"minItems": 1, "unevaluatedItems": {}, "items": False})
@example(schema={"minProperties": 1, "patternProperties": {"a": {}}, "additionalProperties": False})
def test_any_accepted_schema_allows_a_first_token(xgrammar: VllmCompiler, schema: Json) -> None:
    assume(fault_in_form("json", schema, Backend.XGRAMMAR) is None)

    assert xgrammar.passing("json", schema) is not None
