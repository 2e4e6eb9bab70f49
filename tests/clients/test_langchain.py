"""LangChain on both APIs, through the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.driver import Application, Client, ClientError, langchain
from tests.clients.requests import TERSE, assert_forecast
from tests.gateway.process import Gateway, GatewayProcess
from tests.support.manifests import CONTEXT_TOKENS

CUT: dict[str, Any] = {"max_tokens": 12, "temperature": 0}
STRUCTURED: dict[str, Any] = {"max_tokens": 200, "temperature": TERSE["temperature"]}
APIS: dict[str, dict[str, Any]] = {
    "chat": {"frequency_penalty": TERSE["frequency_penalty"]},
    # LangChain has no setting for a penalty there.
    "responses": {"use_responses_api": True, "extra_body": {"frequency_penalty": TERSE["frequency_penalty"]}},
}


@pytest.fixture(scope="module")
def chain() -> Iterator[Client]:
    running = langchain()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def app(chain: Client, gateway: Gateway) -> Application:
    return Application(chain, gateway.api_port)


@pytest.mark.engine
@pytest.mark.parametrize("api", APIS)
def test_a_client_reads_an_answer(app: Application, api: str) -> None:
    answer = app("langchain.invoke", **APIS[api], **CUT)

    assert answer["text"]
    assert answer["usage"]["output_tokens"] == 12


@pytest.mark.engine
@pytest.mark.parametrize("api", APIS)
def test_a_streamed_answer_equals_the_unstreamed_answer(app: Application, api: str) -> None:
    streamed = app("langchain.stream", **APIS[api], **CUT)

    # Of how many pieces is the engine's choice: it joins tokens that its server has not sent yet.
    assert "".join(streamed["texts"]) == app("langchain.invoke", **APIS[api], **CUT)["text"]


@pytest.mark.engine
def test_a_chat_stream_ends_with_usage_if_requested(app: Application) -> None:
    assert app("langchain.stream", **CUT, stream_usage=True)["usage"]["output_tokens"] == 12


@pytest.mark.engine
def test_a_truncated_answer_has_finish_reason_length(app: Application) -> None:
    assert app("langchain.invoke", **CUT)["metadata"]["finish_reason"] == "length"
    assert app("langchain.stream", **CUT)["metadata"]["finish_reason"] == "length"


@pytest.mark.engine
@pytest.mark.parametrize("api", APIS)
def test_an_answer_is_parsed_into_the_applications_type(app: Application, api: str) -> None:
    assert_forecast(app("langchain.ask_for_a_type", **APIS[api], **STRUCTURED))


@pytest.mark.engine
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("api", APIS)
def test_a_client_receives_a_tool_call(app: Application, api: str, streamed: bool) -> None:
    (call,) = app("langchain.call_a_tool", streamed=streamed, **APIS[api], **STRUCTURED)

    assert call["name"] == "forecast"
    assert call["id"]
    assert_forecast(call["args"])


@pytest.mark.engine
@pytest.mark.parametrize("api", APIS)
def test_a_tool_result_is_accepted(app: Application, api: str) -> None:
    before = app("langchain.invoke", **APIS[api], **CUT)["usage"]["input_tokens"]

    assert app("langchain.take_a_tools_result_back", **APIS[api], **STRUCTURED) > before


@pytest.mark.engine
@pytest.mark.parametrize("api", APIS)
def test_a_prompt_above_the_context_raises_the_context_error_of_the_client(
    app: Application, api: str
) -> None:
    with pytest.raises(ClientError) as caught:
        app("langchain.overflow", words=CONTEXT_TOKENS, **APIS[api])

    # LangChain derives it from the error's code; chains that shorten the history catch it.
    assert "ContextOverflowError" in caught.value.kinds


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("failure", ["cut", "error", "unfinished"])
def test_a_broken_stream_raises_in_the_client(
    chain: Client, failing_gateway: GatewayProcess, api: str, failure: str
) -> None:
    failing = Application(chain, failing_gateway.api_port)
    outcome = failing("langchain.stream_to_failure", message=failure, **APIS[api])

    assert outcome["received"] == "ab"
    assert outcome["error"] is not None
    assert outcome["error"]["code"] == "engine_error"
