"""The relay of a chat stream: not a byte lost or doubled, and never a clean end after a failure."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead_gateway.contract.sse import ChatRelay
from tests.gateway.scripted import CHUNK

DONE = b"data: [DONE]\n\n"
ENGINE_ERROR = (
    b'data: {"error": {"message": "boom", "type": "InternalServerError", "param": null, "code": 500}}\n\n'
)


def relay(*pieces: bytes) -> tuple[bytes, ChatRelay]:
    machine = ChatRelay()
    sent = b"".join(machine.feed(piece) for piece in pieces)
    return sent + machine.end(), machine


def last_error(sent: bytes) -> dict[str, object]:
    event = sent.split(b"\n\n")[-2]
    error: dict[str, object] = json.loads(event.removeprefix(b"data: "))["error"]
    return error


def test_a_complete_stream_is_forwarded_byte_for_byte() -> None:
    assert relay(CHUNK, CHUNK + DONE)[0] == CHUNK + CHUNK + DONE


@given(st.lists(st.integers(0, len(CHUNK) * 2 + len(DONE)), max_size=12))
def test_where_the_bytes_are_cut_does_not_matter(cuts: list[int]) -> None:
    stream = CHUNK + CHUNK + DONE
    places = [0, *sorted(cuts), len(stream)]
    pieces = [stream[begin:end] for begin, end in itertools.pairwise(places)]

    assert relay(*pieces)[0] == stream


def test_an_event_is_never_sent_in_part() -> None:
    machine = ChatRelay()

    assert machine.feed(CHUNK + CHUNK[:20]) == CHUNK


@pytest.mark.parametrize("pieces", [(), (CHUNK,), (CHUNK, CHUNK[:30])])
def test_a_stream_that_breaks_off_ends_in_an_error(pieces: tuple[bytes, ...]) -> None:
    assert last_error(relay(*pieces)[0])["type"] == "server_error"


def test_an_engine_error_is_the_last_event_and_in_our_envelope() -> None:
    sent, machine = relay(CHUNK, ENGINE_ERROR + DONE)

    assert sent.startswith(CHUNK)
    assert last_error(sent) == {
        "message": "boom",
        "type": "server_error",
        "param": None,
        "code": "engine_error",
    }
    assert DONE not in sent
    assert machine.finished


def test_text_that_looks_like_an_end_marker_does_not_end_the_stream() -> None:
    chunk = CHUNK.replace(b'"a"', json.dumps('\n\ndata: [DONE]\n\ndata: {"error"').encode())

    assert relay(chunk, CHUNK, DONE)[0] == chunk + CHUNK + DONE
