"""spec.engine.chatTemplate.inline: what transformers compiles is accepted, errors are named with a place."""

from __future__ import annotations

import pytest

from fairlead_operator.api.chat_template import check_chat_template
from fairlead_operator.api.engine import Engine

LONGEST = 65_536


def check(template: str) -> list[str]:
    return check_chat_template(Engine.model_validate({"chatTemplate": {"inline": template}}))


@pytest.mark.parametrize(
    "template",
    [
        "{{ messages[0].content }}",
        "{%- for m in messages -%}{% if m.role == 'x' %}{% continue %}{% endif %}{% break %}{%- endfor -%}",
        "{% generation %}{{ messages[0].content }}{% endgeneration %}",
        "{{ messages | tojson(indent=2) }}{{ strftime_now('%Y') }}{{ raise_exception('no') }}",
        "{% set ns = namespace(x=1) %}{% set ns.x = 2 %}{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1) }}",
        "{{ messages | selectattr('role', 'equalto', 'user') | list }}{{ x is defined }}",
        "{% if old %}{{ x | filter_of_another_release }}{% endif %}",
        "{# a comment #}{% raw %}{{ }}{% endraw %}",
    ],
)
def test_a_chat_template_that_the_engine_compiles_is_accepted(template: str) -> None:
    assert check(template) == []


@pytest.mark.parametrize(
    ("template", "place"),
    [
        ("{% for m in messages %}\n  {{ m.content }\n{% endfor %}", "line 2, column 16: unexpected '}'"),
        ("{% for m in messages %}\r\n{{ m }}", "line 2, column 8: Unexpected end of template"),
        (
            "{%- if a -%}\n\n   {{- b -}}   \n{%- endfi %}",
            "line 4, column 5: Encountered unknown tag 'endfi'",
        ),
        ("{{ a b }}", "line 1, column 6: expected token 'end of print statement', got 'b'"),
        ("x\n{{ x ! y }}", "line 2, column 6: unexpected char '!'"),
        ("x {# never closed", "column 5: Missing end of comment tag"),
        ("x\n{{ messages | nofilter }}", "line 2: there is no filter named 'nofilter'"),
        ("{{ messages is notest }}", "line 1: there is no test named 'notest'"),
        ("{{ " + "9" * 5000 + " }}", "line 1, column 4: Exceeds the limit"),
    ],
)
def test_a_chat_template_error_is_reported_with_its_line(template: str, place: str) -> None:
    (text,) = check(template)
    assert text.startswith("spec.engine.chatTemplate.inline is not a valid Jinja template: line ")
    assert place in text


@pytest.mark.parametrize("piece", ["(", "[", "{", "{{", "{% if a %}", "not ", "{1:"])
def test_a_deeply_nested_chat_template_is_refused(piece: str) -> None:
    (text,) = check(("{{ " + piece * LONGEST)[:LONGEST])
    assert "nested too deeply" in text or "unexpected" in text or "expected token" in text


@pytest.mark.parametrize(
    "template", ["{{ 'a' * 10 ** 12 }}", "{{ 10 ** 10 ** 10 }}", "{{ 'a' | center(10000000000) }}"]
)
def test_checking_a_chat_template_does_not_evaluate_its_constants(template: str) -> None:
    assert check(template) == []


def test_a_model_without_its_own_chat_template_has_no_template_problem() -> None:
    assert check_chat_template(Engine()) == []
    reference = {"chatTemplate": {"configMapKeyRef": {"name": "a", "key": "b"}}}
    assert check_chat_template(Engine.model_validate(reference)) == []
