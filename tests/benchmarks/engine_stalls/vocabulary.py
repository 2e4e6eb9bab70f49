"""The tiny model with a vocabulary as large as real ones have: what compilers and tokenisers depend on."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from e2e.models import tiny
from tests.support.engine import install_vllm

# Part of mistral_common, which vLLM depends on.
_VOCABULARY = "lib/python*/site-packages/mistral_common/data/tekken_240911.json"
_HIDDEN, _INTERMEDIATE, _HEADS = 64, 128, 1


def _letters() -> dict[int, str]:
    """The letters that stand for bytes in a byte-level vocabulary."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


_LETTERS = _letters()


def _spelled(token: bytes) -> str:
    return "".join(_LETTERS[byte] for byte in token)


def _merges(ranks: dict[bytes, int]) -> list[tuple[str, str]]:
    """The pairs that make each token, in the order of the tokens."""
    found = []
    for token in sorted(ranks, key=ranks.__getitem__):
        halves = [(token[:place], token[place:]) for place in range(1, len(token))]
        known = [pair for pair in halves if pair[0] in ranks and pair[1] in ranks]
        known.sort(key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
        found += [(_spelled(first), _spelled(second)) for first, second in known]
    return found


def make_large_tokenizer(source: Path) -> Tokenizer:
    """A tokeniser of Hugging Face's with the vocabulary of a file in Mistral's format."""
    document: dict[str, Any] = json.loads(source.read_text())
    config = document["config"]
    special = config["default_num_special_tokens"]
    ordinary = document["vocab"][: config["default_vocab_size"] - special]
    ranks = {base64.b64decode(entry["token_bytes"]): entry["rank"] for entry in ordinary}
    names = [*tiny.SPECIAL_TOKENS, *(f"<special-{place}>" for place in range(special))][:special]
    vocabulary = {name: place for place, name in enumerate(names)}
    vocabulary |= {_spelled(token): rank + special for token, rank in ranks.items()}
    tokenizer = Tokenizer(models.BPE(vocabulary, _merges(ranks), ignore_merges=True))
    split = pre_tokenizers.Split(Regex(config["pattern"]), behavior="isolated")
    levels = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, levels])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    return tokenizer


def make_large_model(destination: Path) -> Path:
    """Writes the model folder and returns it."""
    environment = install_vllm().parents[1]
    (source,) = environment.glob(_VOCABULARY)
    tokenizer = make_large_tokenizer(source)
    tiny.VOCABULARY = tokenizer.get_vocab_size()
    tiny.HIDDEN, tiny.INTERMEDIATE, tiny.HEADS = _HIDDEN, _INTERMEDIATE, _HEADS
    tiny.make_tokenizer = lambda: tokenizer
    return tiny.make_model(destination)
