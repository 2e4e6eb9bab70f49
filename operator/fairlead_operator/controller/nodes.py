"""Reads the cluster's nodes, where the operator may and only when a pod finds none.

The permission to list nodes is optional: it is cluster-wide, and an operator for some namespaces does not
have it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from fairlead_operator.bounds import NODES, NODES_SECONDS
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import ForbiddenError, KubeError
from fairlead_operator.kube.resources import NODE
from fairlead_operator.plan.scheduling.nodes import Nodes, read_node, view_node


class NodeReader:
    """The nodes as they were read last, at most NODES_SECONDS ago. A refusal is kept as long.

    With `enabled` False nodes are never listed.
    """

    def __init__(
        self, client: KubeClient, enabled: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._enabled = enabled
        self._clock = clock
        self._lock = asyncio.Lock()
        self._read = Nodes()
        self._until = float("-inf")

    async def read(self) -> Nodes:
        """The nodes, or the reason why they are not known. Never raises."""
        if not self._enabled:
            return Nodes(unread="the operator is set up without the right to list them")
        async with self._lock:
            if self._clock() >= self._until:
                self._read = await self._list()
                self._until = self._clock() + NODES_SECONDS
            return self._read

    async def _list(self) -> Nodes:
        try:
            found = await self._client.list(NODE, None, most=NODES, keep=view_node)
        except ForbiddenError:
            return Nodes(unread="the operator has not the right to list them")
        except KubeError:
            return Nodes(unread="the API server did not list them")
        if len(found) >= NODES:
            return Nodes(unread=f"there are {NODES} or more")
        return Nodes(tuple(map(read_node, found)))
