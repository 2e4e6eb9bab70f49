"""Grammars and expressions that the backend would fail on."""

from __future__ import annotations

import contextlib

import pytest

from fairlead_gateway.contract.errors import ApiError

from .support import policy, refusal, request

LEFT = 'root ::= sum\nsum ::= sum "+" number | number\nnumber ::= [0-9]+'
GRAMMARS = [
    'root ::= "a"',
    'root ::= ""',
    "root ::= ()",
    '# what\nroot ::= # is\n  "a" | other\n  | "b"\nother ::= [a-z]{2,} # said',
    # Recursion that can end, at any place.
    LEFT,
    'root ::= "a" | root "b"',
    'root ::= (root "x")? "a"',
    'root ::= root{0,2} "a"',
    'root ::= ("[" root ("," root)* "]") | [0-9]',
    'a.b-c ::= "a"\nroot ::= a.b-c',
    # What cannot be reached does no harm.
    'root ::= "a"\nunused ::= unused "b"',
    'root ::= "::= | \\" (" [|(\\]]',
    # Lark.
    'start: "a"',
    "start:",
    'start: "a"\n  | "b" start\n',
    'start: sum\nsum: sum "+" NUMBER | NUMBER\nNUMBER: /[0-9]+/',
    '?start: [start] item~0..3 -> one\n!item: "x"i | "a".."f"\n%ignore " "\n',
    '%import common.INT\nstart: INT (";" start)?',
]
# What is not read here is left to the engine.
UNREAD = [
    'start: %json {"type": "integer"}',
    'root ::= TagDispatch(("a", b))\nb ::= "c"',
    "root ::= 'a'",
    "root ::= (",
]
# Each with the rule to blame.
WRONG_GRAMMARS = {
    "root ::= root": "'root'",
    'root ::= root "a"': "'root'",
    'root ::= "a" root': "'root'",
    "root ::= (root)": "'root'",
    'root ::= "x" | "a" b\nb ::= "c" b': "'b'",
    'root ::= "x" | a\na ::= b "y"\nb ::= ("z" | "w") a': "'a'",
    'root ::= a{2,3}\na ::= a+ "b"': "'root'",
    "root ::= ": "'root'",
    'root ::= "a" |': "'root'",
    'root ::= "a" b\nb ::= ("c" | )': "'b'",
    'root ::= "a" b\nb ::=\nc ::= "d"': "'b'",
    'expr ::= "a"': "'root'",
    "root ::= b": "'b'",
    'root ::= "a"\nroot ::= "b"': "'root'",
    "start: start": "'start'",
    'start: "a" start': "'start'",
    'start: "x" | item\nitem: "c" item': "'item'",
    'start: "x" | item\n\nitem: "c" (item | item "d")': "'item'",
    'root: "a"': "'start'",
    "// nothing": "'start'",
}
# Where these are, xgrammar has a first token but no last one.
ENDLESS = ('"a" root', '"a" start', '"c" ', '("z" ')
EXPRESSIONS = [
    "",
    "^a$",
    "a|",
    "[a-z]+?",
    "(?:a|b){2,3}",
    "(?<name>a)",
    "[^]",
    "a{2}",
    r"\d\w\.\u0041",
    "a}",
    "(|a)*",
]
WRONG_EXPRESSIONS = {
    "(?!a)[ab]": "lookahead",
    "(?<=a)b": "lookbehind",
    r"\bfoo": "word boundaries",
    r"(a)\1": "back references",
    r"\p{L}": "Unicode classes",
    "(?i)a": "group",
    "(?P<name>a)": "group",
    "(": "'('",
    "())": "')'",
    "[a": "'['",
    "*a": "*",
    "a**": "repetitions",
    "a{,3}": "{,3}",
    "a{3,2}": "{3,2}",
    "a{3": "'{'",
    "a\\": "backslash",
    r"[^\s\S]": "class",
}


@pytest.mark.parametrize("grammar", [*GRAMMARS, *UNREAD])
def test_a_grammar_that_can_end_is_accepted(grammar: str) -> None:
    assert request(guided_grammar=grammar)
    assert request(structured_outputs={"grammar": grammar})


@pytest.mark.parametrize(("grammar", "named"), WRONG_GRAMMARS.items())
def test_a_grammar_that_cannot_end_is_refused_with_the_rule(grammar: str, named: str) -> None:
    error = refusal(guided_grammar=grammar)

    assert error.param == "guided_grammar"
    assert named in error.message
    assert refusal(structured_outputs={"grammar": grammar}).param == "structured_outputs.grammar"


def test_grammars_for_a_backend_with_another_parser_are_not_checked() -> None:
    guidance = policy(structured_outputs_backend="guidance")

    assert request(guidance, guided_grammar='root ::= "a" |')
    assert refusal(guidance, guided_grammar='root ::= "a" root')


@pytest.mark.parametrize(
    "text",
    [
        'root ::= "a"' + " " * 100_000 + "x",
        'start: "a"' + "\n " * 60_000 + "x",
        "root ::= a{" + "0" * 100_000,
        "start: " + "?" * 60_000,
        'root ::= "' + '\\"' * 30_000,
        "root ::= " + "[\\" * 30_000,
        "start: " + '"a"' + " ." * 30_000,
    ],
)
def test_checking_any_grammar_takes_linear_time(text: str) -> None:
    # With a reader that goes back it would not end. Either answer is fine.
    with contextlib.suppress(ApiError):
        request(guided_grammar=text)


@pytest.mark.parametrize("pattern", EXPRESSIONS)
def test_a_regex_that_is_enforced_is_accepted(pattern: str) -> None:
    assert request(structured_outputs={"regex": pattern})


@pytest.mark.parametrize(("pattern", "what"), WRONG_EXPRESSIONS.items())
def test_a_regex_that_is_not_enforced_is_refused_with_the_part(pattern: str, what: str) -> None:
    error = refusal(structured_outputs={"regex": pattern})

    assert error.param == "structured_outputs.regex"
    assert what in error.message
    assert refusal(guided_regex=pattern).param == "guided_regex"


def test_a_regex_in_a_structural_tag_is_checked() -> None:
    tag = {"type": "structural_tag", "format": {"type": "regex", "pattern": r"[^\s\S]"}}

    assert refusal(response_format=tag).param == "response_format.format.pattern"


def test_a_grammar_in_a_structural_tag_is_checked() -> None:
    tag = {
        "type": "structural_tag",
        "format": {"type": "sequence", "elements": [{"grammar": "root ::= root"}]},
    }

    assert refusal(response_format=tag).param == "response_format.format.elements[0].grammar"


def test_structured_outputs_with_an_empty_choice_list_is_refused() -> None:
    assert refusal(structured_outputs={"choice": []}).param == "structured_outputs.choice"
    assert request(structured_outputs={"choice": [""]})
