"""`python -m fairlead_gateway serve`: both ports of the gateway in one process and one event loop."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
import uvloop
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .admin import create_admin
from .admission.keys import KeyRing
from .app import create_api
from .reload import Reloader, SettingsError, load
from .request_log import log_requests_to_standard_output
from .server.engine_answer import api_protocol
from .services import Services
from .settings import GatewaySettings, ProcessSettings
from .upstream.pool import EnginePool

# Longer than clients keep theirs, so that none is closed just when it is used again (nginx's default).
KEEPALIVE_SECONDS = 75
HOUSEKEEPING_SECONDS = 1


class _Server(uvicorn.Server):
    """One of two servers in a loop: signals are for the process, so neither may take them for itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def install_launcher(source: Path, run_dir: Path) -> None:
    """Puts the engine launcher where the engine's container starts it, complete or not at all."""
    content = source.read_bytes()
    with tempfile.NamedTemporaryFile(dir=run_dir, prefix=".launcher-", delete=False) as scratch:
        scratch.write(content)
    Path(scratch.name).chmod(0o644)
    os.replace(scratch.name, run_dir / "launcher.py")


def _server(
    app: ASGIApp, http: type[asyncio.Protocol], port: int, process: ProcessSettings, drain_seconds: int
) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            host=process.host,
            port=port,
            http=http,
            ws="none",
            loop="none",
            lifespan="off",
            access_log=False,
            server_header=False,
            log_level=process.log_level,
            timeout_keep_alive=KEEPALIVE_SECONDS,
            timeout_graceful_shutdown=drain_seconds,
        )
    )


async def serve(settings: GatewaySettings, keys: KeyRing, process: ProcessSettings) -> None:
    """Runs until SIGTERM or SIGINT, then lets running requests finish within the drain timeout."""
    engine = EnginePool(str(process.engine_socket))
    services = Services(settings, keys, process, engine)
    drain_seconds = settings.drain_timeout_seconds
    api = _server(create_api(services), api_protocol(services), process.api_port, process, drain_seconds)
    admin = _server(create_admin(services), HttpToolsProtocol, process.admin_port, process, drain_seconds=1)

    def stop() -> None:
        services.gate.draining = True
        api.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    beside = [asyncio.create_task(admin.serve()), asyncio.create_task(keep_house(services))]
    try:
        await api.serve()
    finally:
        admin.should_exit = True
        beside[1].cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        services.hang.close()
        engine.close()


async def keep_house(services: Services) -> None:
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
    parser.add_argument("command", choices=["serve"])
    parser.parse_args()
    process = ProcessSettings()
    _set_up_logging(process)
    try:
        settings, keys = load(process)
        for problem in keys.problems:
            logging.getLogger("fairlead.gateway").error("%s", problem)
        install_launcher(process.launcher, process.run_dir)
        # What is alive now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        uvloop.run(serve(settings, keys, process))
    except (SettingsError, ValueError) as error:
        raise SystemExit(f"fairlead gateway: {error}") from None


def _set_up_logging(process: ProcessSettings) -> None:
    logging.basicConfig(level=process.log_level.upper(), format="%(levelname)s %(name)s %(message)s")
    log_requests_to_standard_output()


if __name__ == "__main__":
    main()
