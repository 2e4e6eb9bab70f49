"""Fixtures of this folder."""

from __future__ import annotations

from tests.gateway.conftest import socket as socket
