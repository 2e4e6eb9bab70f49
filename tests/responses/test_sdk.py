"""The official stream helper, which raises on what it cannot put together, reads every form of stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from openai import APIError, OpenAI
from openai.types.responses import Response

from tests.responses.asking import DONE, USAGE_CHUNK, adapter, call_chunk, chunk
from tests.responses.test_stream import likely

CALLED = (chunk("tool_calls"), USAGE_CHUNK, DONE)
STOPPED = (chunk("stop"), USAGE_CHUNK, DONE)
ENGINES: dict[str, tuple[bytes, ...]] = {
    "text": (chunk(role="assistant", content=""), chunk(content="a"), chunk(content="b"), *STOPPED),
    "nothing": STOPPED,
    "reasoning": (chunk(reasoning="wh"), chunk(reasoning="y"), chunk(content="a"), *STOPPED),
    "logprobs": (chunk(content="a", logprobs=likely("a")), *STOPPED),
    "interleaved": (
        chunk(content="a"),
        call_chunk("", index=0, id="c0", name="f"),
        call_chunk("", index=1, id="c1", name="g"),
        call_chunk('{"a":', index=0),
        call_chunk("{}", index=1),
        call_chunk("1}", index=0),
        *CALLED,
    ),
    "custom": (call_chunk("", index=0, id="c", name="shell"), call_chunk('{"input":"ls"}', index=0), *CALLED),
    "cut": (chunk(content="a"),),
}


class Server(BaseHTTPRequestHandler):
    """Streams what the engine named by the input says."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        engine = ENGINES[asked["input"]]
        first, relay = adapter(stream=True, tools=[{"type": "custom", "name": "shell"}]).stream()
        sent = first + b"".join(map(relay.feed, engine)) + relay.end()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *arguments: object) -> None:
        """Keeps quiet."""


@pytest.fixture(scope="module")
def client() -> Iterator[OpenAI]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        with OpenAI(base_url=url, api_key="none", max_retries=0) as connected:
            yield connected
        server.shutdown()


def collected(client: OpenAI, engine: str) -> Response:
    with client.responses.stream(model="tiny", input=engine) as stream:
        return stream.get_final_response()


@pytest.mark.parametrize(
    ("engine", "items"),
    [
        ("text", ["message"]),
        ("nothing", ["message"]),
        ("reasoning", ["reasoning", "message"]),
        ("logprobs", ["message"]),
        ("interleaved", ["message", "function_call", "function_call"]),
        ("custom", ["custom_tool_call"]),
    ],
)
def test_the_sdk_stream_helper_assembles_the_response(client: OpenAI, engine: str, items: list[str]) -> None:
    assert [item.type for item in collected(client, engine).output] == items


def test_the_sdk_stream_helper_raises_when_the_engine_breaks_off(client: OpenAI) -> None:
    with pytest.raises(APIError, match="stopped before the answer was complete"):
        collected(client, "cut")
