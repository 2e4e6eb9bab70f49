"""OpenAI's SDK in a real browser, on a page of another origin: what the router's CORS is for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from e2e.cluster import debian
from e2e.cluster.shell import find_program
from tests.clients.environments import node_environment
from tests.gateway.bodies import LAST_CHUNK
from tests.gateway.scripted import CHUNK, HEAD, ScriptedEngine, chunked
from tests.router.wire import ScriptedPod, running_router

PAGE = Path(__file__).parent / "browser" / "page.html"
# A container has neither a GPU nor a large /dev/shm, and root may not use the browser's own sandbox.
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
BROWSER_SECONDS = 60


async def test_a_page_of_an_allowed_origin_streams_and_reads_errors_and_ids(tmp_path: Path) -> None:
    async with (
        Site() as site,
        ScriptedPod(site.stream) as pod,
        running_router(cors_allowed_origins=site.origin) as router,
    ):
        router.ready(pod.port)
        result = await site.opened(tmp_path, router.port)

    assert (result["models"], result["parts"]) == (["tiny"], ["a", "a"])
    assert result["requestId"].startswith("req_")
    assert (result["failure"]["status"], result["failure"]["code"]) == (404, "model_not_found")
    assert result["failure"]["requestId"].startswith("req_")


async def test_a_page_of_another_origin_gets_no_answer(tmp_path: Path) -> None:
    async with (
        Site() as site,
        ScriptedPod(site.stream) as pod,
        running_router(cors_allowed_origins="https://page.example") as router,
    ):
        router.ready(pod.port)
        result = await site.opened(tmp_path, router.port)

    assert result == {"parts": [], "raised": "APIConnectionError"}
    assert pod.requests == []


class Site:
    """A web server with the page. Use as a context."""

    def __init__(self) -> None:
        self._received = asyncio.Event()
        self._result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._packages = node_environment().packages / "node_modules" / "openai7"
        self.origin = ""

    async def __aenter__(self) -> Site:
        application = web.Application()
        application.add_routes(
            [
                web.get("/page", self._page),
                web.get("/openai/{file:.+}", self._module),
                web.post("/received", self._on_received),
                web.post("/result", self._on_result),
            ]
        )
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._runner.cleanup()

    async def stream(
        self, engine: ScriptedEngine, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """A pod that makes the second part when the page has the first one."""
        await engine.read_request(reader)
        writer.write(HEAD + chunked(CHUNK))
        await self._received.wait()
        writer.write(chunked(LAST_CHUNK) + chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        await writer.drain()

    async def opened(self, profile: Path, api_port: int) -> Any:
        """What the page reports after the browser has opened it."""
        url = f"{self.origin}/page?api=http://127.0.0.1:{api_port}/v1"
        async with _browser(url, profile), asyncio.timeout(BROWSER_SECONDS):
            return await self._result

    async def _page(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGE)

    async def _module(self, request: web.Request) -> web.FileResponse:
        # The type by which browsers know a module; Python's table of types may lack the suffix.
        headers = {"content-type": "text/javascript"}
        return web.FileResponse(self._packages / request.match_info["file"], headers=headers)

    async def _on_received(self, request: web.Request) -> web.Response:
        self._received.set()
        return web.Response()

    async def _on_result(self, request: web.Request) -> web.Response:
        self._result.set_result(await request.json())
        return web.Response()


@asynccontextmanager
async def _browser(url: str, profile: Path) -> AsyncIterator[None]:
    debian.require(["chromium"], "a test of a page in a browser")
    program = find_program("chromium")
    assert program
    with (profile / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program, *OPTIONS, f"--user-data-dir={profile}", url, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
