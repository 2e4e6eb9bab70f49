"""The list of models as applications read it with openai-python."""

from __future__ import annotations

from .connection import connect
from .target import Target


def names(target: Target) -> list[str]:
    return [model.id for model in connect(target).models.list()]


def retrieve(target: Target, model: str) -> str:
    return connect(target).models.retrieve(model).id
