"""The state that all requests in the router share."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from fairlead_contract.dialects import DIALECTS
from fairlead_gateway.admission.fair_shares import FairShares
from fairlead_gateway.admission.identity import IdentitySigner
from fairlead_gateway.admission.keys import KeyRing
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.routes import ApiRoute, generation_routes
from fairlead_gateway.server_context import BaseServerContext

from .endpoint_slices import Address
from .pod_connections import PodPool
from .registry import ModelRegistry
from .settings import RouterSettings
from .telemetry import Telemetry

_RETRY_SECONDS = "1"


class RouterContext(BaseServerContext):
    """One router. Used inside one running event loop."""

    def __init__(self, settings: RouterSettings, sources: int) -> None:
        super().__init__(settings.max_body_bytes_in_flight, settings.max_connections)
        self.settings = settings
        self.cors = settings.cors
        self.request_log.configure(settings.request_log, settings.slow_request_seconds)
        # The largest body that the router takes for any model; a model's own bound may be lower.
        self.max_body_bytes = min(settings.max_body_bytes, self.memory.largest)
        # Memory of held requests: no model can take all of it.
        self.held_bytes = FairShares(settings.max_body_bytes_in_flight)
        self.boot = secrets.token_hex(8)
        self.model_registry = ModelRegistry(self.clock, sources)
        self.telemetry = Telemetry(self.model_registry)
        self.routes: Mapping[bytes, ApiRoute] = _all_routes()
        self.draining = False
        self.log_headers: Mapping[bytes, str] = {}
        # Without keys of its own the router passes those of clients on: models' gateways may check them.
        self.keyed, self.keys = settings.auth_mode == "APIKey", KeyRing({})
        self.signer: IdentitySigner | None = None
        """Makes the identities that gateways get in place of keys; None while `keyed` is false."""
        self._pools: dict[Address, PodPool] = {}

    @property
    def upload_seconds(self) -> float:
        """How long a client may pause while it sends a body."""
        return self.settings.upload_seconds

    def overload(self) -> ApiError:
        """Why no more bytes of a body can be taken: uploads must not fill the pod's memory."""
        message = "The requests in flight, of this client or in all, are too large; try again later."
        return ApiError(503, message, "router_unavailable", headers={"retry-after": _RETRY_SECONDS})

    def not_synced(self) -> ApiError:
        """Why a request cannot be resolved yet."""
        message = "The router has not read the models from Kubernetes yet. Try again."
        return ApiError(503, message, "router_unavailable", headers={"retry-after": _RETRY_SECONDS})

    def stopping(self) -> ApiError:
        """The error of a request that still waits when the router stops."""
        message = "The router stops; send the request again to reach another one."
        return ApiError(503, message, "router_unavailable", headers={"retry-after": _RETRY_SECONDS})

    def dismiss(self) -> None:
        """Ends all waiting requests: their clients retry at another router."""
        error = self.stopping()
        for pending in self.model_registry.waiting():
            pending.dismiss(error)

    def pool(self, address: Address) -> PodPool:
        """The connections to a pod."""
        pool = self._pools.get(address)
        if pool is None:
            pool = self._pools[address] = PodPool(address, self.settings.connect_seconds)
        return pool

    def sweep(self) -> None:
        """The periodic work of about once a second: time-outs, pings, trials, old connections."""
        now = self.clock()
        self.tick_all(now)
        self.model_registry.sweep(now)
        addresses = self.model_registry.addresses
        for address, pool in tuple(self._pools.items()):
            pool.sweep()
            if address not in addresses and pool.unused:
                del self._pools[address]

    def close(self) -> None:
        """Closes all connections to pods."""
        for pool in self._pools.values():
            pool.close()


def _all_routes() -> Mapping[bytes, ApiRoute]:
    """The generation paths of all dialects: which of them a model takes, its gateways say."""
    return {
        path: route for dialect in DIALECTS.values() for path, route in generation_routes(dialect).items()
    }
