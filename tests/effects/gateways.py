"""The gateways of the effect tests: one process per dialect and setting, started when first needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tests.gateway.process import GatewayProcess
from tests.support.engine import Engine
from tests.support.manifests import merged


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
    """The place of a gateway: its engine, its dialect, and what else its manifest has beside the engine's."""

    dialect: str
    is_second: bool = False
    allows_templates: bool = False
    api: str = "{}"
    """What the deployment sets beside the dialect, as JSON: a site is a key."""

    def allowing_templates(self) -> Site:
        """A site whose gateway lets requests bring chat templates."""
        return replace(self, allows_templates=True)

    def with_api(self, settings: Mapping[str, Any]) -> Site:
        """A site whose deployment sets something beside the dialect."""
        return replace(self, api=json.dumps(settings))

    def changes(self) -> dict[str, Any]:
        """The fields of the engine's manifest that are others here."""
        templates = {"engine": {"requestChatTemplates": "Allow"}} if self.allows_templates else {}
        return {"api": {"dialect": self.dialect} | json.loads(self.api), **templates}

    def second(self) -> Site:
        """The same dialect on the second engine."""
        return Site(self.dialect, True)


class Gateways:
    """Gateways by site; `stop` ends those that are not part of a run."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running: dict[Site, Gateway] = {}
        self.second_engine: Callable[[], Engine] | None = None
        """Gives the second engine; set by each test, because only a running test can start a fixture."""
        self.remembered: dict[object, Any] = {}
        """Answers that several checks compare with."""

    def get(self, site: Site) -> Gateway:
        """The gateway at a site."""
        if site not in self._running:
            engine = self._engine
            if site.is_second:
                assert self.second_engine is not None
                engine = self.second_engine()
            is_own = merged(engine.spec, site.changes()) == engine.spec
            self._running[site] = engine.gateway if is_own else engine.another_gateway(site.changes())
        return self._running[site]

    def stop(self) -> None:
        """Ends the gateways that it has started."""
        started = [gateway for gateway in self._running.values() if isinstance(gateway, GatewayProcess)]
        with ThreadPoolExecutor() as pool:
            list(pool.map(GatewayProcess.stop, started))
