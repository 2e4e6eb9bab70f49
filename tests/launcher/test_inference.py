"""The launcher with a model that says nothing of its parsers: what it adds to vLLM's arguments.

A folder stands for the vLLM of the image: the launcher reads there which parsers are registered.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fairlead_launcher.first_prompt import engine_request
from fairlead_launcher.parsers import REASONING, TOOL_CALLS
from tests.launcher.support import Run
from tests.launcher.test_parsers import HERMES, HYBRID, LLAMA3
from tests.support.engine import Engine

SHOW_ARGUMENTS = "import sys; print(*sys.argv[3:])"
REGISTERED = sorted({family.parser for family in (*TOOL_CALLS, *REASONING)})
HERMES_ARGUMENTS = ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]
QWEN3_ARGUMENTS = ["--reasoning-parser", "qwen3"]

Start = Callable[..., Run]


def make_vllm(folder: Path, parsers: list[str]) -> None:
    """The modules in which vLLM registers its parsers."""
    for place in ("tool_parsers", "reasoning"):
        module = folder / "vllm" / place / "__init__.py"
        module.parent.mkdir(parents=True)
        module.write_text(
            "\n".join(["TABLE = {", *(f'    "{name}": ("m", "C"),' for name in parsers), "}", ""])
        )
    (folder / "vllm" / "__init__.py").write_text("raise ImportError('it takes seconds')")


def make_model(folder: Path, template: str = HERMES + HYBRID, **config: object) -> Path:
    """A Qwen3, as far as the launcher looks at it."""
    folder.mkdir()
    described = {"architectures": ["Qwen3ForCausalLM"]} | config
    (folder / "config.json").write_text(json.dumps(described))
    (folder / "chat_template.jinja").write_text(template)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "model")


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Runs the launcher with this model and prints what the engine is given."""
    make_vllm(tmp_path / "image", REGISTERED)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "image"))

    def run(model: Path, *arguments: str, options: tuple[str, ...] = ()) -> Run:
        return Run(tmp_path, SHOW_ARGUMENTS, "--model", str(model), *arguments, options=options)

    return run


def arguments(run: Run) -> list[str]:
    return run.finish()[1].decode().split()


def test_the_parsers_of_a_known_model_are_added_before_the_users_arguments(start: Start, model: Path) -> None:
    run = start(model)
    assert arguments(run) == [*HERMES_ARGUMENTS, *QWEN3_ARGUMENTS, "--model", str(model)]
    assert run.state()["inferred"] == {"toolCallParser": "hermes", "reasoningParser": "qwen3"}


def test_what_was_inferred_is_logged(start: Start, model: Path) -> None:
    run = start(model)
    _, log = run.process.communicate()
    assert '"reasoningParser": "qwen3"' in json.loads(log.splitlines()[0])["message"]


@pytest.mark.parametrize(
    ("chosen", "added"),
    [
        (["--tool-call-parser", "mistral"], QWEN3_ARGUMENTS),
        (["--tool_call_parser=mistral"], QWEN3_ARGUMENTS),
        (["--no-enable-auto-tool-choice"], QWEN3_ARGUMENTS),
        (["--reasoning-parser=glm45"], HERMES_ARGUMENTS),
        (["--structured-outputs-config", '{"reasoning_parser":"glm45"}'], HERMES_ARGUMENTS),
        (["--config", "/etc/vllm.yaml"], []),
        (["--runner=pooling"], []),
        (["--convert", "embed"], []),
    ],
)
def test_where_the_arguments_decide_nothing_is_added(
    start: Start, model: Path, chosen: list[str], added: list[str]
) -> None:
    assert arguments(start(model, *chosen)) == [*added, "--model", str(model), *chosen]


@pytest.mark.parametrize(
    ("option", "added"),
    [("--no-tool-call-parser", QWEN3_ARGUMENTS), ("--no-reasoning-parser", HERMES_ARGUMENTS)],
)
def test_a_parser_that_the_spec_excludes_is_not_added(
    start: Start, model: Path, option: str, added: list[str]
) -> None:
    run = start(model, options=(option,))
    assert arguments(run) == [*added, "--model", str(model)]


def test_a_parser_that_the_images_vllm_does_not_register_is_not_added(
    start: Start, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_vllm(tmp_path / "other", ["qwen3"])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "other"))
    assert arguments(start(model)) == [*QWEN3_ARGUMENTS, "--model", str(model)]


def test_without_a_vllm_nothing_is_added(start: Start, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH")
    run = start(model)
    assert arguments(run) == ["--model", str(model)]
    assert run.state()["inferred"] == {}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("tokenizer_config.json", {"chat_template": HERMES}),
        (
            "tokenizer_config.json",
            {"chat_template": [{"name": "tool_use", "template": HERMES}, {"name": "default"}]},
        ),
        ("tokenizer_config.json", {"chat_template": [{"name": "default", "template": HERMES}]}),
        ("chat_template.json", {"chat_template": HERMES}),
    ],
)
def test_the_template_is_read_from_the_file_that_has_it(
    start: Start, model: Path, file: str, content: object
) -> None:
    (model / "chat_template.jinja").unlink()
    (model / file).write_text(json.dumps(content))
    assert arguments(start(model))[:3] == HERMES_ARGUMENTS


@pytest.mark.parametrize("as_file", [True, False])
def test_a_template_in_the_arguments_replaces_that_of_the_model(
    start: Start, model: Path, tmp_path: Path, as_file: bool
) -> None:
    template = "{{ messages }}"
    (tmp_path / "own.jinja").write_text(template)
    value = str(tmp_path / "own.jinja") if as_file else template
    assert "--tool-call-parser" not in arguments(start(model, f"--chat-template={value}"))


def test_tokenizer_and_configuration_may_be_in_other_folders(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.touch()
    folder = make_model(tmp_path / "config", HERMES)
    beside = ("--hf-config-path", str(folder), "--tokenizer", str(folder))
    assert arguments(start(file, *beside))[:3] == HERMES_ARGUMENTS


@pytest.mark.parametrize(("vocabulary", "found"), [({"<|python_tag|>": 9}, True), ({}, False)])
def test_a_token_that_the_parser_needs_is_looked_up_in_the_tokenizer(
    start: Start, tmp_path: Path, vocabulary: dict[str, int], found: bool
) -> None:
    folder = make_model(tmp_path / "model", LLAMA3, architectures=["LlamaForCausalLM"])
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}}))
    assert ("llama3_json" in arguments(start(folder))) is found


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"architectures": "x"}', '{"architectures": [5]}', "[" * 100_000]
)
def test_a_model_without_a_readable_configuration_is_left_to_the_engine(
    start: Start, model: Path, content: str
) -> None:
    (model / "config.json").write_text(content)
    assert arguments(start(model)) == ["--model", str(model)]


def test_a_model_of_sentence_transformers_gets_no_parser(start: Start, model: Path) -> None:
    (model / "modules.json").write_text("[]")
    assert arguments(start(model)) == ["--model", str(model)]


@pytest.mark.engine
def test_a_real_engine_takes_tools_with_the_inferred_parser(second_engine: Engine) -> None:
    assert second_engine.state()["inferred"] == {"toolCallParser": "hermes"}
    request = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "How is the weather?"}],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}],
        "tool_choice": "auto",
        "max_tokens": 5,
    }
    status, body = engine_request(second_engine.socket, "POST", "/v1/chat/completions", request, 60)
    assert status == 200, body
