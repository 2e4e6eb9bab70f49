"""The official client, one per address, and the type that structured answers are read into."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Literal

from openai import OpenAI
from pydantic import BaseModel

from .target import Target


class Forecast(BaseModel):
    """What a model is asked for; finite, so that even a random one gets to its end."""

    city: Literal["Oslo", "Rome"]
    sunny: bool


@cache
def connect(target: Target) -> OpenAI:
    """A client with the retries that the scenario wants and no others."""
    return OpenAI(**asdict(target), timeout=60)
