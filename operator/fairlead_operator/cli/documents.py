"""Reads ModelDeployments from YAML files as kubectl would, and remembers where in the file each value stands.

YAML has more types than Kubernetes' API: there a date is a string, and a key that occurs twice is an error.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fairlead_contract.names import GROUP
from fairlead_operator.api.names import API_VERSION, KIND

FieldPath = Sequence[str | int]
STDIN = "-"


class DocumentError(Exception):
    """A file cannot be read; the text says which and why."""


@dataclass(frozen=True)
class ManifestDocument:
    """One object of a file: `number` counts from 1, `node` is its syntax tree."""

    file: str
    number: int
    body: Any
    node: yaml.Node = field(repr=False)

    @property
    def name(self) -> Any:
        """The value of metadata.name; None without one."""
        metadata = self.body.get("metadata") if isinstance(self.body, dict) else None
        return metadata.get("name") if isinstance(metadata, dict) else None

    @property
    def title(self) -> str:
        """Kind and name, as far as they are known."""
        if not isinstance(self.body, dict):
            return f"document {self.number}"
        return f"{self.body.get('kind') or 'object'} {self.name or '(no name)'}"

    @property
    def is_model(self) -> bool:
        """Whether this is meant to be a ModelDeployment, right or wrong."""
        if not isinstance(self.body, dict):
            return True
        version = str(self.body.get("apiVersion", ""))
        return self.body.get("kind") == KIND or version.partition("/")[0] == GROUP

    def line(self, path: FieldPath = ()) -> int:
        """The line, from 1, of the value at a path, or of the nearest that is there."""
        node = self.node
        line = node.start_mark.line
        for part in path:
            found = _child(node, part)
            if found is None:
                break
            line, node = found
        return line + 1

    def at(self, path: FieldPath = ()) -> str:
        """File, line, number and title, for the start of a message."""
        return f"{self.file}:{self.line(path)}: document {self.number} ({self.title})"


def read_documents(file: str) -> list[ManifestDocument]:
    """All objects of a file, `-` for standard input; the items of a List count as documents.

    Raises DocumentError for what cannot be read or is not YAML.
    """
    name, text = ("<stdin>", _standard_input()) if file == STDIN else (file, _text(file))
    return parse_documents(name, text)


def parse_documents(name: str, text: str) -> list[ManifestDocument]:
    """The same for a text that is called `name` in messages."""
    try:
        loader = _Loader(text)
        nodes = []
        while loader.check_node():
            if (node := loader.get_node()) is not None:
                nodes.append(node)
        found = [
            (node, body) for node in nodes for node, body in _expand(node, loader.construct_document(node))
        ]
    except yaml.YAMLError as error:
        raise DocumentError(_problem(name, error)) from error
    present = [(node, body) for node, body in found if body is not None]
    return [
        ManifestDocument(name, number, body, node) for number, (node, body) in enumerate(present, start=1)
    ]


def header_problem(document: ManifestDocument) -> str | None:
    """The problem of the type of a model, or None."""
    if not isinstance(document.body, dict):
        return "must be an object with apiVersion, kind, metadata and spec"
    given = (document.body.get("apiVersion"), document.body.get("kind"))
    if given == (API_VERSION, KIND):
        return None
    return f"apiVersion must be {API_VERSION} and kind {KIND}, not {given[0]!r} and {given[1]!r}"


class _Loader(yaml.SafeLoader):
    """Dates are strings, and a key may occur once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                problem = f"the key {key.value!r} occurs twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# YAML 1.1 wants a point and a signed exponent; JSON, and so Kubernetes, takes 1e3 for a number too.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?[eE][+-]?[0-9]+$"),
    list("-0123456789"),
)


def _expand(node: yaml.Node, body: Any) -> Iterator[tuple[yaml.Node, Any]]:
    items = _child(node, "items")
    if not (isinstance(body, dict) and body.get("kind") == "List" and items):
        yield node, body
        return
    for index, item in enumerate(body["items"] or []):
        found = _child(items[1], index)
        yield found[1] if found else node, item


def _child(node: yaml.Node, part: str | int) -> tuple[int, yaml.Node] | None:
    """The line, from 0, and the node of a key or an index."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line, node.value[part]
    return None


def _standard_input() -> str:
    return sys.stdin.read()


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except IsADirectoryError:
        raise DocumentError(f"{file}: is a directory; name the files in it") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise DocumentError(f"{file}: {reason}") from error


def _problem(name: str, error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f"{name}: not YAML: {error}"
    mark = error.problem_mark
    return f"{name}:{mark.line + 1}: not YAML: {error.problem} (column {mark.column + 1})"
