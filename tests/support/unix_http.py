"""An HTTP server on a Unix socket that passes for an engine: a gateway finds its model there, and streams.

Standard library only: the stand-in for vLLM is another interpreter's program.
"""

from __future__ import annotations

import json
import socketserver
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler
from typing import Any

MODELS = {"object": "list", "data": [{"id": "tiny", "object": "model", "max_model_len": 1024}]}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


class UnixServer(socketserver.ThreadingUnixStreamServer):
    """The server; its address is the socket's path."""

    daemon_threads = True
    request_queue_size = 64


class EngineHandler(BaseHTTPRequestHandler):
    """Answers every GET as a healthy engine does; a subclass has `do_POST`."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.client_address = ("gateway", 0)  # a Unix socket has no address to log

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class calls it so)
        pass

    def do_GET(self) -> None:
        self.send_whole(200, MODELS if self.path == "/v1/models" else {})

    def read_body(self) -> dict[str, Any]:
        """The request's document."""
        body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["content-length"])))
        return body

    def send_whole(self, status: int, document: Any) -> None:
        """An answer in one piece."""
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self, chunks: Iterable[dict[str, Any]]) -> None:
        """The head and the first events of a stream."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for chunk in chunks:
            self.send_event(json.dumps(chunk))

    def send_event(self, data: str) -> None:
        """One event of a stream."""
        event = f"data: {data}\n\n".encode()
        self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")

    def end_stream(self) -> None:
        """The end of a stream."""
        self.wfile.write(b"0\r\n\r\n")


def last_message(body: dict[str, Any]) -> str:
    """The text of a chat request's last message: what it asks this engine to do."""
    content = body["messages"][-1]["content"]
    return str(content if isinstance(content, str) else content[0]["text"])


def completion(text: str) -> dict[str, Any]:
    """A whole chat completion."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "tiny"}
    return {**head, "choices": [choice], "usage": USAGE}


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    """One chunk of a chat completion."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "tiny"}
    return {**head, "choices": [choice]}
