"""`fairlead init`: manifests that are valid as they are, and with each commented line in use."""

from __future__ import annotations

import io
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead_operator.cli.families import _FAMILIES, by_name
from fairlead_operator.cli.scaffold import name_of
from tests.cli.conftest import Run, Write
from tests.support.engine import install_vllm

SOURCES = (
    "hf://Qwen/Qwen3-0.6B",
    "hf://some-lab/unknown-7b",
    "hf://Qwen/Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf",
    "s3://models/llama/v1",
    "pvc://models/tiny",
    "oci://example.com/models/tiny:v1#weights",
    "file:///srv/models/tiny",
)
ACCELERATORS = ("nvidia.com/gpu=1", "amd.com/gpu=8", "nvidia.com/mig-3g.40gb", "none")
CACHES = ((), ("--cache-size", "100Gi"), ("--cache-claim", "weights"), ("--credentials", "hub-token"))


def made(fairlead: Run, *options: str) -> str:
    code, out, err = fairlead("init", *options, "--output", "-")
    assert (code, err) == (0, "")
    return out


def spec(fairlead: Run, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(made(fairlead, *options))["spec"]
    return found


def is_valid(fairlead: Run, write: Write, text: str) -> bool:
    code, out, err = fairlead("validate", "-f", write(text))
    return (code, err) == (0, "") and out.endswith(": valid\n")


@pytest.fixture(autouse=True)
def without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())


@pytest.mark.parametrize("source", SOURCES)
def test_every_combination_of_options_gives_a_valid_manifest(
    fairlead: Run, write: Write, source: str
) -> None:
    caches = CACHES if source.startswith(("hf", "s3")) else CACHES[:1]
    for accelerator, cache in itertools.product(ACCELERATORS, caches):
        namespace = ("-n", "team-a") if accelerator == "none" else ()
        text = made(fairlead, "--model", source, "--accelerator", accelerator, *cache, *namespace)
        assert is_valid(fairlead, write, text), text


@pytest.mark.parametrize("source", SOURCES)
def test_each_commented_field_is_valid_when_its_mark_is_removed(
    fairlead: Run, write: Write, source: str
) -> None:
    text = made(fairlead, "--model", source)
    fields = re.findall(r"^ +# (?=[a-zA-Z]+: [^ `])[a-zA-Z]+: \S.*$", text, re.MULTILINE)
    assert len(fields) >= 4
    for line in fields:
        assert is_valid(fairlead, write, text.replace(line, line.replace("# ", "", 1))), line


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ("Qwen/Qwen3-0.6B", "hf://Qwen/Qwen3-0.6B"),
        ("https://huggingface.co/Qwen/Qwen3-0.6B/tree/main", "hf://Qwen/Qwen3-0.6B"),
        ("/srv/models/qwen/", "file:///srv/models/qwen"),
        ("pvc://models/tiny", "pvc://models/tiny"),
    ],
)
def test_a_model_may_be_given_by_its_name_its_address_or_its_folder(
    fairlead: Run, given: str, source: str
) -> None:
    assert spec(fairlead, "--model", given)["model"]["source"] == source


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("hf://Qwen/Qwen3-0.6B", "qwen3-0-6b"),
        ("hf://a/B/c-Q4_K_M.gguf", "c-q4-k-m"),
        ("oci://example.com/a:v1#models/Tiny", "tiny"),
        ("pvc://claim", "claim"),
        ("hf://01-ai/34B", "model-34b"),
        ("hf://a/" + "x" * 60, "x" * 40),
    ],
)
def test_the_name_follows_from_the_source(source: str, name: str) -> None:
    assert name_of(source) == name


def test_an_accelerator_has_its_count(fairlead: Run) -> None:
    found = spec(fairlead, "--model", "a/b", "--accelerator", "amd.com/gpu=4")["accelerator"]
    assert found == {"resourceName": "amd.com/gpu", "count": 4}


def test_without_an_accelerator_the_engine_is_set_up_for_cpu(fairlead: Run) -> None:
    found = spec(fairlead, "--model", "a/b", "--accelerator", "none")
    assert "accelerator" not in found
    assert found["engine"]["args"] == ["--enforce-eager"]


@pytest.mark.parametrize(
    ("source", "tools", "reasoning"),
    [
        ("hf://Qwen/Qwen3-0.6B", "hermes", "qwen3"),
        ("hf://Qwen/Qwen3-30B-A3B-FP8", "hermes", "qwen3"),
        ("hf://Qwen/Qwen3-4B-Instruct-2507", "hermes", None),
        ("hf://Qwen/Qwen3-4B-Thinking-2507", "hermes", "qwen3"),
        ("hf://mistralai/Mistral-7B-Instruct-v0.3", "mistral", None),
        ("hf://Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen3_coder", None),
        ("hf://meta-llama/Llama-3.1-8B-Instruct", "llama3_json", None),
        ("hf://openai/gpt-oss-20b", "openai", "openai_gptoss"),
        ("hf://deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", None, "deepseek_r1"),
        # Base models, embeddings and other makers' models of the same name have other templates, or none.
        ("hf://Qwen/Qwen3-8B-Base", None, None),
        ("hf://Qwen/Qwen3-Embedding-0.6B", None, None),
        ("hf://someone/Qwen3-0.6B", None, None),
        ("pvc://claim/Qwen/Qwen3-0.6B", None, None),
    ],
)
def test_parsers_follow_from_the_family_only_where_it_is_certain(
    fairlead: Run, source: str, tools: str | None, reasoning: str | None
) -> None:
    engine = spec(fairlead, "--model", source)["engine"] or {}
    assert (engine.get("toolCallParser"), engine.get("reasoningParser")) == (tools, reasoning)


@pytest.mark.engine
def test_vllm_has_every_parser_that_a_family_names() -> None:
    package = next(install_vllm().parents[1].glob("lib/python3*/site-packages/vllm"))
    for folder, index in (("tool_parsers", 0), ("reasoning", 1)):
        known = set(
            re.findall(r'^    "([a-z0-9_.-]+)": \(', (package / folder / "__init__.py").read_text(), re.M)
        )
        named = {found[index] for _, found in _FAMILIES} - {None}
        assert named <= known


def test_the_files_of_a_model_go_before_its_name(fairlead: Run, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["OtherForCausalLM"]}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ tools }}"}))
    assert by_name("hf://Qwen/Qwen3-0.6B").tool_call_parser == "hermes"
    assert spec(fairlead, "--model", "Qwen/Qwen3-0.6B", "--config", str(tmp_path))["engine"] is None


def test_parsers_follow_from_the_chat_template_of_a_local_folder(fairlead: Run, tmp_path: Path) -> None:
    template = (
        '{% if tools %}<tool_call>{"name": <function-name>, "arguments": {% endif %}'
        "{% if enable_thinking is defined and enable_thinking is false %}<think></think>{% endif %}"
    )
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["Qwen3ForCausalLM"]}))
    (tmp_path / "chat_template.jinja").write_text(template)
    engine = spec(fairlead, "--model", str(tmp_path))["engine"]
    assert engine == {"toolCallParser": "hermes", "reasoningParser": "qwen3"}


def test_a_file_is_written_once_and_overwritten_only_with_force(fairlead: Run, write: Write) -> None:
    write("mine\n", "b.yaml")
    code, out, err = fairlead("init", "--model", "a/b")
    assert (code, out) == (2, "")
    assert err == "fairlead init: b.yaml exists; choose another --output, or overwrite it with --force\n"
    assert Path("b.yaml").read_text() == "mine\n"
    assert fairlead("init", "--model", "a/b", "--force")[0] == 0
    assert "hf://a/b" in Path("b.yaml").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--model is missing; on a terminal it is asked for"),
        (("--model", "qwen"), "--model: 'qwen' is no source of a model; write hf://ORG/NAME"),
        (("--model", "hff://a/b"), "did you mean hf://?"),
        (("--model", "a/b", "--accelerator", "nvidia.com/gpu=0"), "--accelerator: 'nvidia.com/gpu=0'"),
        (("--model", "a/b", "--accelerator", "gpu"), "spec.accelerator.resourceName must be qualified"),
        (("--model", "a/b", "--name", "Big_One"), "metadata.name must start with a letter"),
        (("--model", "a/b", "--name", "x\n  a: b"), "metadata.name must start with a letter"),
        (("--model", "a/b", "--config", "/nowhere"), "there is no config.json in /nowhere"),
        (("--model", "pvc://a/b", "--cache-size", "lots"), None),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_written(
    fairlead: Run, write: Write, options: tuple[str, ...], words: str | None
) -> None:
    write("", "other")
    code, out, err = fairlead("init", *options, "--output", "new.yaml")
    if words is None:
        # A cache has no meaning for weights that are not downloaded.
        assert code == 0
        return
    assert (code, out) == (2, "")
    assert words in err
    assert not Path("new.yaml").exists()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_it_asks_for_what_is_missing(
    fairlead: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("", "other")
    answers = "not a model\nQwen/Qwen3-0.6B\n\nnvidia.com/gpu=2\n50Gi\n"
    monkeypatch.setattr("sys.stdin", Terminal(answers))
    code, out, err = fairlead("init")
    assert (code, out) == (0, "")
    assert "'not a model' is no source of a model" in err
    assert "Name [qwen3-0-6b]: " in err
    written = yaml.safe_load(Path("qwen3-0-6b.yaml").read_text())
    assert written["spec"]["accelerator"]["count"] == 2
    assert written["spec"]["model"]["cache"]["size"] == "50Gi"


def test_an_end_of_the_input_before_the_last_answer_writes_nothing(
    fairlead: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("", "other")
    monkeypatch.setattr("sys.stdin", Terminal("Qwen/Qwen3-0.6B\n"))
    code, _, err = fairlead("init")
    assert code == 2
    assert err.endswith("fairlead init: the input ended before the last answer\n")
    assert not list(Path().glob("*.yaml"))
