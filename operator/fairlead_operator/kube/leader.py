"""Leader election by a Lease: only one of several replicas works.

The clocks of other nodes are not trusted. A holder counts as gone when the Lease has not changed for its
duration, measured by this process's monotonic clock. A holder that cannot renew in time stops writing before
others may start. It goes on when it can renew again and no other replica has led meanwhile, so an outage of
the API server does not end the process. On a clean stop the Lease is released and a standby takes over at its
next attempt.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import ConflictError, KubeError, NotFoundError
from fairlead_operator.kube.resources import LEASE

Object = dict[str, Any]
LOG = logging.getLogger(__name__)

LEASE_SECONDS = 15
RENEW_DEADLINE_SECONDS = 10.0
RETRY_SECONDS = 2.0


class LeadershipLostError(Exception):
    """Another process holds the Lease: stop writing at once."""


class LeaderElector:
    """Competes for one Lease under one identity."""

    def __init__(
        self,
        client: KubeClient,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float] = time.monotonic,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._retry_seconds = retry_seconds
        self._lease: Object | None = None
        self._seen: tuple[Any, ...] = ()
        self._seen_at = clock()
        self._renewed_at: float | None = None
        self._looked_at = clock()
        self.reachable = False

    @property
    def seconds_since_renewal(self) -> float | None:
        """Age of the leadership's last proof, None without leadership."""
        return None if self._renewed_at is None else self._clock() - self._renewed_at

    @property
    def seconds_since_look(self) -> float:
        """Age of the last attempt to read or renew the Lease, whatever came of it."""
        return self._clock() - self._looked_at

    async def acquire(self) -> None:
        """Returns when this process is the leader. Failures of requests are retried for ever."""
        while True:
            if await self._attempt():
                break
            await asyncio.sleep(self._retry_seconds)
        LOG.info("leading", extra={"lease": f"{self._namespace}/{self._name}", "identity": self._identity})

    async def hold(self) -> None:
        """Renews; returns when the Lease could not be renewed in time: stop writing at once, then `regain`.

        Raises LeadershipLostError if it has another holder.
        """
        while (self.seconds_since_renewal or 0.0) <= RENEW_DEADLINE_SECONDS:
            await asyncio.sleep(self._retry_seconds)
            await self._renew()

    async def regain(self) -> None:
        """Returns when the Lease is renewed again. Raises LeadershipLostError if another replica took it."""
        while True:
            if await self._renew():
                return
            await asyncio.sleep(self._retry_seconds)

    async def _renew(self) -> bool:
        # A Lease of another holder is not taken here, even an expired one: that holder may have changed
        # objects.
        if await self._attempt(steal=False):
            return True
        if self._holder() not in ("", self._identity):
            raise LeadershipLostError(f"the Lease is held by {self._holder()}")
        return False

    async def release(self) -> None:
        """Releases the Lease, so that another replica need not await its expiry. Failures are only logged."""
        if self._renewed_at is None or self._lease is None:
            return
        self._renewed_at = None
        spec = {**self._lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
        try:
            await self._client.replace(LEASE, self._namespace, self._name, {**self._lease, "spec": spec})
        except KubeError as error:
            LOG.warning("Releasing the Lease failed", extra={"error": str(error)})

    async def _attempt(self, steal: bool = True) -> bool:
        """Reads the Lease, and acquires or renews it if that is due. Returns whether this process leads."""
        self._looked_at = self._clock()
        try:
            async with asyncio.timeout(RENEW_DEADLINE_SECONDS / 2):
                return await self._claim(steal)
        except (KubeError, TimeoutError) as error:
            self.reachable = not isinstance(error, TimeoutError) and getattr(error, "code", 0) != 0
            if not isinstance(error, ConflictError):
                LOG.warning("Reading or renewing the Lease failed", extra={"error": str(error)})
            return False

    async def _claim(self, steal: bool) -> bool:
        started = self._clock()
        try:
            self._observe(await self._client.get(LEASE, self._namespace, self._name))
        except NotFoundError:
            metadata = {"name": self._name, "namespace": self._namespace}
            body = {
                "apiVersion": LEASE.api_version,
                "kind": LEASE.kind,
                "metadata": metadata,
                "spec": self._spec({}),
            }
            self._observe(await self._client.create(LEASE, self._namespace, body))
        else:
            self.reachable = True
            if self._holder() not in ("", self._identity) and not (steal and self._expired()):
                return False
            body = {**(self._lease or {}), "spec": self._spec((self._lease or {}).get("spec", {}))}
            self._observe(await self._client.replace(LEASE, self._namespace, self._name, body))
        self.reachable = True
        # Counted from before the request, because other replicas see the renewal at most this much later.
        self._renewed_at = started
        return True

    def _spec(self, previous: Object) -> Object:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        mine = previous.get("holderIdentity") == self._identity
        return {
            **previous,
            "holderIdentity": self._identity,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": now,
            "acquireTime": previous.get("acquireTime", now) if mine else now,
            "leaseTransitions": previous.get("leaseTransitions", 0) + (0 if mine else 1),
        }

    def _observe(self, lease: Object) -> None:
        spec = lease.get("spec", {})
        seen = (spec.get("holderIdentity"), spec.get("renewTime"), spec.get("leaseTransitions"))
        if seen != self._seen:
            self._seen, self._seen_at = seen, self._clock()
        self._lease = lease

    def _holder(self) -> str:
        return str((self._lease or {}).get("spec", {}).get("holderIdentity") or "")

    def _expired(self) -> bool:
        duration = (self._lease or {}).get("spec", {}).get("leaseDurationSeconds") or LEASE_SECONDS
        return self._clock() - self._seen_at > duration
