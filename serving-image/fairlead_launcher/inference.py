"""The parsers that the launcher adds to the engine's arguments, where neither spec nor arguments name any.

A wrong name would keep the engine from its start. So a parser is added only if the vLLM of the image
registers it, and if the tokenizer has the tokens that it needs.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path

from fairlead_launcher.model_files import ModelFiles
from fairlead_launcher.parsers import Inferred, infer

# Below the folder of vLLM: where it registers its parsers by name.
_TOOL_PARSERS = "tool_parsers/__init__.py"
_REASONING_PARSERS = "reasoning/__init__.py"
# Arguments by which the user chooses, in any spelling: an option of its own, a key of another one, a plugin.
_TOOLS_CHOSEN = re.compile(r"tool[-_]call[-_]parser|tool[-_]parser[-_]plugin|auto[-_]tool[-_]choice")
_REASONING_CHOSEN = re.compile(r"reasoning[-_]parser")
# Arguments with which the files of the model do not say enough: a file with further arguments, or a use of
# the model without a chat.
_UNCERTAIN = re.compile(r"--(?:config|runner|convert|task|skip[-_]tokenizer[-_]init)(?:=|$)")


def infer_parsers(arguments: Sequence[str], tools: bool = True, reasoning: bool = True) -> Inferred:
    """The parsers to add to these arguments of vLLM. `tools` and `reasoning` say which may be added."""
    tools = tools and not any(map(_TOOLS_CHOSEN.search, arguments))
    reasoning = reasoning and not any(map(_REASONING_CHOSEN.search, arguments))
    if not (tools or reasoning) or any(map(_UNCERTAIN.match, arguments)):
        return Inferred()
    files = ModelFiles(arguments)
    if files.is_for_embeddings():
        return Inferred()
    found = infer(files.architectures(), files.chat_template(), files.has_token)
    return Inferred(
        found.tool_call_parser if tools and _registers(_TOOL_PARSERS, found.tool_call_parser) else None,
        found.reasoning_parser
        if reasoning and _registers(_REASONING_PARSERS, found.reasoning_parser)
        else None,
    )


def parser_arguments(inferred: Inferred) -> list[str]:
    """Arguments of vLLM for these parsers. They belong before the user's: of two, vLLM takes the last."""
    arguments = []
    if inferred.tool_call_parser:
        arguments += ["--enable-auto-tool-choice", "--tool-call-parser", inferred.tool_call_parser]
    if inferred.reasoning_parser:
        arguments += ["--reasoning-parser", inferred.reasoning_parser]
    return arguments


def as_fields(inferred: Inferred) -> dict[str, str]:
    """The parsers by the names of the spec's fields, without those that were not found."""
    fields = {"toolCallParser": inferred.tool_call_parser, "reasoningParser": inferred.reasoning_parser}
    return {field: name for field, name in fields.items() if name}


def _registers(place: str, parser: str | None) -> bool:
    """Whether the vLLM of this Python registers the parser. It is not imported: that takes seconds."""
    spec = importlib.util.find_spec("vllm")
    folders = (spec.submodule_search_locations or ()) if spec else ()
    for folder in folders:
        try:
            text = Path(folder, place).read_text()
        except (OSError, ValueError):
            continue
        if parser and re.search(rf'^\s*"{re.escape(parser)}": \(', text, re.MULTILINE):
            return True
    return False
