"""`python -m fairlead_gateway serve`: both ports of the gateway in one process and one event loop."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
import uvloop
from starlette.types import ASGIApp

from .admin import create_admin
from .admission.gate import Gate
from .app import create_api
from .serving import Services
from .settings import GatewaySettings, ProcessSettings, load_settings
from .telemetry import Telemetry
from .upstream.client import EngineClient


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


def _server(app: ASGIApp, port: int, process: ProcessSettings, drain_seconds: int) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            host=process.host,
            port=port,
            http="httptools",
            loop="none",
            lifespan="off",
            access_log=False,
            server_header=False,
            log_level=process.log_level,
            timeout_graceful_shutdown=drain_seconds,
        )
    )


async def serve(settings: GatewaySettings, process: ProcessSettings) -> None:
    """Runs until SIGTERM or SIGINT, then lets running requests finish within the drain timeout."""
    gate = Gate(settings.max_running_requests)
    engine = EngineClient(str(process.engine_socket))
    services = Services(settings, engine, gate, Telemetry(gate))
    api = _server(create_api(services), process.api_port, process, settings.drain_timeout_seconds)
    admin = _server(create_admin(services, process), process.admin_port, process, drain_seconds=1)

    def stop() -> None:
        gate.draining = True
        api.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    admin_task = asyncio.create_task(admin.serve())
    try:
        await api.serve()
    finally:
        admin.should_exit = True
        await admin_task
        await engine.close()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="fairlead_gateway")
    parser.add_argument("command", choices=["serve"])
    parser.parse_args()
    process = ProcessSettings()
    settings = load_settings(process.config)
    install_launcher(process.launcher, process.run_dir)
    uvloop.run(serve(settings, process))


if __name__ == "__main__":
    main()
