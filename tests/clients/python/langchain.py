"""Both APIs as LangChain's ChatOpenAI uses them, with what it makes of a request and of an answer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from langchain_core.tools import tool  # type: ignore[import-not-found]
from langchain_openai import ChatOpenAI  # type: ignore[import-not-found]

from .connection import Forecast
from .target import Target, describe

QUESTION = [("system", "Be brief."), ("human", "hello")]


@tool(args_schema=Forecast)
def forecast(city: str, sunny: bool) -> str:
    """Tomorrow's weather."""
    return f"{city} {sunny}"


def invoke(target: Target, **settings: Any) -> dict[str, Any]:
    answer = _model(target, settings).invoke(QUESTION)
    return {"text": answer.text, "usage": answer.usage_metadata, "metadata": answer.response_metadata}


def stream(target: Target, **settings: Any) -> dict[str, Any]:
    """The pieces, and what LangChain adds up of them."""
    pieces = list(_model(target, settings).stream(QUESTION))
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    texts = [piece.text for piece in pieces if piece.text]
    return {"texts": texts, "usage": whole.usage_metadata, "metadata": whole.response_metadata}


def ask_for_a_type(target: Target, **settings: Any) -> dict[str, Any]:
    answer = _model(target, settings).with_structured_output(Forecast).invoke(QUESTION)
    if not isinstance(answer, Forecast):
        raise TypeError(f"not parsed: {answer!r}")
    return answer.model_dump(mode="json")


def call_a_tool(target: Target, streamed: bool, **settings: Any) -> list[Any]:
    """The tool's calls as LangChain reads them, from a whole answer or put together from a stream."""
    model = _model(target, settings).bind_tools([forecast], tool_choice="forecast", strict=True)
    if not streamed:
        return [dict(call) for call in model.invoke(QUESTION).tool_calls]
    pieces = list(model.stream(QUESTION))
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    return [dict(call) for call in whole.tool_calls]


def take_a_tools_result_back(target: Target, **settings: Any) -> int:
    """How many tokens the prompt has that holds a call and its result."""
    asking = _model(target, settings).bind_tools([forecast], tool_choice="forecast", strict=True)
    asked = asking.invoke(QUESTION)
    result = forecast.invoke(asked.tool_calls[0])
    answer = _model(target, settings | {"max_tokens": 1}).invoke([*QUESTION, asked, result])
    return int(answer.usage_metadata["input_tokens"])


def overflow(target: Target, words: int, **settings: Any) -> None:
    _model(target, settings).invoke("zq " * words)


def stream_to_failure(target: Target, message: str, **settings: Any) -> dict[str, Any]:
    """What came before the failure, and the failure."""
    received = ""
    try:
        for piece in _model(target, settings).stream(message):
            received += piece.text
    except Exception as error:  # LangChain passes on whatever is raised below it
        return {"received": received, "error": describe(error)}
    return {"received": received, "error": None}


def _model(target: Target, settings: dict[str, Any]) -> Any:
    return ChatOpenAI(model="tiny", timeout=60, **asdict(target), **settings)
