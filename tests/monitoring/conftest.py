"""Fixtures of this folder."""

from __future__ import annotations

from tests.chart.support import helm as helm
from tests.chart.support import render as render
