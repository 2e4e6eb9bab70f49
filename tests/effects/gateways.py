"""The gateways of the effect tests: one process per dialect and setting, started when first needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tests.gateway.process import GatewayProcess
from tests.support.engine import Engine

FIRST_ENGINE = (("structuredOutputsBackend", "xgrammar"),)
SECOND_ENGINE = (("schedulingPolicy", "Priority"), ("structuredOutputsBackend", "outlines"))


class Gateway(Protocol):
    """A running gateway, as the checks see it."""

    @property
    def api_port(self) -> int:
        """The port on 127.0.0.1 that leads to its API."""

    @property
    def output(self) -> str:
        """What it has written to its standard output."""

    def admin(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        """Status and body of a request to its admin port."""


class Sites(Protocol):
    """Where the checks find their gateways."""

    remembered: dict[object, Any]
    """Answers that several checks compare with."""

    def get(self, site: Site) -> Gateway:
        """The gateway at a site."""


@dataclass(frozen=True)
class Site:
    """The place of a gateway: its dialect, its engine, and its settings about that engine."""

    dialect: str
    is_second: bool = False
    settings: tuple[tuple[str, str], ...] = FIRST_ENGINE
    api: str = "{}"
    """What the deployment sets beside the dialect, as JSON: a site is a key."""

    def changed(self, **settings: str) -> Site:
        """A site whose gateway has other settings."""
        return replace(self, settings=(*self.settings, *settings.items()))

    def with_api(self, settings: Mapping[str, Any]) -> Site:
        """A site whose deployment sets something beside the dialect."""
        return replace(self, api=json.dumps(settings))

    def gateway_json(self) -> dict[str, Any]:
        """The settings of its gateway."""
        return {"api": {"dialect": self.dialect} | json.loads(self.api), "engine": dict(self.settings)}

    def second(self) -> Site:
        """The same dialect on the second engine."""
        return Site(self.dialect, True, SECOND_ENGINE)


class Gateways:
    """Gateways by site; `stop` ends them all."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running: dict[Site, GatewayProcess] = {}
        self.second_engine: Callable[[], Engine] | None = None
        """Gives the second engine; set by each test, because only a running test can start a fixture."""
        self.remembered: dict[object, Any] = {}
        """Answers that several checks compare with."""

    def get(self, site: Site) -> GatewayProcess:
        """The gateway at a site."""
        if site not in self._running:
            engine = self._engine
            if site.is_second:
                assert self.second_engine is not None
                engine = self.second_engine()
            self._running[site] = GatewayProcess(engine, **site.gateway_json())
        return self._running[site]

    def stop(self) -> None:
        """Ends every gateway."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(GatewayProcess.stop, self._running.values()))
