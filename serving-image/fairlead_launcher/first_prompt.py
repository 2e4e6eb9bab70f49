"""The first prompt: whether a healthy engine answers requests, too."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from fairlead_launcher.arguments import values_of
from fairlead_launcher.bounds import ENGINE_ANSWER_BYTES, FIRST_PROMPT_SECONDS, HEALTH_SECONDS
from fairlead_launcher.causes import Cause
from fairlead_launcher.engine_log import EXCEPTION_LINE, clean, shorten

FIRST_MESSAGE = {"role": "user", "content": "hi"}
NO_TEXT = "it renders no text"
# How a traceback names a place in a template, and Jinja's errors of invalid templates.
_TEMPLATE_LINE = re.compile(r'  File "<[^>]*>", line (\d+), in (?:template|top-level template code|block)')
_JINJA_ERRORS = ("TemplateAssertionError", "TemplateSyntaxError", "UndefinedError", "SecurityError")
_JINJA_WORDS = re.compile(
    r"is undefined|has no (?:attribute|element) '|^unexpected (?:'.'|char|end of template)|^expected token "
    r"|Encountered unknown tag|No (?:filter|test) named|Missing end of|^Unexpected end of template"
)


def engine_request(path: Path, method: str, target: str, body: object, timeout: float) -> tuple[int, bytes]:
    """Status and body of one request to the engine. Raises OSError or HTTPException."""
    connection = http.client.HTTPConnection("engine", timeout=timeout)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(timeout)
        connection.sock.connect(str(path))
        connection.request(method, target, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read(ENGINE_ANSWER_BYTES)
    finally:
        connection.close()


def is_healthy(path: Path) -> bool:
    """Whether the engine has started. It does not listen before."""
    with suppress(OSError, http.client.HTTPException):
        return engine_request(path, "GET", "/health", None, HEALTH_SECONDS)[0] == 200
    return False


def first_prompt_problem(path: Path) -> str | None:
    """The engine's error about a plain user message, None without one.

    `/tokenize` renders a conversation as the chat API does, and leaves out the model. A vLLM without it, or
    with another form of answer, counts as no error.
    """
    try:
        status, body = engine_request(
            path, "POST", "/tokenize", {"messages": [FIRST_MESSAGE]}, FIRST_PROMPT_SECONDS
        )
        answer = json.loads(body)
        if status == 200:
            return NO_TEXT if answer.get("count") == 0 else None
        return str(answer.get("error", answer)["message"]) if status == 400 else None
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError):
        return None


def find_template_failure(
    problem: str | None, lines: Iterable[str], arguments: Sequence[str]
) -> Cause | None:
    """The cause, if the chat template fails for every conversation.

    `problem` is the engine's error about the first prompt, `lines` its log, in which newer releases render a
    prompt of their own, with the class of the error and its place. A template that refuses this conversation
    with `raise_exception` may have others in mind: that is no failure.
    """
    if problem is None:
        return None
    if "must provide a chat template" in problem:
        allowed = "--trust-request-chat-template" in arguments
        return None if allowed else Cause("ChatTemplateMissing", shorten(problem))
    kind, line = _template_error(lines)
    # Other errors are not the template's: a model may refuse a conversation without a picture.
    failed = bool(line or kind in _JINJA_ERRORS) if kind else bool(_JINJA_WORDS.search(problem))
    if kind == "TemplateError" or not (failed or problem == NO_TEXT):
        return None
    source = "of --chat-template" if values_of("--chat-template", arguments) else "of the model's tokenizer"
    text = ": ".join(filter(None, [kind, problem])) + (f" (line {line})" if line else "")
    return Cause(
        "ChatTemplateInvalid", shorten(f"The chat template {source} fails for every request: {text}")
    )


def _template_error(lines: Iterable[str]) -> tuple[str, str]:
    """Class and line of the error with which vLLM's own first prompt failed, as its log has them."""
    kind, line, begun = "", "", False
    for text in map(clean, lines):
        if not begun:
            begun = "Chat template warmup failed" in text
        elif place := _TEMPLATE_LINE.match(text):
            line = place[1]
        elif error := EXCEPTION_LINE.match(text):
            # The first one is the root; the others are about it.
            kind = error[1].rpartition(".")[2]
            break
    return kind, line
