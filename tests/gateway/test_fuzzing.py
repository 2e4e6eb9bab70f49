"""What must never happen, on bytes that no client or engine should send (the targets are in `fuzzing`)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.fuzzing import Server, answer, events, values

_LINES = st.sampled_from(
    [
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n",
        b"POST http://x/v1/responses/ HTTP/1.0\r\n",
        b"GET /v1/models HTTP/1.1\r\nhost: x\r\n",
        b"HEAD /v1/models/ HTTP/1.1\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: x\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 503 No\r\n",
        b"HTTP/1.1 100 Continue\r\n",
        b"HTTP/1.1 204 No Content\r\n",
        b"content-length: 2\r\n",
        b"content-length: 99\r\n",
        b"transfer-encoding: chunked\r\n",
        b"connection: upgrade\r\nupgrade: h2c\r\n",
        b"connection: close\r\n",
        b"expect: 100-continue\r\n",
        b"host: x\r\n",
        b"\r\n",
        b"{}",
        b"2\r\n{}\r\n",
        b"0\r\n\r\n",
        b"0\r\na: b\r\n\r\n",
        b"5;x=y\r\n",
        b"a: b\r\n" * 60,
    ]
)
_EVENTS = st.sampled_from(
    [
        b"data: ",
        b"data: [DONE]\n\n",
        b'data: {"error": {"message": "x"}}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}]}}]}\n\n',
        b'data: {"choices":[{"delta":[]}]}\n\n',
        b'data: {"choices":null,"usage":{}}\n\n',
        b": ping\n",
        b"\n\n",
        b"{}",
    ]
)
_JSON = st.sampled_from(
    [b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b'"a":', b"1", b'"x",', b"{},", b" "]
)


def bytes_of(parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Known parts and any bytes in any order, cut at sizes that the first byte decides."""
    return st.lists(st.one_of(parts, st.binary(max_size=8)), max_size=40).map(b"".join)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def cut(data: bytes, size: int) -> bytes:
    return bytes([size]) + data


@settings(max_examples=300, deadline=None)
@given(data=bytes_of(_LINES), size=st.integers(0, 255))
def test_for_any_bytes_of_a_client_the_server_keeps_no_state(server: Server, data: bytes, size: int) -> None:
    server(cut(data, size))


@settings(max_examples=300, deadline=None)
@given(bytes_of(_LINES), st.integers(0, 255))
def test_for_any_bytes_of_an_engine_the_exchange_ends_exactly_once(data: bytes, size: int) -> None:
    answer(cut(data, size))


@settings(max_examples=300, deadline=None)
@given(bytes_of(_EVENTS), st.integers(0, 255))
def test_for_any_events_a_stream_ends_exactly_once(data: bytes, size: int) -> None:
    events(cut(data, size))


@settings(max_examples=500, deadline=None)
@given(bytes_of(_JSON).map(lambda data: b"{" + data + b"}"))
def test_for_any_json_text_the_number_of_values_is_counted_correctly(data: bytes) -> None:
    values(data)
