"""`python -m fairlead_gateway serve` is the gateway of a pod, `route` the router before all of them: both
ports in one process and one event loop.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import tempfile
from pathlib import Path

import uvloop

from .admin import create_admin
from .admission.keys import KeyRing
from .app import create_api
from .gateway_context import GatewayContext
from .reload import Reloader, SettingsError, load
from .request_log import log_requests_to_standard_output
from .router.serve import route
from .router.settings import RouterSettings
from .server.bounded_http import admin_protocol
from .server.engine_request_cycle import api_protocol
from .server.listen import connection_limit, listener
from .settings import GatewaySettings, ProcessSettings
from .upstream.pool import EnginePool

HOUSEKEEPING_SECONDS = 1


def install_launcher(source: Path, folder: Path) -> None:
    """Puts the engine launcher where the engine's container starts it, complete or not at all."""
    content = source.read_bytes()
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".launcher-", delete=False) as scratch:
        scratch.write(content)
    Path(scratch.name).chmod(0o644)
    os.replace(scratch.name, folder / "launcher.py")


async def serve(settings: GatewaySettings, keys: KeyRing, process: ProcessSettings) -> None:
    """Runs until SIGTERM or SIGINT, then lets running requests finish within the drain timeout."""
    engine = EnginePool(str(process.engine_socket))
    services = GatewayContext(settings, keys, process, engine)
    services.connections.total = connection_limit(process.max_connections)
    drain_seconds = settings.drain_timeout_seconds
    host, level = process.host, process.log_level
    api = listener(create_api(services), api_protocol(services), host, process.api_port, level, drain_seconds)
    admin = listener(create_admin(services), admin_protocol(services), host, process.admin_port, level)

    def stop() -> None:
        services.limiter.draining = services.limiter.stopping = True
        api.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    beside = [asyncio.create_task(admin.serve()), asyncio.create_task(run_housekeeping(services))]
    try:
        await api.serve()
    finally:
        admin.should_exit = True
        beside[1].cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        services.hang.close()
        engine.close()


async def run_housekeeping(services: GatewayContext) -> None:
    """What must happen about once a second: time-outs, pings, changed settings.

    One that fails must not end the others, nor those of the next second.
    """
    reloader = Reloader(services)
    while True:
        await asyncio.sleep(HOUSEKEEPING_SECONDS)
        for chore in (services.sweep, reloader.check):
            try:
                chore()
            except Exception:
                logging.getLogger("fairlead.gateway").exception("housekeeping failed; it goes on")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="fairlead_gateway")
    parser.add_argument("command", choices=["serve", "route"])
    command = parser.parse_args().command
    try:
        {"serve": _serve, "route": _route}[command]()
    except (SettingsError, ValueError) as error:
        raise SystemExit(f"fairlead gateway: {error}") from None


def _serve() -> None:
    process = ProcessSettings()
    _set_up_logging(process.log_level)
    settings, keys = load(process)
    for problem in keys.problems:
        logging.getLogger("fairlead.gateway").error("%s", problem)
    install_launcher(process.launcher, process.launcher_dir or process.run_dir)
    _freeze()
    uvloop.run(serve(settings, keys, process))


def _route() -> None:
    settings = RouterSettings()
    _set_up_logging(settings.log_level)
    _freeze()
    uvloop.run(route(settings))


def _freeze() -> None:
    """What is alive now stays: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


def _set_up_logging(level: str) -> None:
    logging.basicConfig(level=level.upper(), format="%(levelname)s %(name)s %(message)s")
    # One line for each request to the API server says nothing that matters.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    log_requests_to_standard_output()


if __name__ == "__main__":
    main()
