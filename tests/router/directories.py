"""Directories of models, and what they refuse."""

from __future__ import annotations

import pytest

from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.router.models import RoutedModel
from fairlead_gateway.router.namespaces import Namespaces
from fairlead_gateway.router.resolver import ModelResolver

# All that exist; `openai` is none of them.
EXISTING = ("team-a", "team-b", "team-c", "evil", "prod")


def resolver(*models: RoutedModel, service: str = "") -> ModelResolver:
    made = ModelResolver(models, Namespaces(EXISTING))
    made.service = service
    made.complete()
    return made


def claimant(
    namespace: str, name: str, *names: str, created: str = "2026-01-01", granted: str = ""
) -> RoutedModel:
    return RoutedModel(
        namespace,
        name,
        name,
        names,
        created=created,
        granted=frozenset(granted.split(",") if granted else ()),
    )


def refusal(asked: str | None, host: str, where: ModelResolver) -> ApiError:
    """Why a name is not resolved."""
    with pytest.raises(ApiError) as refused:
        where.resolve(asked, host)
    return refused.value
