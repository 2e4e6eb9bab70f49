"""Turns vLLM's validation errors into one sentence about one path of the request.

It lists what each alternative of a type misses, with names of its own classes. There are two forms: that of
its handler, with dicts of Python, and the text of pydantic's exception where types are checked late.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_QUOTED = r"""(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")"""
_HANDLED = re.compile(rf"'type': '(\w+)', 'loc': {_QUOTED}, 'msg': {_QUOTED}")
_RAISED = re.compile(r"\d+ validation errors? for (\w+)\n(\S.*)\n  (.+?) \[type=(\w+),")
_REQUEST = "ChatCompletionRequest"
# Where it lists the alternatives for a message, each has the name of a class.
_CLASS = re.compile(r"[A-Z]\w*")
_EXPECTED = "Input should be "
_CODES = {"missing": "missing_required_parameter", "literal_error": "unsupported_value"}
# JSON's type names for pydantic's.
_WORDS = {
    "a valid dictionary": "an object",
    "a valid list": "an array",
    "a valid string": "a string",
    "a valid boolean": "a boolean",
    "a valid integer": "an integer",
    "a valid number": "a number",
}


class Reading(NamedTuple):
    """One fault in a request."""

    message: str
    param: str | None
    code: str


class _Entry(NamedTuple):
    kind: str
    place: str
    text: str


def read_dump(text: str) -> Reading | None:
    """The first fault that vLLM lists; None for a text that is no list of them."""
    if "validation error" not in text:
        return None
    entries = [
        _Entry(found[1], found[2] or found[3] or "", _unescaped(found[4] or found[5] or ""))
        for found in _HANDLED.finditer(text)
    ]
    if entries:
        return _read(entries)
    raised = _RAISED.match(text)
    if raised is None:
        return None
    if raised[1] == _REQUEST:
        return _read([_Entry(raised[4], raised[2], raised[3])])
    # Only content parts and tool calls are checked late.
    return _form_of_messages("messages")


def _read(entries: list[_Entry]) -> Reading:
    first = entries[0]
    steps = first.place.removeprefix("body.").split(".")
    if steps[0].isdecimal():
        return _form_of_messages("messages")
    named = next((i for i, step in enumerate(steps) if _CLASS.fullmatch(step)), None)
    if steps[0] == "messages" and named is not None:
        return _form_of_messages(_path(steps[:named]))
    path = _path(steps)
    if first.kind == "missing":
        return Reading(f"Missing required parameter: '{path}'.", path, _CODES["missing"])
    code = _CODES.get(first.kind, "invalid_type" if first.kind.endswith("_type") else "invalid_value")
    if not first.text.startswith(_EXPECTED):
        return Reading(_sentence(first.text.removeprefix("Value error, ")), path, code)
    same = [entry.text for entry in entries if entry.place == first.place]
    expected = [text.removeprefix(_EXPECTED) for text in same if text.startswith(_EXPECTED)]
    words = " or ".join(dict.fromkeys(map(_in_words, expected)))
    return Reading(_sentence(f"'{path}' must be {words}"), path, code)


def _form_of_messages(path: str) -> Reading:
    message = f"'{path}' does not have a form that the engine accepts. Compare roles, content and tool calls."
    return Reading(message, path, "invalid_value")


def _path(steps: list[str]) -> str:
    path = "".join(f"[{step}]" if step.isdecimal() else f".{step}" for step in steps)
    return path.removeprefix(".")


def _in_words(expected: str) -> str:
    for theirs, ours in _WORDS.items():
        expected = expected.replace(theirs, ours)
    return expected


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _unescaped(text: str) -> str:
    return re.sub(r"\\(['\"\\])", r"\1", text)
