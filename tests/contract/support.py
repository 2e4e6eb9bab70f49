"""Short ways to ask the contract: what the engine gets of a request, and how one is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairlead_gateway.contract.api_adapter import Call
from fairlead_gateway.contract.chat import ChatAdapter
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.policy import EngineFacts, RequestPolicy, make_policy
from fairlead_gateway.contract.request import PreparedChat, prepare_chat

SERVED = ("tiny", "small")
MINIMAL: dict[str, Any] = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}
CALL = Call("0123456789abcdef" * 2, lambda: 1_700_000_000)


def policy(dialect: str = "OpenAI", **facts: Any) -> RequestPolicy:
    return make_policy(SERVED, dialect, engine=EngineFacts(**facts))


OPENAI = policy()


def request(using: RequestPolicy = OPENAI, /, **changes: Any) -> PreparedChat:
    return prepare_chat(json.dumps(MINIMAL | changes).encode(), using)


def sent(using: RequestPolicy = OPENAI, /, **changes: Any) -> dict[str, Any]:
    """What the engine gets beyond model and messages."""
    document: dict[str, Any] = json.loads(request(using, **changes).body)
    return {name: value for name, value in document.items() if name not in MINIMAL}


def refusal(using: RequestPolicy = OPENAI, /, **changes: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        request(using, **changes)
    assert caught.value.status == 400
    return caught.value


def adapter(using: RequestPolicy = OPENAI, /, **changes: Any) -> ChatAdapter:
    return ChatAdapter(json.dumps(MINIMAL | changes).encode(), using, CALL)
