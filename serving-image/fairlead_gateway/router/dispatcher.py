"""Dispatches one model's requests to its pods: assigned and held requests, and the counters.

A request gets a pod at once or waits. The next free place goes to a waiting request (late binding), so a new
pod serves the oldest requests instead of being idle beside full ones. A new request never overtakes a waiting
one.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from fairlead_contract.demand import RouterFigures
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.drain import COME_BACK_SECONDS

from .balancing import concurrency_limit, pick
from .endpoint_slices import Address
from .hold_queue import HoldQueue, Waiting
from .models import RoutedModel
from .pods import Pod

# SDKs give up on a Retry-After of more than 120 s.
LONGEST_RETRY_SECONDS = 120
# How soon a place may be free where pods are running.
_BUSY_RETRY_SECONDS = 2


class PendingRequest(Waiting, Protocol):
    """A request at the dispatcher."""

    @property
    def affinity(self) -> int | None:
        """64 bits for the beginning of its conversation."""
        ...

    @property
    def tried(self) -> set[str]:
        """Pods at which it has failed."""
        ...

    def assigned(self, pod: Pod) -> None:
        """It has a place at this pod, which `leave` gives back."""

    def dismiss(self, error: ApiError) -> None:
        """It waits no longer."""


class ModelDispatcher:
    """One model. `rise` is called when the operator should know at once that a request waits."""

    def __init__(self, model: RoutedModel, clock: Callable[[], float], rise: Callable[[], None]) -> None:
        self.model = model
        self.pods: dict[Address, Pod] = {}
        self.queue: HoldQueue[PendingRequest] = HoldQueue()
        self.in_flight = self.arrivals = self.completions = self.rejected = 0
        self._clock, self._rise = clock, rise
        self._last_completion: float | None = None
        self._waiting_since: float | None = None
        self._draining_since: dict[str, float] = {}
        # The last report, and what it counted.
        self._figures = RouterFigures()
        self._reported: tuple[int, int, int, int, float | None] = (0, 0, 0, 0, None)
        self.change(model)

    # Requests

    def arrive(self) -> None:
        """A request for the model has come."""
        self.arrivals += 1

    def try_assign(self, pending: PendingRequest) -> bool:
        """Gives the request a pod if there is a place and no request waits."""
        pod = None if len(self.queue) else self._place(pending)
        if pod is not None:
            self._assign(pending, pod)
        return pod is not None

    def others(self, pending: PendingRequest) -> bool:
        """Whether there is a pod that has not failed this request."""
        now = self._clock()
        return any(a.pod not in pending.tried and pod.available(now) for a, pod in self.pods.items())

    def hold(self, pending: PendingRequest) -> None:
        """Lets the request wait. Raises ApiError 429 or 503 if it cannot."""
        hold, now = self.model.hold, self._clock()
        if self.model.stopped and not self.pods:
            raise self._refusal(503, f"The model '{self.model.served_name}' is stopped (replicas: 0).", False)
        if len(self.queue) >= hold.max_requests or self.queue.bytes + pending.size > hold.max_bytes:
            raise self.full()
        first = not len(self.queue)
        self.queue.push(pending)
        if first:
            self._waiting_since = now
        if first or not self.pods:
            self._rise()

    def withdraw(self, pending: PendingRequest) -> None:
        """The request waits no longer."""
        self.queue.remove(pending)

    def leave(self, pod: Pod, completed: bool) -> None:
        """Gives a place back; `completed` if the request has its answer."""
        pod.ended()
        self.in_flight -= 1
        self.completions += completed
        self._last_completion = time.time()
        self.dispatch()

    def dispatch(self) -> None:
        """Gives free places to waiting requests."""
        while (pending := self.queue.first()) is not None:
            pod = self._place(pending)
            if pod is None:
                return
            self.queue.remove(pending)
            self._assign(pending, pod)

    # Changes from the watches

    def change(self, model: RoutedModel) -> None:
        """Applies the model's new settings."""
        self.model = model
        since, now = self._draining_since, self._clock()
        self._draining_since = {pod: since.get(pod, now) for pod in model.draining}

    def set_endpoints(self, addresses: Iterable[Address]) -> None:
        """Applies the present ready pods. Requests on other pods go on."""
        self.pods = {address: self.pods.get(address) or Pod(address) for address in sorted(addresses)}
        self.dispatch()

    def sweep(self, now: float) -> None:
        """About a second has passed."""
        for pod in self.pods.values():
            pod.forget_old_report(now)
        # A pod that has failed may be tried again, and a bound may have been raised.
        self.dispatch()

    # Reports

    def full(self) -> ApiError:
        """Why no more requests can wait for the model."""
        self.rejected += 1
        return self._refusal(429, f"{len(self.queue)} requests wait for the model; try again later.")

    def expired(self, seconds: float) -> ApiError:
        """The error of a request whose wait has timed out."""
        self.rejected += 1
        why = f" ({self.model.waits_for})" if self.model.waits_for and not self.pods else ""
        message = f"The model '{self.model.served_name}' had no place for this request within {seconds:.0f} s"
        return self._refusal(503, f"{message}{why}; try again later.")

    def expected_ready_seconds(self) -> int:
        """Seconds until a new request is likely to be served."""
        if self.pods:
            return _BUSY_RETRY_SECONDS
        waited = 0.0 if not len(self.queue) else self._clock() - (self._waiting_since or 0.0)
        return max(1, round(self.model.hold.expected_ready_seconds - waited))

    def figures(self) -> RouterFigures:
        """The demand, as the operator's autoscaler reads it.

        While there are no new requests it is the last one: the autoscaler polls many models, few of which
        have requests at a time, and the checks of a new document cost more than all else.
        """
        counted = (self.in_flight, self.arrivals, self.completions, self.rejected, self._last_completion)
        if counted != self._reported or len(self.queue) or self._figures.queued:
            self._reported = counted
            self._figures = RouterFigures(
                queued=len(self.queue),
                queued_bytes=self.queue.bytes,
                in_flight=self.in_flight,
                arrivals=self.arrivals,
                completions=self.completions,
                rejected=self.rejected,
                oldest_queued_seconds=round(self.queue.oldest_seconds(self._clock()), 3),
                last_completion_at=self._last_completion,
            )
        return self._figures

    def _place(self, pending: PendingRequest) -> Pod | None:
        now = self._clock()
        pods = [
            pod
            for address, pod in self.pods.items()
            if address.pod not in pending.tried and pod.available(now)
        ]
        # A draining pod is better than none.
        going = self._going(now) if self._draining_since else ()
        staying = [pod for pod in pods if pod.address.pod not in going]
        affinity = pending.affinity
        limit = concurrency_limit(self.model.concurrency)
        bits = random.getrandbits(64) if affinity is None else affinity
        return pick(staying or pods, bits, affinity is not None, limit)

    def _going(self, now: float) -> set[str]:
        """The pods that drain. One that still exists long after that serves again: the operator that drained
        it may be down.
        """
        longest = self.model.drain_seconds + COME_BACK_SECONDS
        return {pod for pod, since in self._draining_since.items() if now - since <= longest}

    def _assign(self, pending: PendingRequest, pod: Pod) -> None:
        pod.began()
        self.in_flight += 1
        pending.assigned(pod)

    def _refusal(self, status: int, message: str, again: bool = True) -> ApiError:
        expected = self.expected_ready_seconds()
        headers = {
            "retry-after": str(min(expected, LONGEST_RETRY_SECONDS)),
            "x-expected-ready-seconds": str(expected),
        }
        if not again:
            headers = {"x-should-retry": "false"}
        code = "rate_limit_exceeded" if status == 429 else "model_unavailable"
        return ApiError(status, message, code, headers=headers)
