"""`python docs/make_bounds.py`: docs/reference/bounds.md, from the modules that hold the bounds.

A bound is a constant of such a module. The comment above it says what it bounds, why it is so, and what
happens beyond it. A comment stands for all constants up to the next one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = {
    "Documents between the programs": "serving-image/fairlead_contract/bounds.py",
    "Gateway and router": "serving-image/fairlead_gateway/bounds.py",
    "Parameters of requests": "serving-image/fairlead_contract/parameters/bounds.py",
    "Engine launcher": "serving-image/fairlead_launcher/bounds.py",
    "Download of weights": "serving-image/fairlead_weights/bounds.py",
    "Operator": "operator/fairlead_operator/bounds.py",
}
_HEADING = re.compile(r"# (.+?) -{5,}")
_HEAD = "| bound | what it bounds, why, and what happens beyond it |\n|---|---|\n"
_INTRODUCTION = """\
# Bounds

Everything that comes from outside a process has a bound: sizes, numbers, times. The names are those of
constants in the source. [Security](../security.md) says what they protect. Generated from the source; do not
edit.
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [_INTRODUCTION]
    for title, path in MODULES.items():
        source = (ROOT / path).read_text()
        parts.append(f"\n## {title}\n\n{_prose(ast.get_docstring(ast.parse(source)) or '')}\n\n`{path}`\n")
        tables = "".join(_sections(source))
        # A module without sections has one table.
        parts.append(tables if tables.startswith("\n###") else f"\n{_HEAD}{tables}")
    return "".join(parts)


def _sections(source: str) -> Iterator[str]:
    comment: list[str] = []
    names: list[str] = []

    def row() -> str:
        bounds = "<br>".join(names)
        return f"| {bounds} | {_prose(' '.join(comment))} |\n"

    constants = {node.lineno: node for node in ast.parse(source).body if isinstance(node, ast.Assign)}
    for number, line in enumerate(source.splitlines(), 1):
        if heading := _HEADING.fullmatch(line):
            if names:
                yield row()
            comment, names = [], []
            yield f"\n### {heading[1]}\n\n{_HEAD}"
        elif line.startswith("# "):
            if names:
                yield row()
                comment, names = [], []
            comment.append(line[2:])
        elif node := constants.get(number):
            (target,) = node.targets
            assert isinstance(target, ast.Name)
            names.append(f"`{target.id}`: {_value(target.id, node.value)}")
    if names:
        yield row()


def _value(name: str, node: ast.expr) -> str:
    """A constant's value with its unit, which is the end of its name."""
    if isinstance(node, ast.Name):
        return f"`{node.id}`"
    value = eval(compile(ast.Expression(node), name, "eval"), {"__builtins__": {}})  # noqa: S307 - our own source
    if "BYTES" in name:
        for power, unit in ((50, "PiB"), (40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
            if value >= 1 << power and value % (1 << power) == 0:
                return f"{value >> power} {unit}"
        return f"{value} bytes"
    text = f"{value:,}" if isinstance(value, int) else f"{value:g}"
    return f"{text} s" if name.endswith("SECONDS") else text


def _prose(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
