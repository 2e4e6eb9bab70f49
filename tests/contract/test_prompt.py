"""How the prompt is made: continuation, documents, templates, truncation."""

from __future__ import annotations

from typing import Any

import pytest

from .support import policy, refusal, sent

TRUSTING = policy(request_chat_templates=True)


def test_continuing_the_last_message_opens_no_new_turn() -> None:
    assert sent(continue_final_message=True) == {
        "continue_final_message": True,
        "add_generation_prompt": False,
    }


def test_continue_final_message_with_add_generation_prompt_is_refused_with_both_names() -> None:
    message = refusal(continue_final_message=True, add_generation_prompt=True).message

    assert "'continue_final_message'" in message
    assert "'add_generation_prompt'" in message


@pytest.mark.parametrize(
    "changes", [{"continue_final_message": False}, {"add_generation_prompt": False}, {"echo": True}]
)
def test_prompt_flags_on_their_own_are_accepted(changes: dict[str, Any]) -> None:
    assert sent(**changes) == changes


def test_documents_with_values_other_than_strings_are_refused() -> None:
    documents = [{"title": "a", "year": 1999, "tags": ["x"], "none": None}]

    assert sent(documents=documents)["documents"] == [
        {"title": "a", "year": "1999", "tags": '["x"]', "none": "null"}
    ]


@pytest.mark.parametrize("documents", [["a"], [1], [[]]])
def test_a_document_that_is_not_an_object_is_refused(documents: list[Any]) -> None:
    assert refusal(documents=documents).param == "documents[0]"


def test_request_chat_templates_are_refused_unless_the_deployment_allows_them() -> None:
    assert refusal(chat_template="{{ messages }}").param == "chat_template"
    assert sent(TRUSTING, chat_template="{{ messages }}") == {"chat_template": "{{ messages }}"}


@pytest.mark.parametrize("using", [policy(), TRUSTING])
@pytest.mark.parametrize("name", ["chat_template", "tokenize", "conversation", "messages"])
def test_template_variables_that_replace_engine_variables_are_refused(using: Any, name: str) -> None:
    assert refusal(using, chat_template_kwargs={name: "x"}).param == f"chat_template_kwargs.{name}"


def test_other_template_variables_are_accepted() -> None:
    assert sent(chat_template_kwargs={"enable_thinking": False})


@pytest.mark.parametrize(
    "template",
    [
        "{% if %}",
        "{{ unclosed",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% from 'x' import y %}",
        "{% extends 'x' %}",
        "{% unknown %}",
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ ''|attr('__class__') }}",
        "(" * 60_000 + "{{ " + "(" * 60_000,
        "{{ " + "9" * 5_000 + " }}",
        "{{ " + "(" * 30_000 + "1" + ")" * 30_000 + " }}",
        "x" * 70_000,
    ],
)
def test_an_invalid_or_unsafe_chat_template_is_refused(template: str) -> None:
    assert refusal(TRUSTING, chat_template=template).param == "chat_template"


def test_a_chat_template_syntax_error_has_its_line() -> None:
    assert "line 3" in refusal(TRUSTING, chat_template="a\nb\n{% if %}").message


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}{% if m.role == 'x' %}{% break %}{% endif %}{{ m.content }}{% endfor %}",
        "{% generation %}{{ messages[0].content }}{% endgeneration %}",
        # Never rendered or optimised here: it would take minutes and gigabytes.
        "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}{{ 'a' * 9999999999 }}",
    ],
)
def test_a_chat_template_is_parsed_and_not_executed(template: str) -> None:
    assert sent(TRUSTING, chat_template=template)


@pytest.mark.parametrize("value", [0, -2])
def test_a_truncation_that_leaves_no_prompt_is_refused(value: int) -> None:
    assert refusal(truncate_prompt_tokens=value).param == "truncate_prompt_tokens"


def test_truncation_to_the_context_leaves_room_for_the_answer() -> None:
    assert refusal(truncate_prompt_tokens=-1).param == "truncate_prompt_tokens"
    assert sent(truncate_prompt_tokens=-1, max_tokens=5)
    assert sent(truncate_prompt_tokens=-1, max_completion_tokens=5)
    assert sent(policy("PolarGrid"), truncate_prompt_tokens=-1)["max_tokens"] == 150


def test_truncation_above_the_known_context_is_refused() -> None:
    assert refusal(policy(context_length=100), truncate_prompt_tokens=101).param == "truncate_prompt_tokens"
    assert sent(policy(context_length=100), truncate_prompt_tokens=100)
    assert sent(truncate_prompt_tokens=101)
