"""Directories of models, and what they refuse."""

from __future__ import annotations

import pytest

from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.router.catalogue import Model
from fairlead_gateway.router.directory import Directory
from fairlead_gateway.router.namespaces import Namespaces

# All that exist; `openai` is none of them.
EXISTING = ("team-a", "team-b", "team-c", "evil", "prod")


def directory(*models: Model, service: str = "") -> Directory:
    made = Directory(models, Namespaces(EXISTING))
    made.service = service
    made.complete()
    return made


def claimant(namespace: str, name: str, *names: str, created: str = "2026-01-01", granted: str = "") -> Model:
    return Model(
        namespace,
        name,
        name,
        names,
        created=created,
        granted=frozenset(granted.split(",") if granted else ()),
    )


def refusal(asked: str | None, host: str, where: Directory) -> ApiError:
    """Why a name is not resolved."""
    with pytest.raises(ApiError) as refused:
        where.resolve(asked, host)
    return refused.value
