"""Which regular expressions xgrammar accepts."""

from __future__ import annotations

import re

# One match is an escape, a class, the begin of a group, a repetition, or a run of other characters.
_TOKEN = re.compile(
    r"""(?P<escape>\\.)
    | (?P<class>\[ (?:[^\]\\]++|\\.)*+ \])
    | (?P<open>\((?:\?(?:<[=!]|P?<|[:=!]|.)?)?)
    | (?P<close>\))
    | (?P<times>\{[^{}]*+\} | [*+?])
    | (?P<plain>[^\\\[(){}*+?|^$]++)
    | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_COUNTS = re.compile(r"\{\s*([0-9]+)\s*(?:,\s*([0-9]*)\s*)?\}")
_ESCAPES = {"b": "word boundaries", "B": "word boundaries", "p": "Unicode classes", "P": "Unicode classes"}
_GROUPS = {"(?=": "lookahead", "(?!": "lookahead", "(?<=": "lookbehind", "(?<!": "lookbehind"}
_PLAIN_GROUPS = frozenset({"(", "(?:", "(?<"})
_UNFINISHED = {
    "[": "has a '[' without its ']'",
    "{": "has a '{' without its '}'",
    "\\": "ends with a lone backslash",
}
# Classes that no character is in: the engine would be left without a token.
_NOTHING = re.compile(r"\[(?:\^(?:\\s\\S|\\S\\s|\\d\\D|\\D\\d|\\w\\W|\\W\\w))?\]")
# pydantic gives this one to every Decimal. Its lookahead only excludes texts without a digit.
_HARMLESS = frozenset({r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"})


def fault_in_pattern(pattern: str, in_schema: bool) -> str | None:
    """The fault of an expression, to complete a sentence about it; None if there is none.

    In a schema xgrammar drops a lookahead silently, elsewhere it refuses it.
    """
    if in_schema and pattern in _HARMLESS:
        return None
    open_groups, last = 0, "|"
    for token in _TOKEN.finditer(pattern):
        kind, text = token.lastgroup or "", token[0]
        fault = _fault_of(kind, text, last, in_schema)
        if fault is not None:
            return fault
        open_groups += (kind == "open") - (kind == "close")
        if open_groups < 0:
            return "has a ')' without its '('"
        last = kind if kind in ("open", "times") else text[-1]
    return "has a '(' without its ')'" if open_groups else None


def _fault_of(kind: str, text: str, last: str, in_schema: bool) -> str | None:
    if kind == "escape":
        what = _ESCAPES.get(text[1]) or ("back references" if text[1] in "123456789k" else "")
        return f"has {what} ({text}), which cannot be enforced. Write it without" if what else None
    if kind == "open":
        return _fault_of_group(text, in_schema)
    if kind == "times":
        return _fault_of_times(text, last, in_schema)
    if kind == "class":
        return f"has a class that no character is in ({text})" if _NOTHING.fullmatch(text) else None
    return _UNFINISHED.get(text)


def _fault_of_group(text: str, in_schema: bool) -> str | None:
    if text in _GROUPS:
        return f"has a {_GROUPS[text]} ({text}), which cannot be enforced. Write it without"
    if text in _PLAIN_GROUPS or (in_schema and text == "(?P<"):
        return None
    return f"has a group that cannot be enforced ({text}). Write '(' or '(?:'"


def _fault_of_times(text: str, last: str, in_schema: bool) -> str | None:
    if last in ("open", "|", "^", "$"):
        return f"repeats nothing ({text})"
    if last == "times" and text != "?" and not in_schema:
        return f"has two repetitions in a row ({text})"
    if not text.startswith("{"):
        return None
    counts = _COUNTS.fullmatch(text)
    if counts is None:
        return f"has a repetition without a number ({text}). Write '{{0,n}}' for 'at most n'"
    least, most = counts[1].lstrip("0"), (counts[2] or "").lstrip("0")
    if counts[2] and (len(most), most) < (len(least), least):
        return f"has a repetition that is at most less often than at least ({text})"
    return None
