"""An engine that fails as engines do: what it does with a request stands in the request's last message.

A real vLLM cannot be made to die at a chosen byte, to call two tools or to be busy exactly once. Requests
choose, instead of the test preparing the engine, so that one engine and one gateway serve all tests.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.unix_http import USAGE, EngineHandler, UnixServer, chunk, completion, last_message

# Longer than the silence that the tests' gateway bears, shorter than a client's patience.
SILENT_SECONDS = 30

# Long enough for the gateway to keep the client's connection alive meanwhile; it looks once a second.
SLOW_SECONDS = 2.2


def _error_of(code: int, message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "x", "param": None, "code": code}}


ERROR, BUSY, REFUSAL = _error_of(500, "out of luck"), _error_of(503, "busy"), _error_of(400, "no")
CALLS = (
    {"index": 0, "id": "call_a", "type": "function", "function": {"name": "forecast", "arguments": ""}},
    {"index": 0, "function": {"arguments": '{"city": '}},
    {"index": 1, "id": "call_b", "type": "function", "function": {"name": "forecast", "arguments": ""}},
    {"index": 1, "function": {"arguments": '{"city": "Rome"}'}},
    {"index": 0, "function": {"arguments": '"Oslo"}'}},
)


class FailingEngine:
    """Listens on `socket` until `stop`; `arrivals` keeps when each message came, `bodies` what came."""

    def __init__(self) -> None:
        # Not pytest's folder: a Unix socket's path must stay short.
        self._folder = Path(tempfile.mkdtemp(prefix="fairlead-"))
        self.socket = self._folder / "engine.sock"
        self.state_file = self._folder / "engine.json"
        self.state_file.write_text(json.dumps({"phase": "Running", "startedAt": time.time()}))
        self.arrivals: dict[str, list[float]] = {}
        self.bodies: dict[str, dict[str, Any]] = {}
        engine = self

        class Handler(_Handler):
            def do_POST(self) -> None:
                engine._answer(self)

        self._server = UnixServer(str(self.socket), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Closes the socket and removes it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answer(self, handler: _Handler) -> None:
        body = handler.read_body()
        if "messages" not in body:
            # No client's request: the gateway finds out whether the engine makes tokens.
            handler.send_whole(200, completion("ab"))
            return
        message = last_message(body)
        arrivals = self.arrivals.setdefault(message, [])
        arrivals.append(time.monotonic())
        self.bodies[message] = body
        script = message.split(":")[0]
        if script == "busy once" and len(arrivals) == 1:
            handler.send_whole(503, BUSY)
        elif script == "late refusal":
            time.sleep(SLOW_SECONDS)
            handler.send_whole(400, REFUSAL)
        elif body.get("stream"):
            _STREAMS.get(script, _complete)(handler, body)
        elif script == "cut":
            handler.send_cut()
        else:
            handler.send_whole(200, completion("ab"))


class _Handler(EngineHandler):
    def send_cut(self) -> None:
        """Half of an answer, then the end of the connection."""
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "1000")
        self.end_headers()
        self.wfile.write(b'{"id": "chatcmpl-1", "choices": [')
        self.close_connection = True


BEGINNING = [chunk({"role": "assistant", "content": ""}), chunk({"content": "a"}), chunk({"content": "b"})]


def _end(handler: _Handler, body: dict[str, Any], finish_reason: str) -> None:
    handler.send_event(json.dumps(chunk({}, finish_reason)))
    if (body.get("stream_options") or {}).get("include_usage"):
        handler.send_event(json.dumps(chunk({}) | {"choices": [], "usage": USAGE}))
    handler.send_event("[DONE]")
    handler.end_stream()


def _complete(handler: _Handler, body: dict[str, Any]) -> None:
    handler.begin_stream(BEGINNING)
    _end(handler, body, "stop")


def _slow(handler: _Handler, body: dict[str, Any]) -> None:
    time.sleep(SLOW_SECONDS)
    _complete(handler, body)


def _cut(handler: _Handler, body: dict[str, Any]) -> None:
    handler.begin_stream(BEGINNING)
    handler.close_connection = True


def _unfinished(handler: _Handler, body: dict[str, Any]) -> None:
    handler.begin_stream(BEGINNING)
    handler.end_stream()


def _error(handler: _Handler, body: dict[str, Any]) -> None:
    handler.begin_stream(BEGINNING)
    handler.send_event(json.dumps(ERROR))
    handler.send_event("[DONE]")
    handler.end_stream()


def _silent(handler: _Handler, body: dict[str, Any]) -> None:
    handler.begin_stream(BEGINNING)
    handler.connection.settimeout(SILENT_SECONDS)
    with contextlib.suppress(TimeoutError):
        handler.connection.recv(1)  # returns when the gateway hangs up
    handler.close_connection = True


def _two_calls(handler: _Handler, body: dict[str, Any]) -> None:
    handler.begin_stream([BEGINNING[0], *(chunk({"tool_calls": [call]}) for call in CALLS)])
    _end(handler, body, "tool_calls")


_STREAMS: dict[str, Callable[[_Handler, dict[str, Any]], None]] = {
    "slow": _slow,
    "cut": _cut,
    "unfinished": _unfinished,
    "error": _error,
    "silent": _silent,
    "two calls": _two_calls,
}
