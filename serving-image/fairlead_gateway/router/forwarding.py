"""One generation request from its whole body to the last byte of its answer.

A state machine like the gateway's `Exchange`: it gets events and knows no socket. It asks the registry which
model is meant, waits at the model's dispatcher for a pod, sends the request there, and passes the answer on
as it is. Until the first byte has gone to the client, a pod that fails is replaced by another one; after that
a broken answer is cut off, so that no client takes it for a whole one.
"""

from __future__ import annotations

import logging
import math
from typing import cast

from fairlead_gateway.bounds import MAX_ERROR_BODY_BYTES
from fairlead_gateway.contract.errors import ApiError, engine_failed, missing, unauthorized
from fairlead_gateway.contract.request import parse_object
from fairlead_gateway.exchange import CLIENT_LEFT, PING
from fairlead_gateway.routes import LOAD_HEADER
from fairlead_gateway.upstream.connection import HttpConnection

from .body_scan import ScannedBody, asks_for_stream, renamed, scan_body
from .dispatcher import ModelDispatcher
from .models import RoutedModel
from .passing import PassingClient
from .pod_connections import PodConnection
from .pods import Pod
from .request import ClientRequest
from .router_context import RouterContext
from .stream_failure import error_in, stream_failure

# Pods that one request is sent to before it is told how the last one failed.
_MOST_ATTEMPTS = 3
# Answers that another pod may do better: its queue is full, its engine broke off, it cannot serve.
_TRY_ELSEWHERE = frozenset({429, 502, 503})
_UNAUTHORIZED = 401
_NOT_REACHED = "engine_unavailable"
_log = logging.getLogger("fairlead.router")


class Forwarding:
    """One request. `arrived` is the monotonic time of its first byte, `token` is unique, `address` is that
    of its client.
    """

    __slots__ = (
        "_address",
        "_asked",
        "_attempts",
        "_body",
        "_client",
        "_connection",
        "_dispatcher",
        "_held",
        "_name",
        "_opened",
        "_passing",
        "_paused",
        "_pod",
        "_received",
        "_received_bytes",
        "_request",
        "_services",
        "_streams",
        "_token",
        "_written_at",
        "affinity",
        "arrived",
        "deadline",
        "tried",
        "wanted",
    )

    def __init__(
        self,
        services: RouterContext,
        client: PassingClient,
        request: ClientRequest,
        token: str,
        arrived: float,
        address: str,
    ) -> None:
        self.wanted = True
        self._address = address
        self.arrived, self.deadline = arrived, math.inf
        self.affinity: int | None = None
        self.tried: set[str] = set()
        self._services, self._client, self._request, self._token = services, client, request, token
        self._body = b""
        self._asked = ScannedBody(None, None, None)
        self._name: str | None = None
        self._attempts = 0
        self._dispatcher: ModelDispatcher | None = None
        self._pod: Pod | None = None
        self._connection: HttpConnection | None = None
        self._held = self._opened = self._passing = self._paused = self._streams = False
        self._received: list[bytes] = []
        self._received_bytes = 0
        self._written_at = arrived

    @property
    def size(self) -> int:
        """Bytes that it keeps in memory while it waits."""
        return len(self._body)

    # What the client does (server.answer.Work)

    def begin(self, body: bytes) -> None:
        """The request is here as a whole."""
        self._body = body
        try:
            self._asked = scan_body(body)
        except ApiError as error:
            self._fail(error)
            return
        self.affinity = self._asked.affinity
        if self._services.model_registry.synced:
            self.resolve()
        else:
            self._streams = asks_for_stream(body)
            self._services.model_registry.wait_for_sync(self)

    def client_gone(self) -> None:
        """Nobody reads the answer any more: the pod is told at once."""
        if self.wanted:
            self._close(CLIENT_LEFT)

    def pause(self) -> None:
        """The client takes no more for now."""
        self._paused = True
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """The client takes bytes again."""
        self._paused = False
        if self._connection is not None:
            self._connection.resume()

    def tick(self, now: float) -> None:
        """Ends what has waited for too long, and keeps a waiting stream's connection alive."""
        services = self._services
        if self._dispatcher is None:
            if now - self.arrived > services.settings.sync_seconds:
                self._fail(services.not_synced())
                return
        elif self._held and now > self.deadline:
            self._fail(self._dispatcher.expired(self.deadline - self.arrived))
            return
        waiting = self._held or self._dispatcher is None
        if waiting and self._streams and now - self._written_at >= services.settings.ping_seconds:
            if not self._opened:
                self._opened = True
                self._client.start_stream({})
            self._written_at = now
            self._client.write(PING)

    def dismiss(self, error: ApiError) -> None:
        """The router ends; a request that still waits is sent away."""
        if self._held or self._dispatcher is None:
            self._fail(error)

    # What registry and dispatcher do

    def resolve(self) -> None:
        """Looks the model up and asks for a place."""
        try:
            self._enter()
        except ApiError as error:
            self._fail(error)
        except Exception:
            _log.exception("request req_%s", self._token)
            self._fail(ApiError(500, "The router failed; the request id is in its log.", "server_error"))

    def assigned(self, pod: Pod) -> None:
        """There is a place at this pod."""
        services, address = self._services, pod.address
        if self._held:
            self._unhold()
            services.telemetry.held.observe(self._key, services.clock() - self.arrived)
        self._pod = pod
        self._attempts += 1
        services.pool(address).send(self, self._request.to_pod(self._pods_body(), services.boot))

    # What the pod does (upstream.connection.Handler)

    def upstream_connected(self, connection: HttpConnection) -> None:
        """The request is on its way."""
        self._connection = connection
        if self._paused:
            connection.pause()

    def upstream_data(self, status: int, data: bytes) -> None:
        """Some bytes of the pod's answer."""
        if self._passing:
            self._client.pass_data(data)
            return
        if not _is_gateways(status):
            self._lose_strange(status)
            return
        if status in _TRY_ELSEWHERE or (self._opened and status != 200):
            self._received_bytes += len(data)
            if self._received_bytes > MAX_ERROR_BODY_BYTES:
                self._lose(f"The pod's error is larger than {MAX_ERROR_BODY_BYTES} bytes.")
            else:
                self._received.append(data)
            return
        self._pass_head(status)
        self._client.pass_data(data)

    def upstream_end(self, status: int) -> None:
        """The pod's answer is complete."""
        connection = self._connection
        if not self._passing and not _is_gateways(status):
            self._lose_strange(status)
            return
        if not self._passing and status in _TRY_ELSEWHERE:
            self._hear(status)
            failed = status != 429
            if failed and self._pod is not None:
                self._pod.failed(self._services.clock(), reached=True)
            if self._try_elsewhere(f"status {status}"):
                return
            self._connection = connection
        if not self._passing and self._opened and status != 200:
            self._connection = None
            self._fail(error_in(status, b"".join(self._received)))
            return
        if not self._passing:
            self._pass_head(status)
            for data in self._received:
                self._client.pass_data(data)
        self._connection = None
        self._client.pass_end()
        self._close(status)

    def upstream_lost(self, error: ApiError) -> None:
        """There is no answer, or no more of it."""
        self._connection = None
        reached = error.code != _NOT_REACHED
        if self._pod is not None:
            self._pod.failed(self._services.clock(), reached)
        if self._passing:
            self._client.abort()
            self._close(error.status)
        elif not self._try_elsewhere("lost" if reached else "unreachable") and not self._wait_again(reached):
            self._fail(error)

    # Steps

    def _lose_strange(self, status: int) -> None:
        self._lose(f"The pod answered with HTTP status {status}.")

    def _lose(self, why: str) -> None:
        """The pod's answer is none that a gateway gives: the pod is as good as lost."""
        if self._connection is not None:
            self._connection.abort()
        self._received, self._received_bytes = [], 0
        self.upstream_lost(engine_failed(why))

    @property
    def _key(self) -> str:
        return self._dispatcher.model.key if self._dispatcher is not None else ""

    def _enter(self) -> None:
        model_registry = self._services.model_registry
        meant = model_registry.resolver.resolve(self._asked.model, self._request.host)
        self._name = meant.name
        self._dispatcher = dispatcher = model_registry.dispatchers[meant.model.key]
        bound = dispatcher.model.max_body_bytes
        if len(self._body) > bound:
            raise ApiError(413, f"The request body is larger than {bound} bytes.", "request_too_large")
        if dispatcher.model.needs_key and self._request.authorization:
            place = f"{self._address} {dispatcher.model.key}"
            self._services.attempts.require(place, self._request.authorization, dispatcher.model.key)
        assigned = dispatcher.try_assign(self)
        if not assigned:
            self._check(dispatcher.model)
        dispatcher.arrive()
        if not assigned:
            self._hold(dispatcher)

    def _pods_body(self) -> bytes:
        """The body with the model's name as its gateways know it."""
        return self._body if self._name is None else renamed(self._body, self._asked, self._name)

    def _check(self, model: RoutedModel) -> None:
        """Finds what is wrong with a request before it waits: one that must fail starts no model."""
        document = parse_object(self._body)
        if self._asked.model is None and not model.model_optional:
            raise missing("model")
        # Only the gateways know the keys; but without any, no one of them would let it in.
        if model.needs_key and not self._request.authorization:
            raise unauthorized(self._request.authorization)
        self._streams = document.get("stream") is True and not self._request.unpinged

    def _hold(self, dispatcher: ModelDispatcher) -> None:
        """Waits."""
        seconds = float(dispatcher.model.hold.timeout_seconds)
        if self._request.hold_seconds is not None:
            seconds = min(seconds, self._request.hold_seconds)
        self.deadline = self.arrived + seconds
        if not self._services.held_bytes.take(dispatcher.model.key, self.size):
            raise dispatcher.full()
        try:
            dispatcher.hold(self)
        except ApiError:
            self._services.held_bytes.give_back(dispatcher.model.key, self.size)
            raise
        self._held = True

    def _unhold(self) -> None:
        """Waits no longer."""
        assert self._dispatcher is not None
        self._held = False
        self._services.held_bytes.give_back(self._dispatcher.model.key, self.size)

    def _hear(self, status: int) -> None:
        """Learns from the head of an answer how the pod is."""
        pod, now = self._pod, self._services.clock()
        if pod is None:
            return
        for name, value in cast("PodConnection", self._connection).headers:
            if name == LOAD_HEADER:
                pod.record_load(value, now)
        if status not in _TRY_ELSEWHERE:
            pod.worked()
            self._key_checked(status != _UNAUTHORIZED)

    def _key_checked(self, valid: bool) -> None:
        """A gateway has found the request's API key valid or not. Keys are counted by model: one that a
        tenant's own pods accept says nothing about others.
        """
        dispatcher, authorization = self._dispatcher, self._request.authorization
        if dispatcher is None or not dispatcher.model.needs_key or not authorization:
            return
        if valid:
            self._services.attempts.succeeded(authorization, dispatcher.model.key)
        else:
            self._services.attempts.failed(f"{self._address} {dispatcher.model.key}")

    def _pass_head(self, status: int) -> None:
        self._hear(status)
        self._passing = True
        # No other pod gets the request any more.
        self._body = b""
        self._client.body_sent()
        headers = cast("PodConnection", self._connection).headers
        if self._opened:
            # The client has its 200 already; what is no stream cannot follow it.
            return
        self._client.pass_head(status, headers)

    def _try_elsewhere(self, reason: str) -> bool:
        """Sends the request to another pod, if there is one that it may go to."""
        dispatcher, pod = self._dispatcher, self._pod
        if dispatcher is None or pod is None or self._attempts >= _MOST_ATTEMPTS:
            return False
        self.tried.add(pod.address.pod)
        if not dispatcher.others(self):
            return False
        self._connection, received, self._received = None, self._received, []
        self._received_bytes = 0
        self._release(completed=False)
        if dispatcher.try_assign(self):
            self._services.telemetry.count_retry(dispatcher.model.key, reason)
            return True
        self._received = received
        return False

    def _wait_again(self, reached: bool) -> bool:
        """Waits for a pod that can be reached: none of the model's has seen this request."""
        if reached or self._dispatcher is None:
            return False
        if self._pod is not None:
            self._release(completed=False)
        self.tried.clear()
        self._attempts = 0
        try:
            self._check(self._dispatcher.model)
            self._hold(self._dispatcher)
        except ApiError as error:
            self._fail(error)
        return True

    def _fail(self, error: ApiError) -> None:
        if not self.wanted:
            return
        services = self._services
        services.telemetry.count_reject(self._key or self._request.endpoint.name, error.code)
        if self._opened:
            model = self._dispatcher.model if self._dispatcher is not None else None
            endpoint, body = self._request.endpoint, self._pods_body()
            self._client.finish(stream_failure(endpoint, body, model, self._token, error))
        else:
            self._client.answer(error.status, error.headers, error.body())
        self._close(error.status)

    def _release(self, completed: bool) -> None:
        """Gives the place at the pod back."""
        pod, self._pod = self._pod, None
        if pod is not None and self._dispatcher is not None:
            self._dispatcher.leave(pod, completed)

    def _close(self, status: int) -> None:
        """The request is over: gives back what it holds and counts it."""
        self.wanted = False
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
        services, dispatcher = self._services, self._dispatcher
        if dispatcher is None:
            services.model_registry.forget(self)
        elif self._held:
            dispatcher.withdraw(self)
            self._unhold()
        self._release(completed=self._passing and status < 400)
        services.telemetry.count_model_request(self._key, status, services.clock() - self.arrived)


def _is_gateways(status: int) -> bool:
    """Whether a gateway answers with this status. Others have no body, or send the client elsewhere."""
    return status == 200 or 400 <= status < 600
