"""OpenAI's parameters without effect here: they change nothing, and the answer says that they do not."""

from __future__ import annotations

from typing import Any

from fairlead_contract.parameters import ApiKind
from tests.effects.endpoint import IGNORED_HEADER, Endpoint
from tests.effects.registry import effect


def _is_ignored(endpoint: Endpoint, name: str, value: Any) -> None:
    answer = endpoint.ask(**{name: value})

    assert name in answer.headers[IGNORED_HEADER].split(",")
    assert answer.text == endpoint.greedy().text


def _is_repeated(endpoint: Endpoint, name: str, value: Any) -> None:
    answer = endpoint.ask(**{name: value})

    assert answer.document[name] == value
    assert name not in answer.headers.get(IGNORED_HEADER, "")


@effect("metadata")
def metadata(endpoint: Endpoint) -> None:
    """Responses repeats it."""
    if endpoint.api is ApiKind.RESPONSES:
        _is_repeated(endpoint, "metadata", {"a": "b"})
    else:
        _is_ignored(endpoint, "metadata", {"a": "b"})


@effect("store")
def store(endpoint: Endpoint) -> None:
    """Nothing is stored, and a Response says so."""
    if endpoint.api is ApiKind.RESPONSES:
        answer = endpoint.ask(store=True)
        assert answer.document["store"] is False
        assert "store" in answer.headers[IGNORED_HEADER].split(",")
    else:
        _is_ignored(endpoint, "store", True)


@effect("service_tier")
def service_tier(endpoint: Endpoint) -> None:
    """There is one tier, which a Response names whichever was asked for."""
    if endpoint.api is ApiKind.RESPONSES:
        assert endpoint.ask(service_tier="flex").document["service_tier"] == "default"
    else:
        _is_ignored(endpoint, "service_tier", "flex")


@effect("safety_identifier")
def safety_identifier(endpoint: Endpoint) -> None:
    """Responses repeats it."""
    if endpoint.api is ApiKind.RESPONSES:
        _is_repeated(endpoint, "safety_identifier", "someone")
    else:
        _is_ignored(endpoint, "safety_identifier", "someone")


@effect("prompt_cache_key")
def prompt_cache_key(endpoint: Endpoint) -> None:
    """Responses repeats it."""
    if endpoint.api is ApiKind.RESPONSES:
        _is_repeated(endpoint, "prompt_cache_key", "mine")
    else:
        _is_ignored(endpoint, "prompt_cache_key", "mine")


@effect("prompt_cache_retention")
def prompt_cache_retention(endpoint: Endpoint) -> None:
    """The engine decides how long a prefix stays in its cache."""
    _is_ignored(endpoint, "prompt_cache_retention", "24h")


@effect("modalities", apis=(ApiKind.CHAT,))
def modalities(endpoint: Endpoint) -> None:
    """Text is what there is; anything else cannot be had."""
    assert endpoint.ask(modalities=["text"]).text == endpoint.greedy().text
    assert (endpoint.refused(modalities=["text", "audio"]).param or "").startswith("modalities")


@effect("prediction", apis=(ApiKind.CHAT,))
def prediction(endpoint: Endpoint) -> None:
    """Changes no answer, at OpenAI neither."""
    _is_ignored(endpoint, "prediction", {"type": "content", "content": "text"})


@effect("verbosity", apis=(ApiKind.CHAT,))
def verbosity(endpoint: Endpoint) -> None:
    """Only OpenAI's models know it."""
    _is_ignored(endpoint, "verbosity", "low")


@effect("stream_options", apis=(ApiKind.RESPONSES,))
def responses_stream_options(endpoint: Endpoint) -> None:
    """OpenAI's obfuscation of streams is not done here."""
    reply = endpoint.send(endpoint.body(stream=True, stream_options={"include_obfuscation": True}))

    assert reply.status == 200
    assert "stream_options" in reply.headers[IGNORED_HEADER].split(",")
    assert b"obfuscation" not in reply.body


@effect("background", apis=(ApiKind.RESPONSES,))
def background(endpoint: Endpoint) -> None:
    """Answers are not kept for later, so only false can be had."""
    assert endpoint.ask(background=False).text == endpoint.greedy().text
    assert endpoint.refused(background=True).param == "background"
