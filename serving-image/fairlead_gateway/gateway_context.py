"""The state that requests share: settings, keys, the engine, limits and metrics, and how they change while
requests run.
"""

from __future__ import annotations

import time

from fairlead_contract.defaults import UNBOUNDED_REQUESTS
from fairlead_contract.gateway_settings import GatewaySettings
from fairlead_contract.values import read_limits

from .admission.concurrency_limiter import ConcurrencyLimiter
from .admission.keys import KeyRing
from .contract.errors import ApiError
from .contract.policy import EngineFacts, RequestPolicy, make_policy
from .load_counters import LoadCounters
from .routes import LOAD_HEADER, generation_routes
from .server_context import BaseServerContext
from .settings import ProcessSettings
from .telemetry import Telemetry
from .upstream.hang_detection import HangWatch
from .upstream.pool import EnginePool


class GatewayContext(BaseServerContext):
    """One gateway. Settings and keys are replaced as a whole by `apply`; requests in flight keep theirs."""

    def __init__(
        self, settings: GatewaySettings, keys: KeyRing, process: ProcessSettings, engine: EnginePool
    ) -> None:
        super().__init__(process.max_body_bytes_in_flight, process.max_connections)
        self.process = process
        self.engine = engine
        self.hang = HangWatch(engine)
        self.limiter = ConcurrencyLimiter()
        self.demand = LoadCounters()
        self.telemetry = Telemetry(self.limiter)
        self._context_length: int | None = None
        self.engine_queried = False
        """Whether a healthy engine was queried for the values on which defaults depend."""
        self.apply(settings, keys)

    def apply(self, settings: GatewaySettings, keys: KeyRing) -> None:
        """Puts settings and keys into effect. Raises ValueError that names a wrong field and the remedy."""
        self.policy = self._make_policy(settings)
        self.settings, self.keys = settings, keys
        resource = settings.resource
        self.telemetry.model = (resource.namespace, resource.name or settings.model.served_name)
        self.resource = self.telemetry.model
        self.request_log.configure(settings.request_log.mode, settings.request_log.slow_seconds)
        self.keyed = settings.auth.mode == "APIKey" or settings.identity.required
        self.problems = keys.problems
        dialect = self.policy.dialect
        self.routes = generation_routes(dialect)
        self.log_headers = {
            name.encode(): name.removeprefix("x-").replace("-", "_") for name in dialect.log_headers
        }
        # One client alone gets no more of the memory for bodies.
        self.max_body_bytes = min(settings.max_body_bytes, self.memory.largest)
        self.limiter.running_limit = settings.max_running_requests
        self.limiter.queue_limit = settings.max_queued_requests
        self.limiter.admit()

    async def query_engine(self) -> None:
        """Learns the context length of the engine as soon as it is healthy. To be called about once a second.

        The gateway is not ready before: the defaults of the first request must fit into the context.
        """
        if self._context_length is not None or not await self.engine.healthy():
            return
        models = await self.engine.models()
        self.engine_queried = True
        for model in models:
            if model.get("max_model_len"):
                self.learn_context_length(model["max_model_len"])
        self.telemetry.engine_version = await self.engine.version()

    def learn_context_length(self, tokens: int) -> None:
        """The engine's context length; defaults are clamped to it."""
        if tokens != self._context_length:
            self._context_length = tokens
            self.policy = self._make_policy(self.settings)

    @property
    def draining(self) -> bool:
        """Whether the pod is about to stop."""
        return self.limiter.draining

    @property
    def upload_seconds(self) -> float:
        """How long a client may pause while it sends a body."""
        return self.process.upload_seconds

    def overload(self) -> ApiError:
        """Why no more bytes of a body can be taken: uploads must not fill the pod's memory."""
        message = "The requests in flight, of this client or in all, are too large; try again later."
        headers = {"retry-after": str(self.limiter.retry_after())}
        return ApiError(503, message, "engine_unavailable", headers=headers)

    def load_header(self) -> bytes:
        """For routers: the requests on this pod, and the bound of concurrent ones if there is one."""
        limiter = self.limiter
        bound = b"%d" % limiter.running_limit if limiter.running_limit < UNBOUNDED_REQUESTS else b"-"
        return b"%b: %d/%b\r\n" % (LOAD_HEADER, limiter.running + limiter.waiting, bound)

    @staticmethod
    def unix_seconds() -> int:
        """The time of answers."""
        return int(time.time())

    def sweep(self) -> None:
        """Ends what has timed out, and checks whether the engine hangs. To be called about once a second."""
        now = self.clock()
        self.tick_all(now)
        self.engine.sweep()
        self.hang.check(now, self.settings.unresponsive_after_seconds, self.settings.model.served_name)
        self.telemetry.unresponsive_seconds = self.hang.unresponsive_seconds(now)

    def _make_policy(self, settings: GatewaySettings) -> RequestPolicy:
        engine = settings.engine
        return make_policy(
            served=settings.model.names,
            dialect_name=settings.api.dialect,
            defaults=settings.api.defaults,
            limits=read_limits(settings.api.limits),
            reject_unknown=settings.api.unknown_fields == "Reject",
            engine=EngineFacts(
                context_length=self._context_length,
                schedules_by_priority=engine.scheduling_policy == "Priority",
                structured_outputs_backend=engine.structured_outputs_backend,
                request_chat_templates=engine.request_chat_templates == "Allow",
                media_domains=engine.media_domains,
                max_logprobs=engine.max_logprobs,
            ),
        )
