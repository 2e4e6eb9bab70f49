"""The schema of a pod template: fields by name, their types, and which of them are required.

The schema is that of the official client's models, generated from Kubernetes' OpenAPI document. It is older
than some API servers, so a field that it lacks is wrong only if its name resembles one of the schema. Pure:
nothing is requested.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from itertools import chain, islice
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import kubernetes
from kubernetes.aio.client import models
from pydantic import BaseModel

from fairlead_operator.api.jsonvalue import field, shown
from fairlead_operator.bounds import FIELD_PROBLEMS
from fairlead_operator.render.model import Model, RenderSettings
from fairlead_operator.render.podtemplate import PodTemplateError
from fairlead_operator.render.quantity import quantity_value
from fairlead_operator.render.templates import render_templates

Object = dict[str, Any]
FieldPath = tuple[str | int, ...]

SCHEMA_VERSION = f"1.{kubernetes.__version__.partition('.')[0]}"
"""The Kubernetes version of the schema: the client's major version is Kubernetes' minor one."""

_TEMPLATE: FieldPath = ("spec", "podTemplate")
_AFFINITY: FieldPath = ("spec", "scheduling", "affinity")
# Required by the schema, while the API server takes absent for 0, "" or {}, which these may be.
_MAY_BE_ZERO = frozenset({"lun", "preference", "priority", "seconds", "value"})
# Longer than any field's name: a comparison takes time in proportion to the length.
_NAME_CHARACTERS = 64
# Directives of a strategic merge patch, checked where the patch is merged.
_DIRECTIVES = "$"
# Maps of the pod's schema that have quantities as values, and fields that are quantities: the models have
# strings for both, while JSON numbers are allowed.
_QUANTITY_MAPS = frozenset({"limits", "requests", "overhead", "capacity"})
_QUANTITIES = frozenset({"sizeLimit", "divisor"})
# Maps whose keys or values are labels. Source: k8s.io/apimachinery/pkg/util/validation.
_LABELS = frozenset({"labels", "nodeSelector", "matchLabels"})
_KEYED = _LABELS | {"annotations"}
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_PREFIX = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_REQUIRED = "Required value"
_WORDS: Mapping[type, str] = {bool: "true or false", int: "an integer", str: "a string", datetime: "a time"}


@dataclass(frozen=True)
class FieldProblem:
    """One field that the pod schema does not allow. `certain` is False where a newer API server may."""

    path: FieldPath
    text: str
    certain: bool = True

    def __str__(self) -> str:
        return f"{field(self.path)}: {self.text}"


def spec_problems(model: Model, settings: RenderSettings) -> list[FieldProblem]:
    """The problems of the parts of a spec that Kubernetes defines: spec.podTemplate and
    spec.scheduling.affinity.
    """
    template, affinity = model.spec.pod_template, model.spec.scheduling.affinity
    found = chain(
        # A patch needs no required fields: it is merged into a complete template.
        _Check(complete=False).value(template, models.V1PodTemplateSpec, _TEMPLATE),
        _Check(complete=True).value(affinity, models.V1Affinity, _AFFINITY),
    )
    return list(islice(found, FIELD_PROBLEMS)) or _missing(model, settings)


def _missing(model: Model, settings: RenderSettings) -> list[FieldProblem]:
    """Required fields that the merged templates lack. Items of lists are in the path by their names."""
    try:
        templates = render_templates(model, settings)
    except PodTemplateError:
        # This field has its own message.
        return []
    check = _Check(complete=True, by_name=True)
    found = (
        problem
        for template in templates
        for problem in check.value(template, models.V1PodTemplateSpec, _TEMPLATE)
        if problem.text == _REQUIRED
    )
    return list(dict.fromkeys(islice(found, FIELD_PROBLEMS)))


@cache
def _fields(model: type[BaseModel]) -> Mapping[str, tuple[Any, bool]]:
    """The type of each field by its name in JSON, and whether it is required."""
    return {
        field.serialization_alias or name: (field.annotation, field.is_required())
        for name, field in model.model_fields.items()
    }


@dataclass(frozen=True)
class _Check:
    """`complete`: required fields must be there. `by_name`: items of lists have their names in paths."""

    complete: bool
    by_name: bool = False

    def value(self, value: Any, kind: Any, path: FieldPath) -> Iterator[FieldProblem]:
        """The problems of a value of a type of the models."""
        options = _options(kind)
        if value is None or Any in options:
            return
        for option in options:
            if isinstance(option, type) and issubclass(option, BaseModel):
                yield from self._object(value, option, path)
                return
            if get_origin(option) is list:
                yield from self._list(value, get_args(option)[0], path)
                return
            if get_origin(option) is dict:
                yield from self._map(value, get_args(option)[1], path)
                return
        yield from _scalar(value, options, path)

    def _object(self, value: Any, model: type[BaseModel], path: FieldPath) -> Iterator[FieldProblem]:
        if not isinstance(value, dict):
            yield _wrong_type(value, "an object", path)
            return
        fields = _fields(model)
        for name, item in value.items():
            if name in fields:
                where, kind = (*path, name), fields[name][0]
                yield from _quantity(item, where) if name in _QUANTITIES else self.value(item, kind, where)
            elif not name.startswith(_DIRECTIVES):
                yield _unknown(name, list(fields), path)
        if self.complete:
            for name, (_, required) in fields.items():
                if required and name not in _MAY_BE_ZERO and value.get(name) is None:
                    yield FieldProblem((*path, name), _REQUIRED)

    def _list(self, value: Any, kind: Any, path: FieldPath) -> Iterator[FieldProblem]:
        if not isinstance(value, list):
            yield _wrong_type(value, "a list", path)
            return
        for index, item in enumerate(value):
            named = self.by_name and isinstance(item, dict) and "name" in item
            where = (*path[:-1], f"{path[-1]}[{item['name']}]") if named else (*path, index)
            yield from self.value(item, kind, where)

    def _map(self, value: Any, kind: Any, path: FieldPath) -> Iterator[FieldProblem]:
        if not isinstance(value, dict):
            yield _wrong_type(value, "an object", path)
            return
        for key, item in value.items():
            where = (*path, key)
            if path[-1] in _QUANTITY_MAPS:
                yield from _quantity(item, where)
                continue
            problems = list(self.value(item, kind, where))
            yield from problems or _label(str(path[-1]), key, item, where)


def _options(kind: Any) -> tuple[Any, ...]:
    """The types that a value may have, without None."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _options(get_args(kind)[0])
    if origin in (Union, UnionType):
        return tuple(option for part in get_args(kind) if part is not type(None) for option in _options(part))
    return (kind,)


def _scalar(value: Any, options: tuple[Any, ...], path: FieldPath) -> Iterator[FieldProblem]:
    # A boolean is an int for Python. A time is a string in JSON.
    if not any(type(value) is (str if option is datetime else option) for option in options):
        yield _wrong_type(value, " or ".join(_WORDS[option] for option in options), path)


def _quantity(value: Any, path: FieldPath) -> Iterator[FieldProblem]:
    if value is None:
        return
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError
        quantity_value(value)
    except ValueError:
        yield FieldProblem(path, f"Invalid value: {shown(value)}: must be a quantity such as 500m or 16Gi")


def _label(field: str, key: str, value: Any, path: FieldPath) -> Iterator[FieldProblem]:
    """The problem of the key or the value of a label, or of the key of an annotation."""
    if field not in _KEYED:
        return
    prefix, slash, name = key.rpartition("/")
    if not _LABEL_NAME.fullmatch(name) or (slash and not _LABEL_PREFIX.fullmatch(prefix.lower())):
        rule = "up to 63 letters, digits, '-', '_' and '.', after an optional DNS name and '/'"
        yield FieldProblem(path, f"Invalid key: must be {rule}")
    if field in _LABELS and isinstance(value, str) and not _LABEL_VALUE.fullmatch(value):
        rule = "up to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"
        yield FieldProblem(path, f"Invalid value: {shown(value)}: must be {rule}")


def _wrong_type(value: Any, expected: str, path: FieldPath) -> FieldProblem:
    hint = "; put quotes around it" if expected == "a string" and not isinstance(value, dict | list) else ""
    return FieldProblem(path, f"Invalid value: {shown(value)}: must be {expected}{hint}")


def _unknown(name: str, known: list[str], path: FieldPath) -> FieldProblem:
    same = next((field for field in known if field.lower() == name.lower()), None)
    near = same or next(iter(get_close_matches(name[:_NAME_CHARACTERS], known, n=1)), None)
    if near:
        return FieldProblem((*path, name), f"Unknown field; did you mean {near}?")
    text = f"Unknown field in Kubernetes {SCHEMA_VERSION}; only a newer API server may accept it"
    return FieldProblem((*path, name), text, certain=False)
