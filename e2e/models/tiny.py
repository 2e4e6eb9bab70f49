"""Writes a tiny random Llama model in Hugging Face format: `python -m e2e.models.tiny DEST`.

Tests, cluster cases and the demo need a model that a real vLLM loads in seconds on two CPU cores, and no
model registry may be within reach. The weights are random with a fixed seed, so answers are noise, but
they are the same noise everywhere, and the effect of every parameter can be observed.

No torch: numpy and safetensors write the weights, tokenizers trains the vocabulary.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from e2e.cluster import once

VOCABULARY = 2048
HIDDEN = 256
INTERMEDIATE = 688
LAYERS = 2
HEADS = 4
CONTEXT = 2048
SEED = 20240229
# Above vLLM's default of 16, so that an engine without the argument does not load it.
ADAPTER_RANK = 24
ADAPTED = ("q_proj", "v_proj")

END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIAL_TOKENS = [END_OF_TEXT, TURN_START, TURN_END]
# The last ids. Not special, as in the models that think aloud: they are part of the text.
THINKING_TOKENS = ["<think>", "</think>"]

CHAT_TEMPLATE = """\
{%- if tools %}<|im_start|>system
Tools: {{ tools | tojson }}<|im_end|>
{% endif -%}
{%- for document in documents or [] %}<|im_start|>system
Document {{ document.title }}: {{ document.text }}<|im_end|>
{% endfor -%}
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ message.content or '' }}
{%- for call in message.tool_calls or [] %}
{{ call.function.name }} {{ call.function.arguments | tojson }}
{%- endfor -%}
<|im_end|>
{% endfor -%}
{%- if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking is defined and not enable_thinking %}<think>

</think>

{% endif -%}
{% endif -%}
"""

ENGLISH = """
system user assistant tool developer The quick brown fox jumps over the lazy dog. How do you do?
Please answer in one short sentence and return a JSON object with name, value, city and temperature.
Once upon a time there was a small model which could not say anything true, but it said it quickly.
0 1 2 3 4 5 6 7 8 9 10 100 1000 { } [ ] ( ) " ' : ; , . ! ? true false null yes no red green blue
"""


def _corpus() -> list[str]:
    """Text to train on: a little English, and made-up words so that the vocabulary fills up."""
    rng = random.Random(SEED)
    onsets = [*"bcdfghklmnprstvwz", "st", "tr", "ch"]
    syllables = [onset + vowel for onset in onsets for vowel in "aeiou"]
    words = ["".join(rng.choices(syllables, k=rng.randint(2, 4))) for _ in range(3000)]
    return [ENGLISH, " ".join(words)]


def make_tokenizer() -> Tokenizer:
    """A byte-level BPE tokenizer with exactly VOCABULARY tokens, special tokens first.

    Asked for special tokens, it puts the one that begins a text before it, and when it decodes, a space
    before each special token: what real tokenizers differ in, and what requests have parameters for.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    spaced = [decoders.Replace(token, f" {token}") for token in SPECIAL_TOKENS]
    tokenizer.decoder = decoders.Sequence([*spaced, decoders.ByteLevel()])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{END_OF_TEXT} $A", special_tokens=[(END_OF_TEXT, SPECIAL_TOKENS.index(END_OF_TEXT))]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(THINKING_TOKENS),
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in THINKING_TOKENS])
    if tokenizer.get_vocab_size() != VOCABULARY:
        raise RuntimeError(f"the corpus yields {tokenizer.get_vocab_size()} tokens, not {VOCABULARY}")
    return tokenizer


def make_weights() -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """Random weights under the names that transformers' Llama uses."""
    rng = np.random.default_rng(SEED)

    def normal(*shape: int, std: float = 0.02) -> np.ndarray[Any, np.dtype[np.float32]]:
        return rng.standard_normal(shape, dtype=np.float32) * np.float32(std)

    ones = np.ones(HIDDEN, dtype=np.float32)
    # A wide output layer keeps logits so far apart that rounding does not change a greedy answer.
    weights = {
        "model.embed_tokens.weight": normal(VOCABULARY, HIDDEN, std=0.1),
        "model.norm.weight": ones,
        "lm_head.weight": normal(VOCABULARY, HIDDEN, std=0.1),
    }
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}"
        for name in ("input_layernorm", "post_attention_layernorm"):
            weights[f"{prefix}.{name}.weight"] = ones
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            weights[f"{prefix}.self_attn.{name}.weight"] = normal(HIDDEN, HIDDEN, std=0.05)
        weights[f"{prefix}.mlp.gate_proj.weight"] = normal(INTERMEDIATE, HIDDEN, std=0.05)
        weights[f"{prefix}.mlp.up_proj.weight"] = normal(INTERMEDIATE, HIDDEN, std=0.05)
        weights[f"{prefix}.mlp.down_proj.weight"] = normal(HIDDEN, INTERMEDIATE, std=0.05)
    return weights


def _config(end_of_text: int, turn_end: int) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": VOCABULARY,
        "hidden_size": HIDDEN,
        "intermediate_size": INTERMEDIATE,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "max_position_embeddings": CONTEXT,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        "bos_token_id": end_of_text,
        "eos_token_id": turn_end,
        "torch_dtype": "bfloat16",
    }


def _write_files(folder: Path) -> None:
    tokenizer = make_tokenizer()
    end_of_text, turn_end = SPECIAL_TOKENS.index(END_OF_TEXT), SPECIAL_TOKENS.index(TURN_END)
    tokenizer.save(str(folder / "tokenizer.json"))
    documents = {
        "config.json": _config(end_of_text, turn_end),
        "generation_config.json": {"bos_token_id": end_of_text, "eos_token_id": turn_end},
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": END_OF_TEXT,
            "eos_token": TURN_END,
            "pad_token": END_OF_TEXT,
            "model_max_length": CONTEXT,
            "clean_up_tokenization_spaces": False,
            "chat_template": CHAT_TEMPLATE,
        },
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    save_file(make_weights(), folder / "model.safetensors", metadata={"format": "pt"})
    # An engine that runs as another user must be able to read it; both writers default to private modes.
    for file in folder.iterdir():
        file.chmod(0o644)


def make_model(destination: Path) -> Path:
    """Writes the model folder and returns it; an existing one is left as it is.

    The folder appears under its name only when it is complete, so that a killed run leaves none half-made.
    Raises FileExistsError for a folder that holds something else.
    """
    once.folder(destination, _write_files)
    if not (destination / "config.json").exists():
        raise FileExistsError(f"{destination} has files that are no model; name a folder that does not exist")
    return destination


def make_adapter(destination: Path, rank: int = ADAPTER_RANK) -> Path:
    """Writes a LoRA adapter for the model in PEFT's format and returns its folder.

    Large enough to change every answer, and the same everywhere.
    """
    rng = np.random.default_rng(SEED + rank)
    weights = {}
    for layer in range(LAYERS):
        for name in ADAPTED:
            prefix = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            for part, shape in (("lora_A", (rank, HIDDEN)), ("lora_B", (HIDDEN, rank))):
                drawn = rng.standard_normal(shape, dtype=np.float32) * np.float32(0.5)
                weights[f"{prefix}.{part}.weight"] = drawn
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "tiny",
        "r": rank,
        "lora_alpha": 2 * rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(ADAPTED),
    }
    destination.mkdir(parents=True, exist_ok=True)
    (destination / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    save_file(weights, destination / "adapter_model.safetensors", metadata={"format": "pt"})
    for file in destination.iterdir():
        file.chmod(0o644)
    return destination


def main() -> None:
    """Command line: one argument, the folder to write."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m e2e.models.tiny DEST")
    print(make_model(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
