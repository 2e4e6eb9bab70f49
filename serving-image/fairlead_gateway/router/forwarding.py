"""One generation request from its whole body to the last byte of its answer.

A state machine like the gateway's `Exchange`: it gets events and knows no socket. It asks the registry which
model is meant, waits at the model's dispatcher for a pod, sends the request there, and passes the answer on
as it is. Until the first byte has gone to the client, a pod that fails is replaced by another one; after that
a broken answer is cut off, so that no client takes it for a whole one.
"""

from __future__ import annotations

import logging
import math
from enum import Enum, auto

from fairlead_gateway.admission.key import Key
from fairlead_gateway.bounds import MAX_ERROR_BODY_BYTES
from fairlead_gateway.client_link import ClientLink, status_after_head
from fairlead_gateway.contract.errors import ApiError, engine_failed, missing, unauthorized
from fairlead_gateway.contract.request import parse_object
from fairlead_gateway.request_facts import RequestFacts
from fairlead_gateway.request_id import id_in
from fairlead_gateway.trace_context import TraceContext

from .body_scan import ScannedBody, asks_for_stream, renamed, scan_body
from .dispatcher import ModelDispatcher
from .key_checks import count_attempt, require_attempt
from .models import RoutedModel
from .pod_answers import (
    OK,
    TOO_MANY_REQUESTS,
    TRY_ELSEWHERE,
    UNAUTHORIZED,
    is_event_stream,
    is_of_gateway,
    record_answer,
)
from .pods import Pod
from .request import ClientRequest, Headers, PassingClient
from .router_context import RouterContext
from .stream_failure import error_in, stream_failure

# Pods that one request is sent to before the client gets the failure of the last one.
_MOST_ATTEMPTS = 3
_NOT_REACHED = "engine_unavailable"
# What each event of a stream has, and no comment.
_EVENT = b"data:"
_log = logging.getLogger("fairlead.router")


class ForwardingState(Enum):
    """Where a request is."""

    UNRESOLVED = auto()
    """Its model is not known yet."""
    RESOLVED = auto()
    """Its model is known; it has no place, and does not wait for one."""
    HELD = auto()
    """It waits for a place at a pod of the model."""
    SENT = auto()
    """A pod has it; another one may still get it."""
    PASSING = auto()
    """A pod's answer is passed on."""
    CLOSED = auto()
    """It is over."""


# An access through the class costs ten times as much in Python 3.11, and each chunk needs one.
_UNRESOLVED, _RESOLVED, _HELD, _SENT, _PASSING, _CLOSED = ForwardingState


class Forwarding(ClientLink[PassingClient]):
    """One request. `arrived` is the monotonic time of its first byte, `token` is unique, `address` is that
    of its client, `key` its API key, None where keys are off. `_asked` has no value before `begin`,
    `_dispatcher` (the model's) none while the request is UNRESOLVED.
    """

    __slots__ = (
        "_address",
        "_asked",
        "_attempts",
        "_awaits_first_event",
        "_body",
        "_code",
        "_dispatcher",
        "_first_event_seconds",
        "_held_seconds",
        "_id_line",
        "_last_pod",
        "_model_key",
        "_name",
        "_pod",
        "_received",
        "_received_bytes",
        "_request",
        "_services",
        "_state",
        "_streams",
        "_token",
        "_trace",
        "affinity",
        "arrived",
        "deadline",
        "key",
        "tried",
    )

    def __init__(
        self,
        services: RouterContext,
        client: PassingClient,
        request: ClientRequest,
        token: str,
        arrived: float,
        address: str,
        id_line: bytes,
        trace: TraceContext | None,
        key: Key | None,
    ) -> None:
        super().__init__(client, arrived)
        self.key = key
        self._state = _UNRESOLVED
        self._address = address
        self.arrived, self.deadline = arrived, math.inf
        self.affinity: int | None = None
        self.tried: set[str] = set()
        self._services, self._request, self._token = services, request, token
        self._body = b""
        self._asked: ScannedBody
        self._name: str | None = None
        self._attempts = 0
        self._dispatcher: ModelDispatcher
        # NAMESPACE/NAME of the model, also its metric label.
        self._model_key = ""
        # Where it has a place, which `_release` gives back.
        self._pod: Pod | None = None
        self._streams = self._awaits_first_event = False
        self._received: list[bytes] = []
        self._received_bytes = 0
        self._id_line, self._trace = id_line, trace
        # For the request log: the error's code, the last pod, the wait for a pod and for the answer.
        self._code: str | None = None
        self._last_pod: Pod | None = None
        self._held_seconds: float | None = None
        self._first_event_seconds: float | None = None

    @property
    def wanted(self) -> bool:
        """Whether the request is not over yet."""
        return self._state is not _CLOSED

    @property
    def size(self) -> int:
        """Bytes that it keeps in memory while it waits."""
        return len(self._body)

    # What the client does (server.request_cycle.Work)

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

    def tick(self, now: float) -> None:
        """Ends what has waited for too long, and keeps a waiting stream's connection alive."""
        services = self._services
        if self._state is _UNRESOLVED:
            if now - self.arrived > services.settings.sync_seconds:
                self._fail(services.not_synced())
                return
        elif self._state is not _HELD:
            return
        elif now > self.deadline:
            self._fail(self._dispatcher.expired(self.deadline - self.arrived))
            return
        if self._streams:
            self._ping(now, services.settings.ping_seconds)

    def dismiss(self, error: ApiError) -> None:
        """The router ends; a request that still waits is sent away."""
        if self._state in (_UNRESOLVED, _HELD):
            self._fail(error)

    # What registry and dispatcher do

    def resolve(self) -> None:
        """Looks the model up and asks for a place."""
        try:
            self._enter()
        except ApiError as error:
            self._fail(error)
        except Exception:
            _log.exception("request %s", id_in(self._id_line))
            self._fail(ApiError(500, "The router failed; the request id is in its log.", "server_error"))

    def assigned(self, pod: Pod) -> None:
        """There is a place at this pod."""
        services, address = self._services, pod.address
        if self._state is _HELD:
            self._unhold()
            self._held_seconds = services.clock() - self.arrived
            services.telemetry.held.observe(self._model_key, self._held_seconds)
        self._state, self._pod = _SENT, pod
        self._last_pod = pod
        self._attempts += 1
        identity = b""
        if self.key is not None and services.signer is not None:
            identity = services.signer.authorization(self.key, self._model_key)
        services.pool(address).send(self, self._request.to_pod(self._pods_body(), services.boot, identity))

    # What the pod does (upstream.connection.Handler)

    def upstream_data(self, status: int, data: bytes) -> None:
        """Some bytes of the pod's answer."""
        if self._state is _PASSING:
            if self._awaits_first_event:
                self._see_first_event(data)
            self._client.pass_data(data)
            return
        if (fault := self._fault_of(status)) is not None:
            self._lose(fault)
            return
        if status in TRY_ELSEWHERE or (self._opened and status != OK):
            self._received_bytes += len(data)
            if self._received_bytes > MAX_ERROR_BODY_BYTES:
                self._lose(f"The pod's error is larger than {MAX_ERROR_BODY_BYTES} bytes.")
            else:
                self._received.append(data)
            return
        self._pass_head(status)
        if self._awaits_first_event:
            self._see_first_event(data)
        self._client.pass_data(data)

    def upstream_end(self, status: int) -> None:
        """The pod's answer is complete."""
        if self._state is not _PASSING and not self._pass_whole(status):
            return
        connection, self._connection = self._connection, None
        self._client.pass_end()
        # A gateway ends a stream that broke with an error, which is a clean end of its HTTP message.
        self._close(connection.stream_status or status if connection is not None else status)

    def upstream_lost(self, error: ApiError) -> None:
        """There is no answer, or no more of it."""
        self._connection = None
        reached = error.code != _NOT_REACHED
        if self._pod is not None:
            self._pod.failed(self._services.clock(), reached)
        if self._state is _PASSING:
            self._code = error.code
            self._client.abort()
            self._close(status_after_head(error))
        elif not self._try_elsewhere("lost" if reached else "unreachable") and not self._wait_again(reached):
            self._fail(error)

    # Steps

    def _fault_of(self, status: int) -> str | None:
        """Why an answer of this status is none that the client may get."""
        if not is_of_gateway(status):
            return f"The pod answered with HTTP status {status}."
        if status == UNAUTHORIZED and self.key is not None:
            # The client's key is valid: it is this router that the pod does not know.
            return "The pod's gateway does not accept the identity that this router signs."
        return None

    def _pass_whole(self, status: int) -> bool:
        """Passes on an answer that was complete before any of it was passed on. False if it is none for the
        client, and something else was done about it.
        """
        if (fault := self._fault_of(status)) is not None:
            self._lose(fault)
            return False
        connection = self._connection
        if status in TRY_ELSEWHERE:
            self._hear(status, self._answers_headers())
            if status != TOO_MANY_REQUESTS and self._pod is not None:
                self._pod.failed(self._services.clock(), reached=True)
            if self._try_elsewhere(f"status {status}"):
                return False
        if self._opened and status != OK:
            self._connection = None
            self._fail(error_in(status, b"".join(self._received)))
            return False
        self._connection = connection
        self._pass_head(status)
        for data in self._received:
            self._client.pass_data(data)
        return True

    def _open_stream(self) -> None:
        self._opened = True
        self._client.start_stream({})

    def _lose(self, why: str) -> None:
        """The pod's answer is none that a gateway gives: the pod is as good as lost."""
        if self._connection is not None:
            self._connection.abort()
        self._received, self._received_bytes = [], 0
        self.upstream_lost(engine_failed(why))

    def _enter(self) -> None:
        model_registry = self._services.model_registry
        meant = model_registry.resolver.resolve(self._asked.model, self._request.host)
        self._name = meant.name
        self._dispatcher = dispatcher = model_registry.dispatchers[meant.model.key]
        self._state, self._model_key = _RESOLVED, meant.model.key
        bound = dispatcher.model.max_body_bytes
        if len(self._body) > bound:
            raise ApiError(413, f"The request body is larger than {bound} bytes.", "request_too_large")
        attempts, authorization = self._services.attempts, self._request.authorization
        require_attempt(attempts, self._address, authorization, dispatcher.model)
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
        # Where only the gateways know the keys: without any, no one of them would let it in.
        if self.key is None and model.needs_key and not self._request.authorization:
            raise unauthorized(self._request.authorization)
        self._streams = document.get("stream") is True and not self._request.unpinged

    def _hold(self, dispatcher: ModelDispatcher) -> None:
        """Waits."""
        seconds = float(dispatcher.model.hold.timeout_seconds)
        if self._request.hold_seconds is not None:
            seconds = min(seconds, self._request.hold_seconds)
        self.deadline = self.arrived + seconds
        if not self._services.held_bytes.take(self._model_key, self.size):
            raise dispatcher.full()
        try:
            dispatcher.hold(self)
        except ApiError:
            self._services.held_bytes.give_back(self._model_key, self.size)
            raise
        self._state = _HELD

    def _unhold(self) -> None:
        """Gives back the memory that a held request takes."""
        self._services.held_bytes.give_back(self._model_key, self.size)

    def _hear(self, status: int, headers: Headers) -> None:
        """Learns from the head of an answer how the pod is."""
        services, authorization = self._services, self._request.authorization
        if self._pod is None:
            return
        record_answer(self._pod, status, headers, services.clock())
        if authorization and status not in TRY_ELSEWHERE:
            valid = status != UNAUTHORIZED
            count_attempt(services.attempts, self._address, authorization, self._dispatcher.model, valid)

    def _answers_headers(self) -> Headers:
        assert self._connection is not None
        return self._connection.headers

    def _pass_head(self, status: int) -> None:
        headers = self._answers_headers()
        self._hear(status, headers)
        self._state = _PASSING
        self._awaits_first_event = status == OK and is_event_stream(headers)
        # No other pod gets the request any more.
        self._body = b""
        self._client.body_sent()
        # A client whose stream is open has its 200 already; what is no stream cannot follow it.
        if not self._opened:
            self._client.pass_head(status, headers)

    def _see_first_event(self, data: bytes) -> None:
        """Measures the time to the first event of a stream; comments before it are none."""
        if _EVENT in data:
            self._awaits_first_event = False
            self._first_event_seconds = self._services.clock() - self.arrived
            self._services.telemetry.first_event.observe(self._model_key, self._first_event_seconds)

    def _try_elsewhere(self, reason: str) -> bool:
        """Sends the request to another pod, if there is one that it may go to."""
        dispatcher, pod = self._dispatcher, self._pod
        if pod is None or self._attempts >= _MOST_ATTEMPTS:
            return False
        self.tried.add(pod.address.pod)
        if not dispatcher.others(self):
            return False
        self._connection, received, self._received = None, self._received, []
        self._received_bytes = 0
        self._release(completed=False)
        if dispatcher.try_assign(self):
            self._services.telemetry.count_retry(self._model_key, reason)
            return True
        self._received = received
        return False

    def _wait_again(self, reached: bool) -> bool:
        """Waits for a pod that can be reached: none of the model's has seen this request."""
        if reached:
            return False
        self._state = _RESOLVED
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
        self._code = error.code
        services.telemetry.count_reject(self._request.endpoint.name, error.code, self._model_key)
        if self._opened:
            model = self._dispatcher.model if self._state is not _UNRESOLVED else None
            endpoint, body = self._request.endpoint, self._pods_body()
            status = status_after_head(error)
            self._client.break_off(stream_failure(endpoint, body, model, self._token, error), status)
            self._close(status)
        else:
            self._client.answer(error.status, error.headers, error.body())
            self._close(error.status)

    def _release(self, completed: bool) -> None:
        """Gives the place at the pod back."""
        pod, self._pod = self._pod, None
        if pod is not None:
            self._dispatcher.leave(pod, completed)

    def _close(self, status: int) -> None:
        """The request is over: gives back what it holds and counts it."""
        services = self._services
        state, self._state = self._state, _CLOSED
        if self._connection is not None:
            self._cut_upstream()
        if state is _UNRESOLVED:
            services.model_registry.forget(self)
        elif state is _HELD:
            self._dispatcher.withdraw(self)
            self._unhold()
        self._release(completed=state is _PASSING and status < 400)
        seconds = services.clock() - self.arrived
        services.telemetry.count_model_request(self._model_key, status, seconds)
        slow = seconds > services.request_log.threshold
        if slow or status != OK or self._trace is not None:
            self._report(state, status, seconds)

    def _report(self, state: ForwardingState, status: int, seconds: float) -> None:
        """Hands what is known of the request to the request log and to its span; `state` is its last one."""
        facts = RequestFacts(id_in(self._id_line), self._request.endpoint.name, status, seconds, self._code)
        facts.first_token_seconds = self._first_event_seconds
        facts.held_seconds = seconds if state is _HELD else self._held_seconds
        if self._model_key:
            model = self._dispatcher.model
            facts.namespace, facts.model = model.namespace, model.name
        if self.key is not None:
            facts.key = self.key.name
        if self._last_pod is not None:
            facts.pod, facts.retries = self._last_pod.address.pod, max(0, self._attempts - 1)
        self._services.report(facts, self._trace)
