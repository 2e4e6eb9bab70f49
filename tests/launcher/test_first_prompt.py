"""The first prompt: an engine that is healthy and fails for every request is ended with the cause."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.models.tiny import make_model
from fairlead_launcher.first_prompt import NO_TEXT, find_template_failure
from tests.launcher.support import Launch, await_condition
from tests.support.engine import Engine
from tests.support.manifests import EAGER, NAME

# How vLLM 0.32 logs the failure of its own first prompt, shortened.
WARMUP = """\
(APIServer pid=7) WARNING 11-30 12:57:08 [base.py:380] Chat template warmup failed
(APIServer pid=7) WARNING 11-30 12:57:08 [base.py:380] Traceback (most recent call last):
(APIServer pid=7) WARNING 11-30 12:57:08 [base.py:380]   File "/x/vllm/renderers/base.py", line 373, in warmup
(APIServer pid=7) WARNING 11-30 12:57:08 [base.py:380]     self.render_chat([[{"role": "user"}]], chat_params)
(APIServer pid=7) WARNING 11-30 12:57:08 [base.py:380]   File "<template>", line 3, in top-level template code
(APIServer pid=7) WARNING 11-30 12:57:08 [base.py:380] %s
(APIServer pid=7) WARNING 11-30 12:57:08 [base.py:380] The above exception was the direct cause of
(APIServer pid=7) WARNING 11-30 12:57:08 [base.py:380] vllm.exceptions.VLLMValidationError: about it
"""
MISSING = (
    "As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat "
    "template if the tokenizer does not define one."
)


def failure(problem: str | None, error: str = "", *arguments: str) -> tuple[str, str] | None:
    return find_template_failure(problem, (WARMUP % error).splitlines() if error else [], arguments)


def test_a_chat_template_error_is_reported_with_its_class_and_line() -> None:
    cause = failure("'nofunc' is undefined", "jinja2.exceptions.UndefinedError: 'nofunc' is undefined")

    assert cause == (
        "ChatTemplateInvalid",
        "The chat template of the model's tokenizer fails for every request: UndefinedError: 'nofunc' is "
        "undefined (line 3)",
    )


def test_an_error_in_code_called_by_a_chat_template_is_a_template_error() -> None:
    cause = failure("can only concatenate str", "TypeError: can only concatenate str")

    assert cause is not None
    assert cause[1].endswith("TypeError: can only concatenate str (line 3)")


def test_an_error_outside_the_chat_template_is_not_a_template_error() -> None:
    log = [line for line in (WARMUP % "ValueError: an image is undefined").splitlines() if "<" not in line]

    assert find_template_failure("an image is undefined", log, []) is None


def test_an_error_in_the_specs_chat_template_names_the_spec() -> None:
    error = "jinja2.exceptions.TemplateSyntaxError: unexpected '}'"
    cause = failure("unexpected '}'", error, "--chat-template", "/etc/fairlead/chat-template/t.jinja")

    assert cause is not None
    assert "The chat template of --chat-template fails" in cause[1]


@pytest.mark.parametrize(
    "problem",
    [
        "unexpected '}'",
        "unexpected end of template, expected 'end of print statement'.",
        "'nofunc' is undefined",
        "'dict object' has no attribute 'a'",
        "No filter named 'nofilter'.\n  File \"<introspection>\", line 1",
        "Encountered unknown tag 'frob'.",
        NO_TEXT,
    ],
)
def test_a_template_error_without_an_exception_class_is_recognized_by_its_message(problem: str) -> None:
    cause = failure(problem)

    assert cause is not None
    assert cause[0] == "ChatTemplateInvalid"


@pytest.mark.parametrize(
    ("problem", "error"),
    [
        ("roles must alternate", "jinja2.exceptions.TemplateError: roles must alternate"),
        ("a tool is undefined", "jinja2.exceptions.TemplateError: a tool is undefined"),
        ("roles must alternate", ""),
        ("The model does not exist.", ""),
    ],
)
def test_a_chat_template_that_refuses_the_conversation_is_not_a_failure(problem: str, error: str) -> None:
    assert failure(problem, error) is None


def test_a_model_without_a_template_needs_one_unless_requests_may_bring_theirs() -> None:
    assert failure(MISSING) == ("ChatTemplateMissing", MISSING)
    assert failure(MISSING, "", "--trust-request-chat-template") is None


SERVER = """\
import http.server, json, signal, socketserver, sys, threading

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def do_GET(self):
        self.answer(200, {})
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/tokenize" and asked["messages"][0]["role"] == "user"
        self.answer(*ANSWER)
    def address_string(self):
        return ""
    def log_message(self, *_):
        pass

server = socketserver.UnixStreamServer(sys.argv[2], Handler)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server.serve_forever()
"""


def server(status: int, body: object) -> str:
    """An engine that answers to the first prompt in this way."""
    return f"ANSWER = {(status, body)!r}\n{SERVER}"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"count": 3}),
        (400, {"error": {"message": "roles must alternate"}}),
        (404, {"detail": "Not Found"}),
        (500, {"error": {"message": "'x' is undefined"}}),
        (200, []),
    ],
)
def test_an_engine_that_renders_a_prompt_is_ready(launch: Launch, status: int, body: object) -> None:
    run = launch(server(status, body))
    await_condition("the first prompt", lambda: run.started() and run.state()["promptRendered"])

    assert run.state()["phase"] == "Running"
    assert run.process.poll() is None


def test_an_engine_that_is_not_healthy_yet_is_sent_no_first_prompt(launch: Launch) -> None:
    run = launch("import signal; print('up', flush=True); signal.pause()")
    assert run.read_line() == b"up\n"

    assert run.state()["promptRendered"] is False


def test_an_engine_whose_chat_template_fails_is_stopped_with_the_cause(launch: Launch) -> None:
    run = launch(server(400, {"error": {"message": "unexpected '}'"}}))

    assert run.finish()[0] == 1
    message = json.loads(run.termination_log.read_bytes())
    assert message["reason"] == "ChatTemplateInvalid"
    assert "unexpected '}'" in message["message"]
    assert run.state()["promptRendered"] is False


@pytest.fixture
def failing_engine(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine with this chat template in its tokenizer's files, or none."""
    model = make_model(tmp_path / NAME)
    (model / "chat_template.jinja").unlink(missing_ok=True)
    config = json.loads((model / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (model / "tokenizer_config.json").write_text(json.dumps(config))
    if request.param:
        (model / "chat_template.jinja").write_text(request.param)
    engine = Engine(EAGER, tmp_path)
    yield engine
    engine.stop()


@pytest.mark.engine
@pytest.mark.parametrize(
    ("failing_engine", "reason", "telling"),
    [
        (
            "{% for m in messages %}\n{{ m.content }\n{% endfor %}",
            "ChatTemplateInvalid",
            "TemplateSyntaxError: unexpected '}' (line 2)",
        ),
        ("{{ messages[0].content }}\n{{ nofunc() }}", "ChatTemplateInvalid", "'nofunc' is undefined"),
        ("", "ChatTemplateMissing", "must provide a chat template"),
    ],
    indirect=["failing_engine"],
    ids=["syntax-error", "undefined-function", "none"],
)
def test_a_real_engine_that_would_fail_every_request_reports_the_cause(
    failing_engine: Engine, reason: str, telling: str
) -> None:
    failing_engine.run.wait_until("vllm ended with exit code ")

    assert f": {reason}: " in failing_engine.run.messages
    assert telling in failing_engine.run.messages


@pytest.mark.engine
def test_a_real_engine_that_serves_has_rendered_a_prompt(engine: Engine) -> None:
    await_condition("the first prompt", lambda: bool(engine.state()["promptRendered"]))
