"""Forms for the real xgrammar, as vLLM 0.32 hands them to it, in a process of the engine's own Python."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.support.engine import install_vllm

_PROGRAM = """
import json
import sys

import xgrammar
from vllm.v1.structured_output.backend_xgrammar import has_xgrammar_unsupported_json_features

END = 256
vocabulary = [bytes([byte]) for byte in range(END)] + [b"</s>"]
tokens = xgrammar.TokenizerInfo(vocabulary, vocab_size=len(vocabulary), stop_token_ids=[END])


def compiled(kind, form):
    compiler = xgrammar.GrammarCompiler(tokens, max_threads=1)
    if kind == "json":
        if has_xgrammar_unsupported_json_features(form):
            raise RuntimeError("vLLM refuses it")
        xgrammar.Grammar.from_json_schema(form)
        return compiler.compile_json_schema(json.dumps(form))
    if kind == "regex":
        return compiler.compile_regex(form)
    return (compiler.compile_grammar if "::=" in form else compiler.compile_lark)(form)


def passes(grammar, text):
    matcher = xgrammar.GrammarMatcher(grammar)
    return bool(matcher.accept_string(text)) and matcher.accept_token(END)


def has_a_beginning(grammar):
    mask = xgrammar.allocate_token_bitmask(1, len(vocabulary))
    xgrammar.GrammarMatcher(grammar).fill_next_token_bitmask(mask)
    return bool(mask.any())


for line in sys.stdin:
    kind, form, texts = json.loads(line)
    try:
        grammar = compiled(kind, form)
        answer = [has_a_beginning(grammar), *(passes(grammar, text) for text in texts)]
    except Exception as error:
        answer = str(error)
    print(json.dumps(answer), flush=True)
"""


class VllmCompiler:
    """The compiler; to be closed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [install_vllm(), "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def passing(self, kind: str, form: Any, *texts: str) -> list[bool] | None:
        """Which of the texts the compiled form lets pass; None if it fails or has no first token.

        `kind` is the form's name in structured_outputs: json, regex or grammar.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([kind, form, texts]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "The compiler has ended."
        answer = json.loads(line)
        return answer[1:] if isinstance(answer, list) and answer[0] else None

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
