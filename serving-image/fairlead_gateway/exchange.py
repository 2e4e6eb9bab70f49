"""One generation request from its whole body to the last byte of its answer, for both APIs.

A state machine between two byte streams. Its methods are called for each event (the engine sent bytes, the
client left, a second passed), and it calls client and engine. It has no socket and no event loop.

The order matters: the engine's first event is read before a 200 is sent, because vLLM reports many validation
errors only there and a started stream cannot become a 400 any more. Only when the engine takes so long that
something on the way may give up on the silent connection, the stream is opened early and pinged.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import Enum, auto

from .admission.key import Key
from .bounds import MAX_ERROR_BODY_BYTES, MAX_EVENT_BYTES, MAX_WHOLE_ANSWER_BYTES, UNCOUNTED_BYTES
from .client_link import Client, ClientLink, status_after_head
from .contract.api_adapter import ApiAdapter, Call, Relay
from .contract.errors import ApiError, engine_failed, engine_unavailable, from_engine_body
from .contract.sse import EVENT_END, TRUNCATED, error_of
from .gateway_context import GatewayContext
from .request_facts import RequestFacts
from .request_id import id_in
from .routes import ApiRoute
from .trace_context import TraceContext

_ANSWERED = 200
_NOTHING: Mapping[str, str] = {}
_ENGINE_PATH = b"/v1/chat/completions"
_log = logging.getLogger("fairlead.gateway")


class ExchangeState(Enum):
    """Where a request is."""

    RECEIVED = auto()
    """Its body is being checked."""
    QUEUED = auto()
    """It waits for a place at the engine."""
    SENT = auto()
    """The engine has it; the client has nothing of the answer."""
    STREAMING = auto()
    """The engine has it; the client's stream is open and gets every event at once."""
    CLOSED = auto()
    """It is over."""


# An access through the class costs ten times as much in Python 3.11, and each chunk needs one.
_RECEIVED, _QUEUED, _SENT, _STREAMING, _CLOSED = ExchangeState


class Exchange(ClientLink[Client]):
    """One request. `token` is unique, `arrived` the monotonic time of its first byte, `holder` has the share
    of memory that its answer takes, `router` is the name of the router that it came through, if any.
    `id_line` is the header line with its id, `engine_lines` are those for the engine, `trace` is its trace,
    if any.

    Attributes without a value at first are set on the way: `_adapter` before QUEUED and SENT, `_admitted_at`
    and `_large` with SENT, `_relay` when the client's stream is opened, `_first_event_at` with an event.
    """

    __slots__ = (
        "_adapter",
        "_admitted_at",
        "_arrived",
        "_charged",
        "_code",
        "_endpoint",
        "_engine_lines",
        "_events",
        "_first_event_at",
        "_headers",
        "_heard_at",
        "_held_seconds",
        "_holder",
        "_id_line",
        "_kept_bytes",
        "_labels",
        "_large",
        "_latest",
        "_received",
        "_relay",
        "_services",
        "_state",
        "_streams",
        "_token",
        "_trace",
        "_usage",
        "owner",
        "router",
    )

    def __init__(
        self,
        services: GatewayContext,
        endpoint: ApiRoute,
        client: Client,
        token: str,
        arrived: float,
        holder: str,
        router: bytes,
        id_line: bytes,
        engine_lines: bytes,
        trace: TraceContext | None,
    ) -> None:
        ClientLink.__init__(self, client, arrived)
        self._state = _RECEIVED
        self.owner, self.router = "", router
        self._holder = holder
        self._large: bool
        self._charged = self._kept_bytes = 0
        self._services, self._endpoint = services, endpoint
        self._token, self._arrived = token, arrived
        self._id_line, self._engine_lines, self._trace = id_line, engine_lines, trace
        # For the request log: the error's code, the tokens, the wait for a place.
        self._code: str | None = None
        self._usage: tuple[int, int] | None = None
        self._held_seconds: float | None = None
        self._adapter: ApiAdapter
        self._relay: Relay
        self._admitted_at: float
        self._labels = self._headers = _NOTHING
        self._streams = False
        self._received: list[bytes] = []
        self._first_event_at: float
        # The engine's bytes before the present ones: its usage may come in a read before that of the end.
        self._latest = b""
        self._heard_at = arrived
        self._events = 0

    @property
    def wanted(self) -> bool:
        """Whether the request is not over yet."""
        return self._state is not _CLOSED

    # What the client does

    def begin(self, body: bytes, key: Key | None, labels: Mapping[str, str]) -> None:
        """The request is here as a whole. `labels` are what its headers add to the request log."""
        try:
            self._check(body, key, labels)
        except ApiError as error:
            self._fail(error)
            return
        except Exception:
            _log.exception("request %s", id_in(self._id_line))
            self._fail(ApiError(500, "The gateway failed; the request id is in its log.", "server_error"))
            return
        if self._state is _RECEIVED:
            self.admitted()

    def tick(self, now: float) -> None:
        """Ends what has waited for too long, and keeps a silent stream's connection alive."""
        settings = self._services.settings
        if self._state is _QUEUED:
            if now - self._arrived > settings.queue_timeout_seconds:
                self._fail(self._queue_timeout(settings.queue_timeout_seconds))
                return
        elif now - self._heard_at > settings.engine_silence_timeout_seconds:
            self._end_silence(settings.engine_silence_timeout_seconds)
            return
        elif not self._paused:
            self._services.hang.awaited(self._heard_at if self._heard_at > self._admitted_at else 0.0)
        if self._streams:
            self._ping(now, self._services.process.ping_seconds)

    # What the gate does

    def admitted(self) -> None:
        """The request's turn has come."""
        now = self._services.clock()
        if self._state is _QUEUED:
            self._held_seconds = now - self._arrived
            self._services.telemetry.queue_time.observe(self._endpoint.name, self._held_seconds)
        # A stream that waits is opened when it is pinged.
        self._state = _STREAMING if self._opened else _SENT
        self._admitted_at = self._heard_at = now
        engine = self._adapter.engine
        self._large = len(engine.body) > UNCOUNTED_BYTES
        self._services.engine.post(self, _ENGINE_PATH, self._engine_lines, engine.body)
        engine.body = b""

    # What the engine does

    def upstream_data(self, status: int, data: bytes) -> None:
        """Some bytes of the engine's answer."""
        self._heard_at = self._written_at = self._services.clock()
        if self._state is not _STREAMING or status != 200:
            if not self._keep(status, data) or status != _ANSWERED or not self._streams:
                return
            data = self._first_events()
            if not data:
                return
        if not self._events:
            self._first_event_at = self._heard_at
            waited = self._heard_at - self._arrived
            self._services.telemetry.first_event.observe(self._endpoint.name, waited)
        self._events += data.count(EVENT_END)
        relay = self._relay
        try:
            rendered = relay.feed(data)
        except ApiError as error:
            self._fail(error)
            return
        if relay.finished:
            self._release()
            self._latest += data
            self._end_stream(rendered)
            return
        self._latest = data
        if rendered:
            self._client.write(rendered)

    def upstream_end(self, status: int) -> None:
        """The engine's answer is complete."""
        self._connection = None
        if status != 200:
            self._fail(self._adapter.attribute_error(from_engine_body(status, b"".join(self._received))))
        elif self._state is _STREAMING:
            self._end_stream(self._relay.end())
        elif self._streams:
            self._fail(engine_failed(TRUNCATED))
        else:
            self._answer_whole(b"".join(self._received))

    def upstream_lost(self, error: ApiError) -> None:
        """There is no answer, or no more of it."""
        self._connection = None
        self._fail(error)

    # Steps

    def _check(self, body: bytes, key: Key | None, labels: Mapping[str, str]) -> None:
        services = self._services
        adapter = self._endpoint.factory(body, services.policy, Call(self._token, services.unix_seconds))
        engine = adapter.engine
        if key is not None:
            self.owner = key.name
            if not key.allows(engine.model):
                message = f"This API key may not use the model '{engine.model}'."
                raise ApiError(403, message, "model_not_allowed", "model")
        if engine.labels or labels:
            self._labels = {**engine.labels, **labels}
        if engine.ignored:
            self._headers = {"x-fairlead-ignored-params": ",".join(engine.ignored)}
        if services.hang.hung:
            raise engine_unavailable("The engine does not respond; try again later.")
        self._adapter, self._streams = adapter, engine.stream
        services.demand.arrived(self.router)
        if not services.limiter.enter(self):
            self._state = _QUEUED
            if services.limiter.waiting == 1:
                services.demand.queue_began()

    def _keep(self, status: int, data: bytes) -> bool:
        """Keeps a part of an answer that must be seen as a whole; False, and the request has failed, if it is
        too large.
        """
        if not self._received:
            if self._large:
                self._client.body_sent()
            if len(data) <= UNCOUNTED_BYTES:
                self._kept_bytes = len(data)
                self._received.append(data)
                return True
        size = self._kept_bytes + len(data)
        bound = MAX_ERROR_BODY_BYTES
        if status == _ANSWERED:
            bound = MAX_EVENT_BYTES if self._streams else MAX_WHOLE_ANSWER_BYTES
        if size > bound:
            self._fail(engine_failed(f"The engine's answer is larger than {bound} bytes."))
            return False
        if not self._services.memory.take(self._holder, size - self._charged):
            self._fail(self._services.overload())
            return False
        self._charged = self._kept_bytes = size
        self._received.append(data)
        return True

    def _give_back(self) -> None:
        """Drops the kept part of the answer."""
        self._received = []
        if self._charged:
            self._services.memory.give_back(self._holder, self._charged)
            self._charged = self._kept_bytes = 0

    def _first_events(self) -> bytes:
        """The kept part of the engine's stream, once its first event is complete and the client's stream is
        open; else nothing.
        """
        received = b"".join(self._received)
        end = received.find(EVENT_END)
        if end < 0:
            self._received = [received]
            return b""
        self._give_back()
        error = error_of(received[:end])
        if error is not None:
            self._release()
            self._fail(self._adapter.attribute_error(error))
            return b""
        self._open_stream()
        return received

    def _open_stream(self) -> None:
        self._client.start_stream(self._headers)
        beginning, self._relay = self._adapter.stream()
        self._opened = True
        if self._state is _SENT:
            self._state = _STREAMING
        if beginning:
            self._client.write(beginning)

    def _release(self) -> None:
        """The engine has said all that matters; its connection can be kept."""
        if self._connection is not None:
            self._connection.release(self._heard_at)
            self._connection = None

    def _queue_timeout(self, seconds: int) -> ApiError:
        message = f"No place was free for this request within {seconds} s; try again later."
        retry = str(self._services.limiter.retry_after())
        return ApiError(503, message, "queue_timeout", headers={"retry-after": retry})

    def _end_silence(self, seconds: int) -> None:
        if self._paused:  # it is the client that does not move, and it would not read an error either
            self._client.abort()
        else:
            self._services.hang.given_up()
            self._fail(ApiError(504, f"The engine has been silent for {seconds} s.", "engine_timeout"))

    def _end_stream(self, rest: bytes) -> None:
        if self._events > 1:
            mean = (self._heard_at - self._first_event_at) / (self._events - 1)
            self._services.telemetry.between_events.observe(self._endpoint.name, mean)
        error = self._relay.error
        if error is not None:
            self._services.telemetry.count_reject(self._endpoint.name, error.code)
            self._break_off(error, rest)
            return
        self._client.finish(rest)
        self._close(_ANSWERED)

    def _break_off(self, error: ApiError, rest: bytes) -> None:
        """Ends a stream whose client has its head."""
        self._code = error.code
        status = status_after_head(error)
        self._client.break_off(rest, status)
        self._close(status)

    def _answer_whole(self, body: bytes) -> None:
        try:
            answer = self._adapter.whole(body)
        except ApiError as error:
            self._fail(error)
            return
        except Exception:
            _log.exception("request %s", id_in(self._id_line))
            self._fail(engine_failed("The engine's answer could not be translated."))
            return
        self._usage = self._services.telemetry.count_tokens(body)
        self._client.answer(200, self._headers, answer)
        self._close(200)

    def _fail(self, error: ApiError) -> None:
        if not self.wanted:
            return
        self._services.telemetry.count_reject(self._endpoint.name, error.code)
        if self._opened:
            self._break_off(error, self._relay.fail(error))
        else:
            self._code = error.code
            self._client.answer(error.status, {**self._headers, **error.headers}, error.body())
            self._close(error.status)

    def _close(self, status: int) -> None:
        """The exchange is over: gives back what it holds and counts it."""
        services = self._services
        now = services.clock()
        state, self._state = self._state, _CLOSED
        if self._charged:
            self._give_back()
        if self._connection is not None:
            self._cut_upstream()
        if self._latest:
            self._usage = services.telemetry.count_tokens(self._latest)
        seconds = now - self._arrived
        services.telemetry.count_request(self._endpoint.name, status, seconds, self.owner)
        slow = seconds > services.request_log.threshold
        if slow or status != _ANSWERED or self._labels or self._trace is not None:
            self._report(state, status, seconds)
        if state is _QUEUED:
            services.limiter.withdraw(self)
        elif state is not _RECEIVED:
            services.demand.ended(self.router, status == _ANSWERED)
            services.limiter.leave(now - self._admitted_at)

    def _report(self, state: ExchangeState, status: int, seconds: float) -> None:
        """Hands what is known of the request to the request log and to its span; `state` is its last one."""
        facts = RequestFacts(id_in(self._id_line), self._endpoint.name, status, seconds, self._code)
        facts.key, facts.labels = self.owner or None, self._labels
        facts.held_seconds = seconds if state is _QUEUED else self._held_seconds
        if self._events:
            facts.first_token_seconds = self._first_event_at - self._arrived
        if self._usage is not None:
            facts.input_tokens, facts.output_tokens = self._usage
        if state is not _RECEIVED:
            facts.requested_model = self._adapter.engine.model
        self._services.report(facts, self._trace)
