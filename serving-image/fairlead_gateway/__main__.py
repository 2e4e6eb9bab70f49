"""`python -m fairlead_gateway serve` is the gateway of a pod, `route` the router before all of them: both
ports in one process and one event loop.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import signal

import uvloop

from fairlead_contract.gateway_settings import GatewaySettings
from fairlead_contract.log_format import JsonFormatter
from fairlead_contract.paths import LAUNCHER
from fairlead_launcher.archive import write_archive

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
from .settings import ProcessSettings
from .tracing import tracing_from_environment
from .upstream.pool import EnginePool

HOUSEKEEPING_SECONDS = 1


async def serve(settings: GatewaySettings, keys: KeyRing, process: ProcessSettings) -> None:
    """Runs until SIGTERM or SIGINT, then lets running requests finish within the drain timeout."""
    engine = EnginePool(str(process.engine_socket))
    services = GatewayContext(settings, keys, process, engine)
    services.tracing = tracing_from_environment("fairlead-gateway")
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
    serving = asyncio.create_task(admin.serve())
    endless = [asyncio.create_task(run_housekeeping(services)), asyncio.create_task(query_engine(services))]
    try:
        await api.serve()
    finally:
        admin.should_exit = True
        services.demand.end_polls()
        for task in endless:
            task.cancel()
        await asyncio.gather(serving, *endless, return_exceptions=True)
        services.hang.close()
        engine.close()


async def run_housekeeping(services: GatewayContext) -> None:
    """The periodic work of about once a second: time-outs, pings, changed settings.

    A failure must not end the other work, nor that of the next second.
    """
    reloader = Reloader(services)
    while True:
        await asyncio.sleep(HOUSEKEEPING_SECONDS)
        for chore in (services.sweep, reloader.check):
            try:
                chore()
            except Exception:
                logging.getLogger("fairlead.gateway").exception("Periodic work failed, continuing")


async def query_engine(services: GatewayContext) -> None:
    """Learns what defaults depend on once the engine is healthy. A task of its own: an engine that does
    not answer must not delay the housekeeping.
    """
    while services.policy.engine.context_length is None:
        try:
            await services.query_engine()
        except Exception:
            logging.getLogger("fairlead.gateway").exception("the engine's context length is not known yet")
        await asyncio.sleep(HOUSEKEEPING_SECONDS)


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
    # Where the engine's container starts it.
    write_archive((process.launcher_dir or process.run_dir) / LAUNCHER)
    _freeze()
    uvloop.run(serve(settings, keys, process))


def _route() -> None:
    settings = RouterSettings()
    _set_up_logging(settings.log_level)
    _freeze()
    uvloop.run(route(settings))


def _freeze() -> None:
    """The present objects stay: the garbage collector need not scan them again."""
    gc.collect()
    gc.freeze()


def _set_up_logging(level: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    # Python's own warnings are lines like all others.
    logging.captureWarnings(True)
    # One line for each request to the API server is not useful.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    log_requests_to_standard_output()


if __name__ == "__main__":
    main()
