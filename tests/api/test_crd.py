"""The CRD: as committed, and by the rules of Kubernetes' API conventions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from fairlead_operator.api.crd import crd
from fairlead_operator.api.manifest import to_yaml
from fairlead_operator.api.schema import structural_schema
from fairlead_operator.api.v1alpha1 import ModelDeployment
from fairlead_operator.reference import PAGES
from tests.api.bounds import messages

ROOT = Path(__file__).resolve().parents[2]
CRD_FILE = ROOT / "crds" / "fairlead.dev_modeldeployments.yaml"
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.yaml"))

Field = tuple[str, dict[str, Any]]


def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def _fields(schema: dict[str, Any], path: str = "") -> Iterator[Field]:
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from _fields(field, f"{path}.{name}")
        yield from _fields(field.get("items", {}), f"{path}.{name}[]")
        yield from _fields(field.get("additionalProperties", {}), f"{path}.{name}.*")


FIELDS = [field for field in _fields(_schema()) if field[0] != ".metadata"]


def test_the_committed_crd_matches_the_models() -> None:
    assert CRD_FILE.read_text() == to_yaml(crd()), "run: python -m fairlead_operator crd > crds/..."


@pytest.mark.parametrize("page", PAGES)
def test_the_committed_api_reference_matches_the_models(page: str) -> None:
    assert (ROOT / "docs" / "reference" / f"{page}.md").read_text() == PAGES[page]()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_documentation_examples_use_only_existing_fields(path: Path) -> None:
    for body in yaml.safe_load_all(path.read_text()):
        if body["kind"] == "ModelDeployment":
            parsed = ModelDeployment.model_validate(body)
            dumped = parsed.model_dump(mode="json", by_alias=True, exclude_unset=True)
            assert dumped == {"spec": body["spec"]}


@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_every_description_starts_with_the_fields_name(path: str, field: dict[str, Any]) -> None:
    assert field["description"].split()[0].rstrip(":;,.") == path.rsplit(".", 1)[1]


@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_the_crd_has_no_floats_and_no_duration_strings(path: str, field: dict[str, Any]) -> None:
    assert field.get("type") != "number", path
    assert field.get("format") not in ("double", "float", "duration"), path


@pytest.mark.parametrize(("path", "field"), [field for field in FIELDS if field[1].get("type") == "array"])
def test_every_list_has_a_list_type_and_a_maximum_length(path: str, field: dict[str, Any]) -> None:
    assert field["x-kubernetes-list-type"] in ("atomic", "set", "map"), path
    assert field["maxItems"] > 0
    if field["x-kubernetes-list-type"] == "map":
        (key,) = field["x-kubernetes-list-map-keys"]
        assert key in field["items"]["required"]


@pytest.mark.parametrize(("path", "field"), [field for field in FIELDS if field[0].startswith(".spec")])
def test_every_user_written_field_has_a_size_limit(path: str, field: dict[str, Any]) -> None:
    if field.get("type") == "string" and "enum" not in field:
        assert field["maxLength"] > 0, path
    if "additionalProperties" in field or (
        field.get("type") == "object" and field.get("x-kubernetes-preserve-unknown-fields")
    ):
        assert field["maxProperties"] > 0, path


@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_field_names_are_camel_case_and_not_redundant(path: str, field: dict[str, Any]) -> None:
    name = path.rsplit(".", 1)[1]
    assert re.fullmatch(r"[a-z][A-Za-z0-9]*", name)
    assert field.get("type") != "boolean" or not name.startswith(("is", "enable", "no", "disable"))
    assert field.get("type") != "integer" or not re.search(r"(Timeout|Delay|Deadline|Duration)$", name)


def test_the_status_has_no_required_fields_and_is_bounded() -> None:
    status = _schema()["properties"]["status"]
    assert "required" not in status
    for path, field in _fields(status):
        if field.get("type") == "array":
            assert field["maxItems"] > 0, path


def test_every_validation_rule_has_a_message_with_field_or_remedy() -> None:
    texts = list(messages(_schema()))
    assert texts
    assert all("spec." in text or "metadata." in text for text in texts)


@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_the_crd_has_no_pydantic_titles_and_null_defaults(path: str, field: dict[str, Any]) -> None:
    assert "title" not in field
    assert field.get("default", 0) is not None


def test_enum_values_are_camel_case() -> None:
    words = [word for _, field in FIELDS for word in field.get("enum", [])]
    assert words
    assert all(word[0].isupper() and word.isalnum() for word in words)


def test_conditions_come_first_and_there_is_no_phase() -> None:
    status = _schema()["properties"]["status"]["properties"]
    assert next(iter(status)) == "conditions"
    assert status["conditions"]["x-kubernetes-list-map-keys"] == ["type"]
    assert "phase" not in status


def test_the_status_and_the_scale_are_subresources() -> None:
    subresources = crd()["spec"]["versions"][0]["subresources"]
    assert subresources["status"] == {}
    assert subresources["scale"]["labelSelectorPath"] == ".status.selector"


def test_a_union_type_is_refused_by_the_crd_generator() -> None:
    class Either(BaseModel):
        value: int | str

    with pytest.raises(ValueError, match="no unions"):
        structural_schema(Either)


def test_unknown_fields_of_a_newer_version_are_ignored() -> None:
    spec = {"model": {"source": "hf://a/b", "lora": []}, "teleport": {}}
    assert ModelDeployment.model_validate({"spec": spec}).spec.model.source == "hf://a/b"
