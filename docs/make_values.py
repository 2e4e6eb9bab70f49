"""`python docs/make_values.py`: docs/reference/values.md, from the chart's values.yaml.

The comment above a value describes it, and the values after it that have no comment of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

VALUES = Path(__file__).resolve().parents[1] / "charts" / "fairlead" / "values.yaml"
_KEY = re.compile(r"(?P<indent> *)(?P<key>[A-Za-z]\w*):(?P<value> .*)?")
_INTRODUCTION = """\
# Values of the chart

Every value is optional. `values.schema.json` in the chart refuses unknown names and wrong types before
anything is installed. [Operations](../operations.md) says how to install and upgrade. Generated from
`charts/fairlead/values.yaml`; do not edit.

| value | default | description |
|---|---|---|
"""


def page() -> str:
    """The whole page as Markdown."""
    return _INTRODUCTION + "".join(
        f"| `{name}` | {default} | {_cell(text)} |\n" for name, default, text in rows(VALUES.read_text())
    )


def rows(text: str) -> Iterator[tuple[str, str, str]]:
    """Path, default and description, in the order of the file. A map whose comment describes its entries has
    a row without a default, and an entry without a comment has the description of the one before it. Raises
    ValueError for a value that no comment describes.
    """
    path, comment = list[str](), list[str]()
    # The latest description at each depth. A map's own is at the depth of its entries.
    described: dict[int, str] = {}
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            comment.append(line.strip().removeprefix("#").strip())
        elif found := _KEY.fullmatch(line):
            depth, default = len(found["indent"]) // 2, (found["value"] or "").strip()
            path, own = [*path[:depth], found["key"]], " ".join(comment)
            comment = []
            described = {at: said for at, said in described.items() if at <= depth}
            described[depth] = own or ("" if not default else described.get(depth, ""))
            name = ".".join(path)
            if not default:
                if own:
                    yield name, "", own
                described[depth + 1], described[depth] = ("see above" if own else ""), ""
            elif not described[depth]:
                raise ValueError(f"{name} has no comment in values.yaml")
            else:
                yield name, f"`{default}`", described[depth]
        else:
            comment = []


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
