"""The faults of a context-free grammar, by its rules.

The backends read grammars themselves and refuse invalid syntax. This module finds what they would accept and
then fail on, or what only another backend than the compiling one accepts. A text with anything else in it
than plain EBNF or Lark is left to them.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from .backends import Backend
from .ends import ending
from .fault import Fault

# Possessive throughout: no text is read twice, whatever it is.
_EBNF_TOKEN = re.compile(
    r"""(?P<blank>\s++ | \#[^\n]*+)
    | (?P<head>[A-Za-z_.][\w.-]*+\s*+::=)
    | (?P<name>[A-Za-z_.][\w.-]*+)
    | (?P<text>"(?:[^"\\\n]|\\.)*+" | \[(?:[^\]\\\n]|\\.)++\])
    | (?P<open>\() | (?P<close>\)) | (?P<or>\|)
    | (?P<optional>[*?] | \{\s*+0++\s*+(?:,\s*+[0-9]*+\s*+)?\})
    | (?P<times>\+ | \{\s*+[0-9]++\s*+(?:,\s*+[0-9]*+\s*+)?\})""",
    re.VERBOSE | re.DOTALL,
)
_LARK_TOKEN = re.compile(
    r"""(?P<blank>[^\S\n]++ | //[^\n]*+ | \#[^\n]*+ | ->\s*+\w++)
    | (?P<line>\n\s*+)
    | (?P<ignore>%ignore[^\n]*+ | %import[^\n]*+)
    | (?P<head>[?!]{0,2}+[A-Za-z_]\w*+\s*+:)
    | (?P<text>"(?:[^"\\\n]|\\.)*+"i?(?:\s*+\.\.\s*+"(?:[^"\\\n]|\\.)*+")?
        | /(?:[^/\\\n]|\\.)++/[a-z]*+)
    | (?P<name>[A-Za-z_]\w*+)
    | (?P<open>\() | (?P<close>\)) | (?P<opens_optional>\[) | (?P<closes_optional>\]) | (?P<or>\|)
    | (?P<optional>[*?] | ~\s*+0++(?:\s*+\.\.\s*+[0-9]++)?+)
    | (?P<times>\+ | ~\s*+[0-9]++(?:\s*+\.\.\s*+[0-9]++)?+)""",
    re.VERBOSE,
)
_HEAD_NAME = re.compile(r"[A-Za-z_.][\w-]*(?:\.[A-Za-z_][\w-]*)*")
_EBNF_ROOT, _LARK_ROOT = "root", "start"


_Name = str | int


@dataclass(slots=True)
class _Rules:
    """The rules of a grammar as they are read. A group within a rule is one too, named by a number."""

    alternatives: list[tuple[_Name, list[_Name | None]]] = field(default_factory=list)
    """Each with its items; what ends anyway is None."""
    names: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    """The rule of each group."""
    _open: list[tuple[_Name, list[_Name | None]]] = field(default_factory=list)

    def rule_of(self, name: _Name) -> str:
        """The rule that something belongs to."""
        return name if isinstance(name, str) else self.groups[name]

    def begin(self, name: str) -> None:
        """Begins a rule."""
        self.names.append(name)
        self._open = [(name, [])]

    def end(self) -> bool:
        """Ends the rule, if there is one; whether all its groups were closed."""
        is_whole = len(self._open) <= 1
        self.alternatives.extend(self._open)
        self._open = []
        return is_whole

    def read(self, kind: str, text: str) -> bool:
        """Reads a token within a rule; whether it may stand there."""
        if not self._open:
            return False
        name, items = self._open[-1]
        if kind in ("open", "opens_optional"):
            self._open.append((len(self.groups), []))
            self.groups.append(self.names[-1])
        elif kind in ("close", "closes_optional"):
            if len(self._open) == 1:
                return False
            self.alternatives.append(self._open.pop())
            self._open[-1][1].append(name if kind == "close" else None)
        elif kind == "or":
            self.alternatives.append(self._open.pop())
            self._open.append((name, []))
        elif kind in ("optional", "times"):
            if not items:
                return False
            items[-1] = items[-1] if kind == "times" else None
        else:
            items.append(text if kind == "name" else None)
        return True


def fault_in_grammar(text: str, backend: Backend) -> Fault | None:
    """The first rule of a grammar that a backend fails on; None if there is none."""
    is_ebnf = "::=" in text
    rules = _read(text, _EBNF_TOKEN if is_ebnf else _LARK_TOKEN)
    if rules is None:
        return None
    root = _EBNF_ROOT if is_ebnf else _LARK_ROOT
    if root not in rules.names:
        return Fault("", f"must have a rule '{root}': an answer begins with it.")
    # What xgrammar refuses in EBNF, llguidance accepts or refuses in terms of another notation.
    fault = _fault_in_ebnf(rules) if is_ebnf and backend is Backend.XGRAMMAR else None
    return fault or _fault_of_endless(rules, root)


def _fault_in_ebnf(rules: _Rules) -> Fault | None:
    known = set(rules.names)
    if len(known) < len(rules.names):
        twice = next(name for name, number in Counter(rules.names).items() if number > 1)
        return Fault("", f"has the rule '{twice}' twice. Write its alternatives with '|'.")
    numbers = Counter(name for name, _ in rules.alternatives)
    for name, items in rules.alternatives:
        unknown = next((item for item in items if isinstance(item, str) and item not in known), None)
        if unknown is not None:
            return Fault("", f"has no rule '{unknown}', which another one needs. Add it.")
        # () is a group without text.
        if not items and (isinstance(name, str) or numbers[name] > 1):
            rule = rules.rule_of(name)
            return Fault("", f"has nothing in an alternative of the rule '{rule}'. Write \"\" for no text.")
    return None


def _fault_of_endless(rules: _Rules, root: str) -> Fault | None:
    """The first rule on the way from the root that only leads back to itself."""
    known = set(rules.names)
    needs = [
        (name, [item for item in items if isinstance(item, int) or item in known])
        for name, items in rules.alternatives
    ]
    ends = ending(needs)
    below: dict[_Name, list[_Name]] = {}
    for name, items in needs:
        below.setdefault(name, []).extend(items)
    stack: list[_Name] = [root]
    reached: set[_Name] = {root}
    while stack:
        name = stack.pop()
        if name not in ends and isinstance(name, str):
            why = (
                f"has a rule '{name}' that leads back to itself without an end, so no answer follows it. "
                f"Give it an alternative without '{name}'."
            )
            return Fault("", why)
        further = [item for item in below.get(name, ()) if item not in reached]
        reached.update(further)
        stack.extend(reversed(further))
    return None


def _read(text: str, syntax: re.Pattern[str]) -> _Rules | None:
    """The rules of a grammar; None if it has anything else in it."""
    rules, place = _Rules(), 0
    while place < len(text):
        token = syntax.match(text, place)
        if token is None:
            return None
        kind, place = token.lastgroup or "", token.end()
        # A rule of Lark goes on in a line that begins with a bar.
        ends = kind == "head" or (kind == "line" and not text.startswith("|", place))
        if ends and not rules.end():
            return None
        if kind == "head":
            rules.begin(_HEAD_NAME.findall(token[0])[0])
        elif kind not in ("blank", "ignore", "line") and not rules.read(kind, token[0]):
            return None
    return rules if rules.end() else None
