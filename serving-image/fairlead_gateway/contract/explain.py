"""Which parameter of the client an error of the engine is about."""

from __future__ import annotations

import re
from dataclasses import replace

from .errors import ApiError, invalid
from .parameters import PARAMETERS, Api
from .wanted import Wanted

_FIRST_NAME = re.compile(r"[a-z_]+")
# How the grammar compilers begin; they know nothing of parameters.
_GRAMMAR = re.compile(r"into a grammar|grammar specification")
_CONTENT = re.compile(r"multimodal|content part")


def explain(error: ApiError, wanted: Wanted) -> ApiError:
    """The error under the client's name of the parameter.

    vLLM leaves the name out of many errors that the engine finds late, but begins their text with it. And
    when two parameters together exclude every token, it only says that it failed.
    """
    if error.status == 500 and wanted.contested is not None:
        form, ban = wanted.contested
        return invalid(f"'{form}' and '{ban}' exclude each other: no token is left. Change one of them.", ban)
    param = error.param or _named_in(error)
    if param is None:
        return error
    name, dot, rest = param.partition(".")
    return replace(error, param=wanted.names.get(name, name) + dot + rest)


def _named_in(error: ApiError) -> str | None:
    if error.status != 400:
        return None
    if _GRAMMAR.search(error.message):
        return "structured_outputs"
    if _CONTENT.search(error.message):
        return "messages"
    first = _FIRST_NAME.match(error.message)
    return first.group() if first and first.group() in PARAMETERS[Api.CHAT] else None
