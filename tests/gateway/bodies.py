"""Requests to both generation APIs, and an engine's answer to them."""

from __future__ import annotations

from typing import Any

from tests.gateway.scripted import CHUNK

CHAT_PATH, RESPONSES_PATH = "/v1/chat/completions", "/v1/responses"
CHAT: dict[str, Any] = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}
RESPONSE: dict[str, Any] = {"model": "tiny", "input": "hi"}
GENERATIONS = [(CHAT_PATH, CHAT), (RESPONSES_PATH, RESPONSE)]
COMPLETION = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"tiny","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":3,"total_tokens":5,"completion_tokens":2}}'
)
LAST_CHUNK = CHUNK.replace(b'"finish_reason":null', b'"finish_reason":"stop"')
STREAM = CHUNK + LAST_CHUNK + b"data: [DONE]\n\n"
