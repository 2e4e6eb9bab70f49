"""A program in the place of the API server, for answers that a real one gives only to hostile tenants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """What it answers; `asked` are the requests that came, `url` where to send them."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked: list[web.Request] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Any request."""
        self.asked.append(request)
        return await self._answer(request)


@asynccontextmanager
async def standing_in(answer: Answer) -> AsyncIterator[Server]:
    """Listens on a port of the loopback interface."""
    server = Server(answer)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


def objects(count: int, size: int = 0) -> Answer:
    """A list of so many objects of this size, in pages as they are asked for."""

    async def answer(request: web.Request) -> web.Response:
        begin, limit = int(request.query.get("continue") or 0), int(request.query["limit"])
        end = min(count, begin + limit)
        items = [
            {"metadata": {"name": f"o-{number}", "namespace": "demo"}, "data": "x" * size}
            for number in range(begin, end)
        ]
        more = {"continue": str(end)} if end < count else {}
        return web.json_response({"metadata": more, "items": items})

    return answer
