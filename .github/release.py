"""Steps of the release workflow that are more than a line of shell; `python3 .github/release.py --help`.

Only the standard library, and Python 3.11 or newer: the workflow runs it before anything is installed.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Where a version stands, and how: the first group is the version.
_VERSIONS = {
    "serving-image/fairlead_contract/version.py": r'^VERSION\b.* = "(.+)"$',
    "operator/kubectl-fairlead": r"^package=fairlead==(.+)$",
    "charts/fairlead/Chart.yaml": r"^version: (.+)$",
    "charts/fairlead-crds/Chart.yaml": r"^version: (.+)$",
    # Both Chart.yaml also have the version of the images, quoted.
    "charts/fairlead/Chart.yaml (appVersion)": r'^appVersion: "(.+)"$',
    "charts/fairlead-crds/Chart.yaml (appVersion)": r'^appVersion: "(.+)"$',
}


class ReleaseError(Exception):
    """What is wrong with the source or the arguments, with the remedy."""


def versions() -> dict[str, str]:
    """The version that each place names, "" where none is found."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    found = {"pyproject.toml": str(project)}
    for place, pattern in _VERSIONS.items():
        match = re.search(pattern, (ROOT / place.partition(" ")[0]).read_text(), re.MULTILINE)
        found[place] = match[1] if match else ""
    return found


def notes(tag: str) -> str:
    """The changelog's section of a tag's version, without its heading. Raises ReleaseError without one."""
    version = tag.removeprefix("v")
    text = (ROOT / "CHANGELOG.md").read_text()
    found = re.search(
        rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## \[|\Z)", text, re.MULTILINE | re.DOTALL
    )
    if not found:
        raise ReleaseError(
            f"CHANGELOG.md has no section [{version}]: rename [Unreleased] before the tag is set"
        )
    return found[1].strip() + "\n"


def check(tag: str) -> None:
    """Raises ReleaseError unless all places have the version of the tag, and the changelog describes it."""
    version = tag.removeprefix("v")
    if not re.fullmatch(r"v\d+\.\d+\.\d+", tag):
        raise ReleaseError(f"{tag} is not the tag of a release: v and three numbers, such as v1.2.3")
    wrong = [f"{place}: {found or 'no version'}" for place, found in versions().items() if found != version]
    if wrong:
        listed = "\n  ".join(wrong)
        raise ReleaseError(f"the tag {tag} needs version {version} everywhere; set it in\n  {listed}")
    notes(tag)


def pinned(values: str, digests: dict[str, str]) -> str:
    """A chart's values.yaml whose default tags are VERSION@DIGEST, by part (`operator`, `gateway`).

    It is the tag that is set, so that a tag of the user still takes the place of all of it.
    """
    version = versions()["charts/fairlead/Chart.yaml (appVersion)"]
    for part, digest in digests.items():
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            raise ReleaseError(f"{part}: {digest!r} is not a digest, sha256: and 64 hexadecimal digits")
        tag = re.compile(
            rf'(^{re.escape(part)}:\n(?:(?:[ #].*)?\n)*?  image:\n(?:    .*\n)*?    tag: )""', re.MULTILINE
        )
        values, count = tag.subn(rf'\g<1>"{version}@{digest}"', values)
        if count != 1:
            raise ReleaseError(f"the values have no empty tag at {part}.image.tag")
    return values


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a step; a failure prints its remedy and returns 1."""
    parser = argparse.ArgumentParser(description="Steps of the release workflow.")
    steps = parser.add_subparsers(dest="step", required=True)
    for name, text in (
        ("check", "is the source ready for this tag?"),
        ("notes", "prints the notes of a tag"),
    ):
        steps.add_parser(name, help=text).add_argument("tag")
    pin = steps.add_parser("pin", help="names a chart's images by digest")
    pin.add_argument("values", type=Path, help="values.yaml of the chart, which is changed")
    pin.add_argument("digests", nargs="+", metavar="PART=DIGEST")
    options = parser.parse_args(arguments)
    try:
        if options.step == "check":
            check(options.tag)
        elif options.step == "notes":
            sys.stdout.write(notes(options.tag))
        else:
            digests = dict(item.partition("=")[::2] for item in options.digests)
            options.values.write_text(pinned(options.values.read_text(), digests))
    except ReleaseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
