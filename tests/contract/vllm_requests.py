"""vLLM's own check of chat requests, in a process that imports vLLM and starts no engine."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.support.engine import install_vllm

# What its HTTP handlers do with a request that they refuse. Prompts are made for both forms that the content
# can have in a chat template; media are not decoded.
_CHECK = """
import asyncio, json, logging, sys
from types import SimpleNamespace
from unittest.mock import MagicMock
logging.disable(logging.CRITICAL)
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.entrypoints.serve.exception_handling.error_response import create_error_response
from vllm.entrypoints.serve.exception_handling.handlers.validation import validation_exception_handler
from vllm.renderers import chat_utils

class Config:
    enable_prompt_embeds = False
    multimodal_config = None

class Parser(MagicMock):
    model_config = Config()
    def mm_placeholder_storage(self):
        return {}

chat_utils.MultiModalItemTracker.create_parser = lambda self, **_: Parser()
app = SimpleNamespace(state=SimpleNamespace(args=SimpleNamespace(log_error_stack=False)))

def refused(line):
    for content in ("string", "openai"):
        try:
            request = ChatCompletionRequest.model_validate(json.loads(line))
        except ValidationError as error:
            found = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
            handled = validation_exception_handler(SimpleNamespace(app=app), RequestValidationError(found))
            return json.loads(asyncio.run(handled).body)
        except Exception as error:
            return create_error_response(error).model_dump()
        try:
            chat_utils.parse_chat_messages(request.messages, Config(), content)
        except Exception as error:
            return create_error_response(error).model_dump()

print("ready", flush=True)
for line in sys.stdin:
    print(json.dumps(refused(line)), flush=True)
"""


class VllmRequests:
    """Asks vLLM about one request after another."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [str(install_vllm()), "-c", _CHECK],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._read() != "ready":
            raise RuntimeError("vLLM could not be imported")

    def error(self, **body: Any) -> dict[str, Any] | None:
        """vLLM's error answer to a request; None if it can make a prompt of it."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(body) + "\n")
        self._process.stdin.flush()
        error: dict[str, Any] | None = json.loads(self._read())
        return error

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()

    def _read(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().rstrip("\n")
