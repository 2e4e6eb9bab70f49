"""Grants the names of models, and queues a model that gets a name by the change of another one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fairlead_operator.controller.child_index import Key
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import KubeError
from fairlead_operator.kube.resources import MODEL_DEPLOYMENT
from fairlead_operator.plan.served_names import ServedNames, claim_of, claiming_part

Object = dict[str, Any]
LOG = logging.getLogger(__name__)
_WAIT_SECONDS = 5.0


class Names:
    """The names of all models in these namespaces, all if there are none. `wake` adds a model to the
    queue."""

    def __init__(self, wake: Callable[[Key], None] = lambda _: None, namespaces: Sequence[str] = ()) -> None:
        self._wake = wake
        self._namespaces = namespaces
        self._names = ServedNames(namespaces)
        self._learned = False

    async def learn(self, client: KubeClient) -> None:
        """Reads the claims of all models once, and retries until it succeeds. No model may be reconciled
        before: it could get another model's name.
        """
        while not self._learned:
            try:
                lists = [
                    await client.list(MODEL_DEPLOYMENT, namespace, keep=claiming_part)
                    for namespace in self._namespaces or (None,)
                ]
            except KubeError as error:
                LOG.warning("waiting for the list of models", extra={"error": str(error)})
                await asyncio.sleep(_WAIT_SECONDS)
            else:
                self._names.learn(claim_of(body) for bodies in lists for body in bodies)
                self._learned = True

    @property
    def keys(self) -> Iterable[Key]:
        """The models whose claims are known. A deletion that no watch has shown may be missing."""
        return [_key(key) for key in self._names.keys]

    def seen(self, body: Object) -> Mapping[str, str]:
        """Updates the model's claim. Returns its names that other models have, with their NAMESPACE/NAME."""
        claim = claim_of(body)
        self._wake_all(self._names.put(claim))
        return self._names.taken(claim.key)

    def gone(self, key: Key) -> None:
        """Removes the claim of a deleted model."""
        self._wake_all(self._names.remove("/".join(key)))

    def _wake_all(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._wake(_key(key))


def _key(key: str) -> Key:
    namespace, _, name = key.partition("/")
    return namespace, name
