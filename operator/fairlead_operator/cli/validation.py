"""Checks a ModelDeployment as the API server would, without one.

The structural schema is checked by a JSON Schema library that is taught what Kubernetes adds: unknown fields,
lists that are sets or maps, and CEL rules, which are looked at once the structure is right, as in the API
server. What only the operator checks comes last: whether the parameters fit the dialect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, cast

from jsonschema import Draft202012Validator, ValidationError, validators

from fairlead_operator.api.chat_template import check_chat_template
from fairlead_operator.api.crd import crd
from fairlead_operator.api.jsonvalue import field, shown
from fairlead_operator.api.parameters import check_parameters
from fairlead_operator.api.v1alpha1 import ModelDeployment
from fairlead_operator.cli.cel import holds
from fairlead_operator.cli.defaults import fill_defaults

Schema = dict[str, Any]
Errors = Iterator[ValidationError]
_PLAIN = Draft202012Validator.VALIDATORS
_KEYS = "x-kubernetes-list-map-keys"
_KEEPS_UNKNOWN = "x-kubernetes-preserve-unknown-fields"


@dataclass(frozen=True)
class Problem:
    """One problem: the field by its path, and a text that names it and the remedy."""

    path: tuple[str | int, ...]
    text: str


@cache
def schema() -> Schema:
    """The structural schema of a ModelDeployment."""
    (version,) = crd()["spec"]["versions"]
    found: Schema = version["schema"]["openAPIV3Schema"]
    return found


def with_defaults(body: Any) -> Any:
    """The object as the API server would store it."""
    return fill_defaults(body, schema())


def validate(body: Any) -> list[Problem]:
    """The problems of a ModelDeployment, in the order of its fields."""
    filled = with_defaults(body)
    found = [*_metadata(filled), *_problems(_STRUCTURE, filled)] or _problems(_RULES, filled)
    if found:
        return found
    spec = ModelDeployment.model_validate(filled).spec
    texts = [*check_parameters(spec.api), *check_chat_template(spec.engine)]
    return [_parameter_problem(text) for text in texts]


def _problems(kind: Any, body: Any) -> list[Problem]:
    errors = sorted(kind(schema()).iter_errors(body), key=lambda error: [str(part) for part in error.path])
    return [Problem(tuple(error.path), _text(error)) for error in errors]


def _metadata(body: Mapping[str, Any]) -> list[Problem]:
    """The rest of the metadata is the API server's own; without a name the rules about it say nothing."""
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("name"), str):
        return []
    return [Problem(("metadata",), "metadata.name: Required value; give the model a name")]


def _parameter_problem(text: str) -> Problem:
    """The texts begin with the path of the field, in which only names are: no lists."""
    path = text.split(":", 1)[0].split(" ", 1)[0]
    return Problem(tuple(path.split(".")), text)


def _text(error: ValidationError) -> str:
    path = field(tuple(error.path))
    # Rules name the field themselves, with [] for any item of a list.
    if error.validator == "x-kubernetes-validations" and error.message.startswith(path):
        return error.message
    return f"{path}: {_PHRASES.get(str(error.validator), _message)(error)}"


def _message(error: ValidationError) -> str:
    return error.message


def _invalid(words: str) -> Any:
    return lambda error: f"Invalid value: {shown(error.instance)}: " + words.format(error.validator_value)


def _unsupported(error: ValidationError) -> str:
    options = [str(option) for option in cast("list[str]", error.validator_value)]
    near = _nearest(str(error.instance), options)
    hint = f"did you mean {near}?" if near else f"choose one of {', '.join(options)}"
    return f"Unsupported value: {shown(error.instance)}; {hint}"


_PHRASES: Mapping[str, Any] = {
    "anyOf": _invalid("must be an integer or a string; put quotes around it"),
    "enum": _unsupported,
    "maxItems": lambda error: f"Too many: must have at most {error.validator_value} items",
    "maxLength": lambda error: f"Too long: may not be more than {error.validator_value} characters",
    "maxProperties": lambda error: f"Too many: must have at most {error.validator_value} entries",
    "maximum": _invalid("must be at most {}"),
    "minLength": _invalid("must have at least {} characters"),
    "minimum": _invalid("must be at least {}"),
    "pattern": _invalid("must match {}"),
    "type": _invalid("must be of type {}"),
}


def _nearest(word: str, options: list[str]) -> str | None:
    """The option that was probably meant: first compared without case and separators."""
    plain = {"".join(filter(str.isalnum, option)).lower(): option for option in options}
    same = plain.get("".join(filter(str.isalnum, word)).lower())
    return same or next(iter(get_close_matches(word, options, n=1)), None)


def _required(validator: Any, names: list[str], instance: Any, _: Schema) -> Errors:
    if validator.is_type(instance, "object"):
        for name in names:
            if name not in instance:
                yield ValidationError("Required value", path=[name])


def _fields(validator: Any, fields: Schema, instance: Any, node: Schema) -> Errors:
    yield from _PLAIN["properties"](validator, fields, instance, node)
    if not validator.is_type(instance, "object") or node.get(_KEEPS_UNKNOWN):
        return
    for name in instance:
        if name not in fields:
            near = _nearest(str(name), list(fields))
            hint = f"did you mean {near}?" if near else f"the fields here are {', '.join(sorted(fields))}"
            yield ValidationError(f"Unknown field; {hint}", path=[name])


def _list_type(validator: Any, kind: str, instance: Any, node: Schema) -> Errors:
    if not validator.is_type(instance, "array") or kind == "atomic":
        return
    seen = []
    for index, item in enumerate(instance):
        if kind == "map" and not isinstance(item, dict):
            continue
        key = {name: item.get(name) for name in node[_KEYS]} if kind == "map" else item
        if key in seen:
            yield ValidationError(f"Duplicate value: {shown(key)}; remove or rename one", path=[index])
        seen.append(key)


def _rules(_: Any, rules: Any, instance: Any, __: Any) -> Errors:
    for rule in rules:
        if not holds(rule["rule"], instance):
            yield ValidationError(rule["message"])


# The structure without the rules, and then the rules alone.
_STRUCTURE = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {"required": _required, "properties": _fields, "x-kubernetes-list-type": _list_type},
)
_RULES = validators.create(
    meta_schema={},
    validators={
        "additionalProperties": _PLAIN["additionalProperties"],
        "items": _PLAIN["items"],
        "properties": _PLAIN["properties"],
        "x-kubernetes-validations": _rules,
    },
)
