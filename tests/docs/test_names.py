"""Names in the documentation exist: fields of a model, values of the chart, files of the source."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.docs.blocks import PAGES, ROOT

Schema = dict[str, Any]

_CRD = yaml.safe_load((ROOT / "crds" / "fairlead.dev_modeldeployments.yaml").read_text())
MODEL: Schema = _CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
VALUES: Schema = json.loads((ROOT / "charts" / "fairlead" / "values.schema.json").read_text())
# Where modules are that pages name without these folders.
SOURCES = ("", "operator/fairlead_operator", "serving-image/fairlead_gateway", "serving-image")
_FILE = re.compile(r"`((?:tests|e2e|operator|serving-image|docs|charts|crds)/[\w./-]+)`")
_MODULE = re.compile(
    r"`((?:plan|render|autoscale|controller|kube|cli|router|server|upstream|admission)/[\w./]*)`"
)
_FIELD = re.compile(r"`((?:spec|status)\.[A-Za-z][\w.\[\]]*\w)")
_VALUE = re.compile(r"--set ([a-z]\w*(?:\.\w+)*)=")


def has(schema: Schema, path: str) -> bool:
    """Whether a schema has a field; below objects of any content it has all."""
    for name in path.replace("[]", "").split("."):
        while schema.get("type") == "array":
            schema = schema["items"]
        if schema.get("x-kubernetes-preserve-unknown-fields") or isinstance(
            schema.get("additionalProperties"), dict
        ):
            return True
        if reference := schema.get("$ref"):
            schema = VALUES["definitions"][reference.rsplit("/", 1)[1]]
        if name not in schema.get("properties", {}):
            return "properties" not in schema and schema.get("type") == "object"
        schema = schema["properties"][name]
    return True


def named(pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Each name that a pattern finds, with its page. Generated pages have their own tests."""
    for page in (page for page in PAGES if page.parent.name != "reference"):
        for name in sorted(set(pattern.findall(page.read_text()))):
            yield page.relative_to(ROOT).as_posix(), name


def test_every_field_that_a_page_names_is_in_the_schema() -> None:
    assert [(page, name) for page, name in named(_FIELD) if not has(MODEL, name)] == []


def test_every_value_that_a_page_sets_is_one_of_the_chart() -> None:
    assert [(page, name) for page, name in named(_VALUE) if not has(VALUES, name)] == []


def test_every_file_and_module_that_a_page_names_exists() -> None:
    wrong = [(page, name) for page, name in named(_FILE) if not (ROOT / name).exists()]
    wrong += [
        (page, name)
        for page, name in named(_MODULE)
        if not any((ROOT / top / name).exists() for top in SOURCES)
    ]
    assert wrong == []


def test_a_name_that_does_not_exist_is_found() -> None:
    assert [
        has(MODEL, name) for name in ("spec.model.source", "spec.model.sauce", "spec.podTemplate.any")
    ] == [
        True,
        False,
        True,
    ]
    assert [has(VALUES, name) for name in ("operator.image.tag", "operator.image.tags", "operator.tag")] == [
        True,
        False,
        False,
    ]
