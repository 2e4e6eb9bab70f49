"""One API of one dialect, served by a real gateway in front of a real engine: what a check talks to."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fairlead_contract.dialects import Dialect
from fairlead_contract.parameters import ApiKind
from tests.effects.answers import (
    Answer,
    JsonObject,
    Refusal,
    Reply,
    events_of,
    read_answer,
    read_refusal,
)
from tests.effects.gateways import Gateway, Site, Sites

MODEL = "tiny"
PROMPT = "hello"
IGNORED_HEADER = "x-fairlead-ignored-params"
STANDARD_PATHS = {ApiKind.CHAT: "/v1/chat/completions", ApiKind.RESPONSES: "/v1/responses"}


class Endpoint:
    """Sends requests as the documents of the dialect have them.

    Unless a check says otherwise a request is greedy and short, so that answers repeat and tests are fast.
    A parameter that is None is left out.
    """

    def __init__(self, gateways: Sites, site: Site, dialect: Dialect, api: ApiKind) -> None:
        self.dialect, self.api = dialect, api
        self._gateways, self._site = gateways, site
        self.documented = {
            parameter.name: parameter.value
            for document in dialect.documents
            if document.api is api
            for parameter in document.parameters
        }
        self.limit = "max_tokens" if "max_tokens" in self.documented else "max_output_tokens"
        """The name of the parameter that bounds the answer's length."""
        self.coldest = getattr(self.documented.get("temperature"), "minimum", None) or 0
        """The lowest temperature that the document allows: low enough to be greedy."""
        own = [path for path, served in dialect.paths.items() if served is api]
        self.path = own[0] if own else STANDARD_PATHS[api]

    @property
    def gateway(self) -> Gateway:
        """The gateway, started on first use."""
        return self._gateways.get(self._site)

    def over(self, api: ApiKind) -> Endpoint:
        """The same deployment over the other API."""
        return Endpoint(self._gateways, self._site, self.dialect, api)

    def allowing_templates(self) -> Endpoint:
        """The same API of a deployment that lets requests bring chat templates."""
        site = self._site.allowing_templates()
        return Endpoint(self._gateways, site, self.dialect, self.api)

    def on_second_engine(self) -> Endpoint:
        """The same API on the engine that thinks, schedules by priority and uses outlines."""
        return Endpoint(self._gateways, self._site.second(), self.dialect, self.api)

    # Requests

    def prompt(self, text: str) -> JsonObject:
        """The parameter that carries one user message."""
        if self.api is ApiKind.RESPONSES:
            return {"input": text}
        return {"messages": [{"role": "user", "content": text}]}

    def body(self, prompt: str = PROMPT, /, **parameters: Any) -> JsonObject:
        """A whole request body."""
        usual = {"model": MODEL, **self.prompt(prompt), "temperature": self.coldest, self.limit: 8}
        return {name: value for name, value in (usual | parameters).items() if value is not None}

    def send(self, body: JsonObject, headers: dict[str, str] | None = None) -> Reply:
        """Sends a body as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.api_port, timeout=120)
        try:
            sent = {"content-type": "application/json"} | (headers or {})
            connection.request("POST", self.path, json.dumps(body), sent)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, names, answer.read())
        finally:
            connection.close()

    @contextmanager
    def streaming(self, **parameters: Any) -> Iterator[None]:
        """A stream that has begun; the client goes away at the end of the block."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.api_port, timeout=120)
        try:
            body = json.dumps(self.body(stream=True, **parameters))
            connection.request("POST", self.path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            assert answer.status == 200
            answer.readline()
            yield
        finally:
            connection.close()

    def ask(self, prompt: str = PROMPT, /, **parameters: Any) -> Answer:
        """The answer to a request that must succeed."""
        return read_answer(self.api, self.send(self.body(prompt, **parameters)))

    def refused(self, prompt: str = PROMPT, /, **parameters: Any) -> Refusal:
        """The error of a request that must be a 400."""
        refusal = read_refusal(self.send(self.body(prompt, **parameters)))
        assert refusal.status == 400, refusal
        return refusal

    def trace(self, prompt: str = PROMPT, /, **parameters: Any) -> Answer:
        """The answer with the IDs and log probabilities of its tokens."""
        wanted: JsonObject = {"top_logprobs": 0, "return_tokens_as_token_ids": True}
        if self.api is ApiKind.CHAT:
            wanted["logprobs"] = True
        else:
            wanted["include"] = ["message.output_text.logprobs"]
        return self.ask(prompt, **wanted | parameters)

    def greedy(self, tokens: int = 8, prompt: str = PROMPT) -> Answer:
        """The traced answer of the likeliest tokens: what other answers are compared with."""
        key = (self.path, self._site, prompt, tokens)
        if key not in self._gateways.remembered:
            self._gateways.remembered[key] = self.trace(prompt, **{self.limit: tokens})
        remembered: Answer = self._gateways.remembered[key]
        return remembered

    def events(self, prompt: str = PROMPT, /, **parameters: Any) -> list[JsonObject]:
        """The events of a streamed answer."""
        reply = self.send(self.body(prompt, stream=True, **parameters))
        assert reply.status == 200, reply.body.decode()
        assert reply.headers["content-type"].startswith("text/event-stream")
        return events_of(reply.body)

    # Where the two APIs write the same thing differently

    def schema_format(self, schema: JsonObject) -> JsonObject:
        """The parameter that binds the answer to a JSON schema, OpenAI's way."""
        if self.api is ApiKind.CHAT:
            wrapped = {"name": "answer", "schema": schema, "strict": True}
            return {"response_format": {"type": "json_schema", "json_schema": wrapped}}
        named = {"type": "json_schema", "name": "answer", "schema": schema, "strict": True}
        return {"text": {"format": named}}

    def function(self, name: str, parameters: JsonObject, strict: bool) -> JsonObject:
        """A tool."""
        described = {"name": name, "description": name, "parameters": parameters, "strict": strict}
        return (
            {"type": "function", "function": described}
            if self.api is ApiKind.CHAT
            else {"type": "function", **described}
        )

    def chosen(self, name: str) -> JsonObject:
        """The value of tool_choice that names a function."""
        if self.api is ApiKind.CHAT:
            return {"type": "function", "function": {"name": name}}
        return {"type": "function", "name": name}
