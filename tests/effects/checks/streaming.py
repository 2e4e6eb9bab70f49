"""Streams say what whole answers say."""

from __future__ import annotations

from fairlead_contract.parameters import ApiKind
from tests.effects.endpoint import Endpoint
from tests.effects.registry import effect


@effect("stream", apis=(ApiKind.CHAT,))
def stream(endpoint: Endpoint) -> None:
    """The pieces make up the whole answer, the last one says why it ended, then comes the end marker."""
    chunks = endpoint.events()

    pieces = [chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks]
    assert "".join(pieces) == endpoint.greedy().text
    assert sum(map(bool, pieces)) > 1
    assert [chunk["choices"][0].get("finish_reason") for chunk in chunks] == [None] * (len(chunks) - 1) + [
        "length"
    ]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert endpoint.send(endpoint.body(stream=True)).body.endswith(b"data: [DONE]\n\n")
    assert endpoint.ask(stream=False).text == endpoint.greedy().text


@effect("stream", apis=(ApiKind.RESPONSES,))
def responses_stream(endpoint: Endpoint) -> None:
    """The deltas make up the whole answer, events are counted, and the last one holds the Response."""
    events = endpoint.events()

    deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    assert "".join(deltas) == endpoint.greedy().text
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [events[0]["type"], events[-1]["type"]] == ["response.created", "response.incomplete"]
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == endpoint.greedy().text
    assert endpoint.ask(stream=False).text == endpoint.greedy().text


@effect("stream_options", apis=(ApiKind.CHAT,))
def stream_options(endpoint: Endpoint) -> None:
    """include_usage adds a last chunk with the usage; without a stream there is nothing to set."""
    *chunks, last = endpoint.events(stream_options={"include_usage": True})

    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 8
    assert not any(chunk.get("usage") for chunk in (*chunks, *endpoint.events(stream_options={})))
    assert endpoint.refused(stream_options={"include_usage": True}).param == "stream_options"
