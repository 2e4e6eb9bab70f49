"""Fixtures of this folder."""

from __future__ import annotations

from tests.kube.support import kube as kube
