"""What a request in the router needs besides itself."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from fairlead_gateway.admission.keys import KeyRing
from fairlead_gateway.admission.shares import Shares
from fairlead_gateway.contract.dialects import DIALECTS
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.host import BaseHost
from fairlead_gateway.routes import generation_routes

from .fleet import Fleet
from .request import RouterEndpoint
from .settings import RouterSettings
from .slices import Address
from .telemetry import Telemetry
from .upstream import PodPool

_RETRY_SECONDS = "1"


class RouterServices(BaseHost):
    """One router. Used inside one running event loop."""

    def __init__(self, settings: RouterSettings, sources: int) -> None:
        super().__init__(settings.max_body_bytes_in_flight, settings.max_connections)
        self.settings = settings
        # The largest body that the router takes for any model; a model's own bound may be lower.
        self.max_body_bytes = min(settings.max_body_bytes, self.memory.largest)
        # What waits for a model: none can take the memory of all.
        self.held_bytes = Shares(settings.max_body_bytes_in_flight)
        self.boot = secrets.token_hex(8)
        self.fleet = Fleet(self.clock, sources)
        self.telemetry = Telemetry(self.fleet)
        self.routes: Mapping[bytes, RouterEndpoint] = _all_routes()
        self.draining = False
        self.log_headers: Mapping[bytes, str] = {}
        # The gateways check the keys: they have them, and the router must not read Secrets.
        self.keyed, self.keys = False, KeyRing({})
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
        message = "The router does not know the models yet: Kubernetes has not told it. Try again."
        return ApiError(503, message, "router_unavailable", headers={"retry-after": _RETRY_SECONDS})

    def stopping(self) -> ApiError:
        """Why a request that still waits is sent away."""
        message = "The router stops; another one takes the request when it is sent again."
        return ApiError(503, message, "router_unavailable", headers={"retry-after": _RETRY_SECONDS})

    def dismiss(self) -> None:
        """Sends all requests away that still wait: their clients come back to another router."""
        error = self.stopping()
        for guest in self.fleet.waiting():
            guest.dismiss(error)

    def pool(self, address: Address) -> PodPool:
        """The connections to a pod."""
        pool = self._pools.get(address)
        if pool is None:
            pool = self._pools[address] = PodPool(address, self.settings.connect_seconds)
        return pool

    def sweep(self) -> None:
        """What must happen about once a second: time-outs, pings, new trials, old connections."""
        now = self.clock()
        self.tick_all(now)
        self.fleet.sweep(now)
        addresses = self.fleet.addresses
        for address, pool in tuple(self._pools.items()):
            pool.sweep()
            if address not in addresses and pool.unused:
                del self._pools[address]

    def close(self) -> None:
        """Closes all connections to pods."""
        for pool in self._pools.values():
            pool.close()


def _all_routes() -> Mapping[bytes, RouterEndpoint]:
    """The generation paths of all dialects: which of them a model takes, its gateways say."""
    return {
        path: RouterEndpoint(route.name, route.factory, path)
        for dialect in DIALECTS.values()
        for path, route in generation_routes(dialect).items()
    }
