"""Facts in the files of a model: its architecture, its chat template, its tokens.

The files are whatever a hub sent, so a file that is too large, absent or of another form counts as empty.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from fairlead_launcher.arguments import values_of
from fairlead_launcher.bounds import MODEL_FILE_BYTES, TOKENIZER_BYTES


class ModelFiles:
    """The files of the model that these arguments of vLLM name."""

    def __init__(self, arguments: Sequence[str]) -> None:
        model = _last("--model", arguments)
        self._config = Path(_last("--hf-config-path", arguments) or model)
        self._tokenizer = Path(_last("--tokenizer", arguments) or model)
        self._template = _last("--chat-template", arguments)

    def architectures(self) -> list[str]:
        """`architectures` of config.json."""
        found = _json(self._config / "config.json").get("architectures")
        return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []

    def chat_template(self) -> str:
        """The text of the template for requests with tools, "" without one.

        The order is vLLM's: its argument (a file, or the text itself), then the files of the model.
        """
        if self._template:
            return self._template if "{" in self._template else _text(Path(self._template))
        if found := _text(self._tokenizer / "chat_template.jinja"):
            return found
        for name in ("chat_template.json", "tokenizer_config.json"):
            if found := _for_tools(_json(self._tokenizer / name).get("chat_template")):
                return found
        return ""

    def has_token(self, token: str) -> bool:
        """Whether tokenizer.json has the token."""
        written = (json.dumps(token), json.dumps(token, ensure_ascii=False))
        return any(form.encode() in self._tokenizer_json for form in written)

    def is_for_embeddings(self) -> bool:
        """Whether it is a model of sentence-transformers, for which vLLM has no chat."""
        return (self._config / "modules.json").exists()

    @cached_property
    def _tokenizer_json(self) -> bytes:
        return _bytes(self._tokenizer / "tokenizer.json", TOKENIZER_BYTES)


def _last(flag: str, arguments: Sequence[str]) -> str:
    """The value of a flag, "" without one."""
    return next(iter(values_of(flag, arguments)), "")


def _for_tools(template: Any) -> str:
    """A template, or of several with names the one that requests with tools get."""
    if isinstance(template, list):
        named = {
            item["name"]: item.get("template")
            for item in template
            if isinstance(item, dict) and "name" in item
        }
        template = named.get("tool_use") or named.get("default")
    return template if isinstance(template, str) else ""


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(_bytes(path, MODEL_FILE_BYTES))
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _text(path: Path) -> str:
    return _bytes(path, MODEL_FILE_BYTES).decode(errors="replace")


def _bytes(path: Path, limit: int) -> bytes:
    """The content of a regular file, empty if it has more than `limit` bytes or cannot be read."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except (OSError, ValueError):
        return b""
    return content if len(content) <= limit else b""
