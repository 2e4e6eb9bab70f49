"""JSON of any depth is read; what is too deep for the parser is null."""

from __future__ import annotations

import json

import pytest

from fairlead_operator.bounds import JSON_DEPTH
from fairlead_operator.kube.decoding import cut_nesting, decode


def nested(depth: int, opening: str = '{"a":', closing: str = "}") -> str:
    return opening * depth + "1" + closing * depth


def depth_of(value: object) -> int:
    depth = 0
    while isinstance(value, dict | list) and value:
        value = value[0] if isinstance(value, list) else value["a"]
        depth += 1
    return depth


@pytest.mark.parametrize("depth", [1, 30, JSON_DEPTH])
def test_usual_nesting_depths_are_decoded_unchanged(depth: int) -> None:
    text = nested(depth)
    assert decode(text.encode()) == json.loads(text)


@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]")])
def test_an_object_that_is_nested_deeply_does_not_hide_its_neighbours(opening: str, closing: str) -> None:
    text = f'{{"items": [{{"a": 1}}, {nested(50_000, opening, closing)}, {{"b": [[2]]}}]}}'
    first, _, last = decode(text.encode())["items"]
    assert (first, last) == ({"a": 1}, {"b": [[2]]})


def test_json_below_the_depth_limit_becomes_null() -> None:
    value = json.loads(cut_nesting(nested(50_000).encode()))
    assert depth_of(value) == JSON_DEPTH


def test_brackets_and_quotes_in_strings_are_not_nesting() -> None:
    texts = ["[" * 100, '"{' * 100, "\\" * 99, '\\"[', "{\\"]
    text = f'{{"texts": {json.dumps(texts)}, "deep": {nested(50_000)}}}'
    assert decode(text.encode())["texts"] == texts


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 50_000, b'{"a":' * 50_000, b"]]", b"\xff", b'"' * 99])
def test_invalid_json_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- any of the parser's
        decode(body)
