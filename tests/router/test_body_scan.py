"""What is read of a body without parsing it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead_gateway.bounds import MAX_MODEL_NAME_BYTES
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.router.body_scan import renamed, scan_body

USER = {"role": "user", "content": "What is a router?"}
SYSTEM = {"role": "system", "content": "Be short."}


def body(*messages: Any, **more: Any) -> bytes:
    return json.dumps({"messages": messages, "model": "tiny", **more}).encode()


@pytest.mark.parametrize(
    ("sent", "model"),
    [
        (b'{"model":"a/b:c"}', "a/b:c"),
        (b'{"messages":[],"model" :\n "tiny"}', "tiny"),
        (b'{"messages":[{"content":"my \\"model\\": \\"x\\""}],"model":"tiny"}', "tiny"),
        (b'{"messages":[{"content":"model"}],"model":"tiny"}', "tiny"),
        (b'{"tools":[{"model":"x"}],"model":"tiny"}', "tiny"),
        (b'{"model":"t\\u0069ny"}', "tiny"),
        ('{"model":"größe"}'.encode(), "größe"),
        (b'{"model":null}', None),
        (b'{"model":7}', None),
        (b'{"model":""}', None),
        (b"{}", None),
    ],
)
def test_the_model_field_is_found_in_a_body(sent: bytes, model: str | None) -> None:
    assert scan_body(sent).model == model


@pytest.mark.parametrize("written", ["x", "\u00e9", "\N{GRINNING FACE}"], ids=["1", "2", "4"])
@pytest.mark.parametrize("escaped", [False, True])
def test_a_model_name_above_the_length_limit_is_cut(written: str, escaped: bool) -> None:
    for length in range(MAX_MODEL_NAME_BYTES // len(written.encode()) + 1, MAX_MODEL_NAME_BYTES + 9):
        sent = json.dumps({"model": written * length}, ensure_ascii=escaped).encode()
        found = scan_body(sent).model
        assert found
        assert MAX_MODEL_NAME_BYTES < len(found.encode()) <= 4 * (MAX_MODEL_NAME_BYTES + 2)


def test_the_longest_allowed_model_name_is_kept_unchanged() -> None:
    name = "x" * MAX_MODEL_NAME_BYTES
    assert scan_body(json.dumps({"model": name}).encode()).model == name


@pytest.mark.parametrize("sent", [b"", b"[]", b'{"messages":'])
def test_a_body_that_is_not_a_json_object_and_names_no_model_is_refused(sent: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        scan_body(sent)
    assert (refused.value.status, refused.value.code) == (400, "invalid_json")


@given(
    st.dictionaries(
        st.text(), st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
    )
)
def test_replacing_the_model_name_leaves_the_rest_of_the_body_unchanged(rest: dict[str, Any]) -> None:
    document = rest | {"model": "team/tiny"}
    sent = json.dumps(document, ensure_ascii=False).encode(errors="replace")
    asked = scan_body(sent)
    assert asked.model == "team/tiny"
    assert json.loads(renamed(sent, asked, "x")) == json.loads(sent) | {"model": "x"}


@pytest.mark.parametrize("first", [USER, dict(reversed(USER.items()))], ids=["role-first", "text-first"])
@pytest.mark.parametrize("before", [(), (SYSTEM,)], ids=["alone", "system"])
def test_all_requests_of_a_conversation_have_the_same_affinity(first: Any, before: tuple[Any, ...]) -> None:
    start = scan_body(body(*before, first)).affinity
    later = (first, {"role": "assistant", "content": "A box."}, {"role": "user", "content": "Why?"})
    assert start is not None
    assert scan_body(body(*before, *later)).affinity == start


def test_text_parts_and_input_texts_count_for_the_affinity() -> None:
    parts = {"role": "user", "content": [{"type": "text", "text": "hello"}]}
    other = {"role": "user", "content": [{"type": "text", "text": "world"}]}
    assert scan_body(body(parts)).affinity != scan_body(body(other)).affinity
    assert (
        scan_body(b'{"model":"a","input":"x"}').affinity != scan_body(b'{"model":"a","input":"y"}').affinity
    )


def test_the_affinity_differs_by_the_first_question() -> None:
    assert (
        scan_body(body(SYSTEM, USER)).affinity != scan_body(body(SYSTEM, {**USER, "content": "And"})).affinity
    )


def test_a_prompt_cache_key_of_the_client_decides_the_affinity() -> None:
    one, other = scan_body(body(USER, prompt_cache_key="k")), scan_body(body(SYSTEM, prompt_cache_key="k"))
    assert one.affinity == other.affinity
    assert scan_body(body(USER, prompt_cache_key="l")).affinity != one.affinity


def test_a_body_without_user_text_has_no_affinity() -> None:
    assert scan_body(body(SYSTEM)).affinity is None
