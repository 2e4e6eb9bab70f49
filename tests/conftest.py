"""Shared fixtures and readable reports: each has a plugin of its own under tests/support."""

from __future__ import annotations

pytest_plugins = ["tests.support.fixtures_kube", "tests.support.fixtures_engine", "tests.support.reports"]
