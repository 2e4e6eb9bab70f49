"""A Llama model of a GGUF file in Hugging Face's layout, which engines load: documents and weights.

llama.cpp's converter (convert_hf_to_gguf.py, class LlamaModel) is the rule; this is its inverse. It renames
the tensors, and reorders the rows of the query and key projections for its way of rotary embedding.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fairlead_operator.local.gguf_file import GgufError, GgufFile, Tensor, Value
from fairlead_operator.local.gguf_values import Floats, to_bfloat16, to_float32

Document = dict[str, Any]

_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}
_NAMES_IN_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_LAYER = re.compile(r"blk\.([0-9]+)\.([a-z_]+)\.weight")
_CONTROL = 3
_BFLOAT16_BYTES = 2
# safetensors asks for a header of a multiple of eight bytes.
_HEADER_ALIGNMENT = 8


def config(file: GgufFile) -> Document:
    """config.json. Raises GgufError if the model is no Llama, or a value is missing."""
    number = _Numbers(file.metadata)
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(_texts(file.metadata, "tokenizer.ggml.tokens")),
        "hidden_size": number.whole("llama.embedding_length"),
        "intermediate_size": number.whole("llama.feed_forward_length"),
        "num_hidden_layers": number.whole("llama.block_count"),
        "num_attention_heads": number.whole("llama.attention.head_count"),
        "num_key_value_heads": number.whole("llama.attention.head_count_kv"),
        "head_dim": number.whole("llama.rope.dimension_count"),
        "max_position_embeddings": number.whole("llama.context_length"),
        "hidden_act": "silu",
        "rms_norm_eps": number.real("llama.attention.layer_norm_rms_epsilon"),
        "rope_theta": number.real("llama.rope.freq_base"),
        "tie_word_embeddings": "output.weight" not in file.tensors,
        "bos_token_id": number.whole("tokenizer.ggml.bos_token_id"),
        "eos_token_id": number.whole("tokenizer.ggml.eos_token_id"),
        "pad_token_id": number.whole("tokenizer.ggml.padding_token_id"),
        "torch_dtype": "bfloat16",
    }


def tokenizer(file: GgufFile) -> Document:
    """tokenizer.json of a byte-level BPE whose digits are tokens of their own (llama.cpp's `smollm`).

    Raises GgufError for a tokenizer of another kind.
    """
    kind = (file.metadata.get("tokenizer.ggml.model"), file.metadata.get("tokenizer.ggml.pre"))
    if kind != ("gpt2", "smollm"):
        raise GgufError(f"a tokenizer of the kind {kind} is unknown; ('gpt2', 'smollm') is read")
    tokens = _texts(file.metadata, "tokenizer.ggml.tokens")
    kinds = file.metadata.get("tokenizer.ggml.token_type")
    if not isinstance(kinds, list) or len(kinds) != len(tokens):
        raise GgufError("tokenizer.ggml.token_type does not name the kind of each token")
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            _special(number, tokens[number]) for number, kind in enumerate(kinds) if kind == _CONTROL
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
        },
        "post_processor": None,
        "decoder": {**byte_level, "add_prefix_space": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": [_merge(text) for text in _texts(file.metadata, "tokenizer.ggml.merges")],
        },
    }


def tokenizer_config(file: GgufFile, chat_template: str) -> Document:
    """tokenizer_config.json with another chat template than the file's own. Raises GgufError."""
    return {
        # Takes tokenizer.json as it is; GPT2Tokenizer would set up a pre-tokenizer of its own.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": _token(file, "bos_token_id"),
        "eos_token": _token(file, "eos_token_id"),
        "pad_token": _token(file, "padding_token_id"),
        "unk_token": _token(file, "unknown_token_id"),
        "model_max_length": _Numbers(file.metadata).whole("llama.context_length"),
        "clean_up_tokenization_spaces": False,
        "chat_template": chat_template,
    }


def weights(file: GgufFile) -> Iterator[tuple[str, Tensor]]:
    """The tensors under the names that transformers' Llama has. Raises GgufError for an unknown one."""
    for name, tensor in file.tensors.items():
        yield transformers_name(name), tensor


def values(file: GgufFile, tensor: Tensor) -> Floats:
    """The numbers of a tensor as transformers' Llama has them."""
    found = to_float32(file.read(tensor), tensor.format.name, tensor.shape)
    heads = {"attn_q": "llama.attention.head_count", "attn_k": "llama.attention.head_count_kv"}
    match = _LAYER.fullmatch(tensor.name)
    if match is None or match[2] not in heads:
        return found
    return _halves_of_heads(found, _Numbers(file.metadata).whole(heads[match[2]]))


def write_safetensors(file: GgufFile, target: Path) -> None:
    """Writes all weights as bfloat16, one after the other: memory holds one at a time."""
    header: Document = {"__metadata__": {"format": "pt"}}
    tensors, end = list(weights(file)), 0
    for name, tensor in tensors:
        size = _BFLOAT16_BYTES
        for length in tensor.shape:
            size *= length
        header[name] = {"dtype": "BF16", "shape": list(tensor.shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _HEADER_ALIGNMENT)
    with target.open("wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for _, tensor in tensors:
            out.write(to_bfloat16(values(file, tensor)))


def _halves_of_heads(rows: Floats, heads: int) -> Floats:
    """GGML pairs neighbouring rows for the rotary embedding, transformers row i with row i + half."""
    if not heads or rows.shape[0] % (2 * heads):
        raise GgufError(f"{rows.shape[0]} rows are no pairs of {heads} heads")
    pairs = rows.reshape(heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:])
    return pairs.swapaxes(1, 2).reshape(rows.shape)


def transformers_name(name: str) -> str:
    """The name of a tensor in transformers. Raises GgufError for one that Llama models do not have."""
    match = _LAYER.fullmatch(name)
    if match and match[2] in _NAMES_IN_LAYER:
        return f"model.layers.{match[1]}.{_NAMES_IN_LAYER[match[2]]}.weight"
    base = name.removesuffix(".weight")
    if base not in _NAMES or base == name:
        raise GgufError(f"tensor {name} is unknown in a Llama model")
    return f"{_NAMES[base]}.weight"


def _token(file: GgufFile, key: str) -> str:
    """The text of the token whose number the metadata has under `tokenizer.ggml.KEY`."""
    tokens = _texts(file.metadata, "tokenizer.ggml.tokens")
    number = _Numbers(file.metadata).whole(f"tokenizer.ggml.{key}")
    if number >= len(tokens):
        raise GgufError(f"tokenizer.ggml.{key} is {number}, and there are {len(tokens)} tokens")
    return tokens[number]


def _special(number: int, text: str) -> Document:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": number, "content": text, **flags}


def _merge(text: str) -> list[str]:
    first, _, second = text.partition(" ")
    return [first, second]


def _texts(metadata: dict[str, Value], key: str) -> list[str]:
    found = metadata.get(key)
    if not isinstance(found, list):
        raise GgufError(f"{key} is missing or no list of texts")
    texts = [item for item in found if isinstance(item, str)]
    if len(texts) != len(found):
        raise GgufError(f"{key} is no list of texts")
    return texts


class _Numbers:
    """Numbers of the metadata. Raises GgufError where one is missing."""

    def __init__(self, metadata: dict[str, Value]) -> None:
        if metadata.get("general.architecture") != "llama":
            raise GgufError(f"architecture {metadata.get('general.architecture')}; llama is converted")
        self._metadata = metadata

    def whole(self, key: str) -> int:
        found = self._metadata.get(key)
        if isinstance(found, bool) or not isinstance(found, int) or found < 0:
            raise GgufError(f"{key} is {found}, no whole number")
        return found

    def real(self, key: str) -> float:
        found = self._metadata.get(key)
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise GgufError(f"{key} is {found}, no number")
        return float(f"{found:.7g}")
