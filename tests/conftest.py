"""Shared fixtures: each real part (control plane, engine) has a plugin of its own under tests/support."""

from __future__ import annotations

pytest_plugins = ["tests.support.fixtures_kube", "tests.support.fixtures_engine"]
