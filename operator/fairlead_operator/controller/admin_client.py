"""Queries the admin ports of pods: `GET /status` and `GET /demand` of gateways, `GET /demand` of routers.

Answers are optional. A pod that cannot be reached, because of a network policy or because it is gone, is left
out, and nothing essential depends on it. No method raises.

The gateway is a container that the pod's owner can replace, and its address comes from the pod's status. So
every answer is bounded and its shape is checked. A pod that does not answer is queried with growing pauses,
and the pods of one namespace do not delay others. An address that is not the pod's own does no harm: both
requests only read, and the answer counts for the pod's own model.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

from pydantic import ValidationError

from fairlead_contract.demand import GatewayDemand, RouterDemand
from fairlead_contract.document import Document
from fairlead_contract.status import PodReport
from fairlead_operator.bounds import (
    MODEL_ANSWERS_SECONDS,
    NAMESPACE_REQUESTS,
    POD_ANSWER_BYTES,
    POD_ANSWER_SECONDS,
    POD_REQUESTS,
    ROUTER_ANSWER_BYTES,
    ROUTER_ANSWER_SECONDS,
)
from fairlead_operator.controller.backoff import Backoff, NamespaceTimeBudget
from fairlead_operator.controller.bounded_http import BoundedHttp, NoAnswerError
from fairlead_operator.controller.fair_semaphore import FairSlots
from fairlead_operator.telemetry import DEMAND_REQUESTS, GATEWAY_REQUESTS

Object = dict[str, Any]
Answer = TypeVar("Answer", bound=Document)
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Question(Generic[Answer]):
    """A path, the shape of its answers, and how the result of a request is counted: ok, failed (no answer
    within the bounds) or invalid (an answer of another shape).
    """

    path: str
    shape: type[Answer]
    count: Callable[[str], None]


_STATUS = _Question("status", PodReport, lambda result: GATEWAY_REQUESTS.labels(result).inc())
_DEMAND = _Question("demand", GatewayDemand, lambda result: DEMAND_REQUESTS.labels("gateway", result).inc())
_ALL_DEMAND = _Question("demand", RouterDemand, lambda result: DEMAND_REQUESTS.labels("router", result).inc())


class AdminClient:
    """The port of that number on the addresses of pods."""

    def __init__(self, port: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._port = port
        self._clock = clock
        self._pods, self._routers = BoundedHttp(POD_ANSWER_BYTES), BoundedHttp(ROUTER_ANSWER_BYTES)
        self._slots = FairSlots(POD_REQUESTS, NAMESPACE_REQUESTS)
        self._backoff, self._patience = Backoff(clock), NamespaceTimeBudget(clock)
        # A pod has one request at a time.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def statuses(self, pods: Iterable[Object]) -> dict[str, PodReport]:
        """The statuses of one model's pods whose gateways answer, by name. A reconcile waits for this, so
        silent pods use up their namespace's patience.
        """
        queried = list(pods)
        if not queried:
            return {}
        namespace, began = queried[0]["metadata"]["namespace"], self._clock()
        within = min(POD_ANSWER_SECONDS, self._patience.left(namespace))
        found = await self._query_all(queried, _STATUS, within)
        if len(found) < len(queried):
            self._patience.spent(namespace, self._clock() - began)
        return found

    async def demands(self, pods: Iterable[Object]) -> dict[str, GatewayDemand]:
        """The demands of one model's pods whose gateways answer, by name."""
        return await self._query_all(pods, _DEMAND, MODEL_ANSWERS_SECONDS)

    async def router_demand(self, address: str, wait: float, cursor: int | None) -> RouterDemand | None:
        """The demand document of a router, None if it does not answer. With a cursor it answers when its own
        has risen, or after `wait` seconds.
        """
        query = {} if cursor is None else {"wait": str(wait), "cursor": str(cursor)}
        seconds = ROUTER_ANSWER_SECONDS + (0.0 if cursor is None else wait)
        return await self._get(self._routers, address, _ALL_DEMAND, seconds, query)

    async def close(self) -> None:
        """Closes the connections."""
        await self._pods.close()
        await self._routers.close()

    async def _query_all(
        self, pods: Iterable[Object], question: _Question[Answer], within: float
    ) -> dict[str, Answer]:
        """The answers within so many seconds, by the name of the pod."""
        found: dict[str, Answer] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(within), asyncio.TaskGroup() as group:
                for pod in pods:
                    if self._backoff.may_query(pod["metadata"]["uid"]):
                        group.create_task(self._query(pod, question, found))
        return found

    async def _query(self, pod: Object, question: _Question[Answer], found: dict[str, Answer]) -> None:
        metadata, address = pod["metadata"], pod["status"]["podIP"]
        uid, answer = metadata["uid"], None
        async with (
            self._turns.setdefault(uid, asyncio.Lock()),
            self._slots.place(metadata["namespace"]),
        ):
            try:
                answer = await self._get(self._pods, address, question, POD_ANSWER_SECONDS)
            finally:
                # Also for a pod whose answer no caller awaits any more.
                if answer is None:
                    self._backoff.failed(uid)
                else:
                    self._backoff.answered(uid)
        if answer is not None:
            found[metadata["name"]] = answer

    async def _get(
        self,
        http: BoundedHttp,
        address: str,
        question: _Question[Answer],
        seconds: float,
        query: dict[str, str] | None = None,
    ) -> Answer | None:
        try:
            url = f"http://{_host(address)}:{self._port}/{question.path}"
            answer = question.shape.model_validate_json(await http.get(url, seconds, query))
        except NoAnswerError as error:
            question.count("failed")
            LOG.debug("no answer", extra={"address": address, "path": question.path, "error": str(error)})
            return None
        except ValidationError:
            question.count("invalid")
            LOG.debug("invalid answer", extra={"address": address, "path": question.path})
            return None
        question.count("ok")
        return answer


def _host(address: str) -> str:
    """An IP address in the form of a URL. Raises NoAnswerError for anything else, since a name would be
    resolved."""
    try:
        parsed = ip_address(address)
    except ValueError:
        raise NoAnswerError("the pod's address is not an IP address") from None
    return f"[{parsed}]" if parsed.version == 6 else str(parsed)
