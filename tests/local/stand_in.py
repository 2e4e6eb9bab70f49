"""A virtual environment whose vLLM is a small stand-in, for tests of what surrounds an engine.

The engine answers what gateway and launcher ask. The last message says what it does: `hold:FILE` streams one
word and goes on when FILE exists, `crash` ends the engine, everything else is repeated.
"""

from __future__ import annotations

import json
import os
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
VERSION = "0.32.0"
# How often a held stream looks for its file.
_LOOK_SECONDS = 0.02


def make_environment(folder: Path) -> None:
    """Makes the environment in a new folder."""
    packages, binary = folder / "packages", folder / "bin" / "python"
    module = packages / "vllm" / "entrypoints" / "openai"
    module.mkdir(parents=True)
    for parent in (packages / "vllm", module.parent, module):
        (parent / "__init__.py").write_text("")
    (module / "api_server.py").write_text("from tests.local.stand_in import main\n\nmain()\n")
    information = packages / f"vllm-{VERSION}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {VERSION}\n")
    (information / "top_level.txt").write_text("vllm\n")
    binary.parent.mkdir()
    path = os.pathsep.join((str(packages), str(REPOSITORY)))
    binary.write_text(f'#!/bin/sh\nPYTHONPATH={path} exec {sys.executable} "$@"\n')
    binary.chmod(0o755)


def main() -> None:
    """Serves on the socket of `--uds` until the process is ended."""
    path = sys.argv[sys.argv.index("--uds") + 1]
    print("INFO 11-30 10:00:00 [stand_in.py:1] Application startup complete.", flush=True)
    _Server(path, _Handler).serve_forever()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.client_address = ("gateway", 0)  # a Unix socket has no address to log

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class calls it so)
        pass

    def do_GET(self) -> None:
        models = {"object": "list", "data": [{"id": "tiny", "object": "model", "max_model_len": 1024}]}
        self._send(200, models if self.path == "/v1/models" else {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/tokenize":
            return self._send(200, {"count": 3})
        content = body["messages"][-1]["content"]
        text = content if isinstance(content, str) else content[0]["text"]
        if text == "crash":
            print("ERROR 11-30 10:00:00 [stand_in.py:1] RuntimeError: asked to crash", flush=True)
            os._exit(1)
        return self._stream(text) if body.get("stream") else self._send(200, _completion(text))

    def _stream(self, text: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self._event(json.dumps(_chunk({"role": "assistant", "content": "first "})))
        kind, _, file = text.partition(":")
        while kind == "hold" and not Path(file).exists():
            time.sleep(_LOOK_SECONDS)
        self._event(json.dumps(_chunk({"content": "last"}, "stop")))
        self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, data: str) -> None:
        event = f"data: {data}\n\n".encode()
        self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")

    def _send(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _completion(text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "tiny"}
    return {**head, "choices": [choice], "usage": usage}


def _chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "tiny"}
    return {**head, "choices": [choice]}
