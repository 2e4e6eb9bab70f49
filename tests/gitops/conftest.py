"""Fixtures of this folder: the operator as a process on a real API server."""

from __future__ import annotations

from tests.controller.conftest import cluster as cluster
from tests.controller.conftest import node as node
from tests.controller.conftest import operator as operator
from tests.controller.conftest import start_operator as start_operator
from tests.kube.support import kube as kube
