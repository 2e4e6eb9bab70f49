"""Reads a ModelDeployment as it is stored, which an older version of the CRD may have let through."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from fairlead_operator.bounds import SPEC_BYTES
from fairlead_operator.render.model import Model, parse_model

Object = dict[str, Any]


class UnreadableError(Exception):
    """A ModelDeployment is not valid; the text names the field and the remedy."""


def read_model(body: Object) -> Model:
    """The model. Raises UnreadableError."""
    size = len(json.dumps(body["spec"]))
    if size > SPEC_BYTES:
        raise UnreadableError(f"spec: takes {size} bytes as JSON; must be at most {SPEC_BYTES}: shorten it")
    try:
        return parse_model(body)
    except ValidationError as error:
        raise UnreadableError(_problem(error)) from error


def _problem(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
        for item in error.errors(include_url=False)
    )
