"""`python -m fairlead_gateway route`: the router's two ports and its watches, from start to end."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable

from uvicorn import Server

from fairlead_gateway.server.bounded_http import admin_protocol
from fairlead_gateway.server.listen import connection_limit, listener
from fairlead_gateway.server.tls import Certificate
from fairlead_gateway.tracing import tracing_from_environment

from .admin import create_admin
from .app import create_api
from .key_files import KeyFiles
from .kube import KubeReader
from .request_cycle import router_protocol
from .router_context import RouterContext
from .settings import RouterSettings
from .watcher import Watcher, sources

_HOUSEKEEPING_SECONDS = 1
# Between the last refused requests and the end of the process: for the bytes to be sent.
_MARGIN_SECONDS = 2
_log = logging.getLogger("fairlead.router")


async def route(settings: RouterSettings) -> None:
    """Runs until SIGTERM or SIGINT, then finishes what it can within the drain time."""
    namespaces = settings.namespaces
    # For all namespaces: models, slices and namespaces. Otherwise the namespaces are configured.
    services = RouterContext(settings, sources=2 * len(namespaces) or 3)
    services.tracing = tracing_from_environment("fairlead-router")
    services.connections.total = connection_limit(settings.max_connections)
    key_files = KeyFiles(services) if services.keyed else None
    reader = KubeReader(settings.api_server, settings.token_file, settings.ca_file)
    model_registry = services.model_registry
    model_registry.pod_port, model_registry.resolver.service = settings.pod_port, settings.service
    if namespaces:
        model_registry.resolver.change_namespaces(namespaces)
    replace = (
        model_registry.replace_models,
        model_registry.replace_slices,
        model_registry.listed,
        model_registry.replace_namespaces,
    )
    watchers = [Watcher(reader, source) for source in sources(namespaces, *replace)]
    host, level = settings.host, settings.log_level
    protocol, drain_seconds = router_protocol(services), settings.drain_seconds
    certificate = None if settings.tls_dir is None else Certificate(settings.tls_dir)
    tls = None if certificate is None else (settings.tls_port, certificate.context)
    api = listener(create_api(services), protocol, host, settings.api_port, level, drain_seconds, tls)
    admin = listener(create_admin(services), admin_protocol(services), host, settings.admin_port, level)
    ends: list[asyncio.Task[None]] = []

    def stop() -> None:
        if not ends:
            ends.append(asyncio.create_task(_end(services, api)))

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    endless = [asyncio.create_task(watcher.run()) for watcher in watchers]
    chores = [services.sweep]
    if certificate is not None:
        chores.append(certificate.refresh)
    if key_files is not None:
        chores.append(key_files.check)
    endless.append(asyncio.create_task(_run_housekeeping(chores)))
    serving = asyncio.create_task(admin.serve())
    try:
        await api.serve()
    finally:
        admin.should_exit = True
        model_registry.rise.end_polls()
        for task in (*endless, *ends):
            task.cancel()
        await asyncio.gather(serving, *endless, *ends, return_exceptions=True)
        services.close()
        await reader.close()


async def _end(services: RouterContext, api: Server) -> None:
    """Stops being ready at once and listening when that has spread; waiting requests are served while there
    is time, then they end with an error so that their clients retry at another router.
    """
    settings = services.settings
    services.draining = True
    _log.info("stopping within %d s", settings.drain_seconds)
    await asyncio.sleep(min(settings.linger_seconds, settings.drain_seconds))
    api.should_exit = True
    rest = settings.drain_seconds - settings.linger_seconds - _MARGIN_SECONDS
    await asyncio.sleep(max(0, rest))
    services.dismiss()


async def _run_housekeeping(chores: list[Callable[[], None]]) -> None:
    while True:
        await asyncio.sleep(_HOUSEKEEPING_SECONDS)
        for chore in chores:
            try:
                chore()
            except Exception:
                _log.exception("Periodic work failed, continuing")
