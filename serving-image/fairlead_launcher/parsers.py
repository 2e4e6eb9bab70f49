"""Which of vLLM's parsers a model needs, from its architecture and its chat template, where that is certain.

A chat template shows the model one form of tool calls, and vLLM has one parser for each form. The same form
with another architecture can have another parser, so a row of the tables needs both. Where the signs of no
row are complete, nothing is inferred, and the fields of the spec decide.

Pure, and without a dependency: the launcher uses it in the engine's container, and the command line for the
manifests that it writes. The names are those that vLLM 0.32 registers (`vllm/tool_parsers/__init__.py`,
`vllm/reasoning/__init__.py`); which model has which is in vLLM's documentation of both features.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Inferred(NamedTuple):
    """Names of vLLM's parsers (`--tool-call-parser`, `--reasoning-parser`); None where it is not certain."""

    tool_call_parser: str | None = None
    reasoning_parser: str | None = None


class Family(NamedTuple):
    """One form of output: which parser reads it, and how it is recognised."""

    parser: str
    architectures: frozenset[str]
    """Values of `architectures` in config.json, of which the model has one."""
    signs: tuple[str, ...]
    """Texts that the template has, all of them."""
    counter_signs: tuple[str, ...] = ()
    """Texts of other forms, of which the template has none."""
    tokens: tuple[str, ...] = ()
    """Tokens without which vLLM refuses to start with the parser."""


_QWEN2 = frozenset(("Qwen2ForCausalLM", "Qwen2MoeForCausalLM"))
_QWEN3 = frozenset(
    (
        "Qwen3ForCausalLM",
        "Qwen3MoeForCausalLM",
        "Qwen3NextForCausalLM",
        "Qwen3VLForConditionalGeneration",
        "Qwen3VLMoeForConditionalGeneration",
        "Qwen3_5ForCausalLM",
        "Qwen3_5ForConditionalGeneration",
        "Qwen3_5MoeForCausalLM",
        "Qwen3_5MoeForConditionalGeneration",
    )
)
_LLAMA = frozenset(("LlamaForCausalLM", "MllamaForConditionalGeneration"))
_MISTRAL = frozenset(
    (
        "Ministral3ForCausalLM",
        "Mistral3ForConditionalGeneration",
        "MistralForCausalLM",
        "MixtralForCausalLM",
    )
)
_DEEPSEEK = frozenset(("DeepseekV3ForCausalLM",))
_GEMMA4 = frozenset(("Gemma4ForCausalLM", "Gemma4ForConditionalGeneration"))
_GLM4 = frozenset(("Glm4MoeForCausalLM", "Glm4MoeLiteForCausalLM"))
_GPT_OSS = frozenset(("GptOssForCausalLM",))
_GRANITE = frozenset(("GraniteForCausalLM", "GraniteMoeForCausalLM", "GraniteMoeHybridForCausalLM"))
_MINIMAX = frozenset(("MiniMaxM2ForCausalLM",))
_NEMOTRON = frozenset(("NemotronHForCausalLM",))
_SEED = frozenset(("SeedOssForCausalLM",))

# A JSON object between tags, as Hermes introduced it, and elements between the same tags.
_TAGGED_JSON = ("<tool_call>", '{"name": <function-name>, "arguments": ')
_TAGGED_ELEMENTS = ("<tool_call>", "<function=", "<parameter=")
_KIMI = "<|tool_calls_section_begin|>"
_THINK = ("<think>", "</think>")
_ASSISTANT = "<｜Assistant｜>"  # noqa: RUF001 -- DeepSeek's token has these bars

TOOL_CALLS = (
    Family("hermes", _QWEN2 | _QWEN3 | _LLAMA | _MISTRAL, _TAGGED_JSON, ("<function=",)),
    Family("granite4", _GRANITE, _TAGGED_JSON),
    Family("granite", _GRANITE, ("<|tool_call|>",), ("<tool_call>",)),
    Family("qwen3_coder", _QWEN3 | _NEMOTRON, _TAGGED_ELEMENTS, ("<function-name>",)),
    Family(
        "llama3_json",
        _LLAMA,
        ('{"name": function name, "parameters": dictionary of argument name and its value}',),
        ("<tool_call>",),
        tokens=("<|python_tag|>",),
    ),
    # The parser does not know the form with the id of a call between name and arguments.
    Family("mistral", _MISTRAL, ("[AVAILABLE_TOOLS]", "[TOOL_CALLS]"), ("[CALL_ID]",), ("[TOOL_CALLS]",)),
    Family("gemma4", _GEMMA4, ("<|tool_call>", "<|tool_response>")),
    Family("glm45", _GLM4, ("<tool_call>", "<arg_key>", "<arg_value>")),
    Family("kimi_k2", _DEEPSEEK, (_KIMI, "<|tool_call_argument_begin|>")),
    Family("minimax_m2", _MINIMAX, ("<minimax:tool_call>", "<invoke name=")),
    Family("openai", _GPT_OSS, ("<|channel|>", "functions.")),
    Family("seed_oss", _SEED, ("<seed:tool_call>", "<function=")),
)
# The parser of a model that thinks unless it is asked not to takes all text before `</think>` for reasoning,
# also if there is none. So the mere tag is no sign: a template that only removes old reasoning has it, and so
# has one that does not let the model think unless it is asked to.
REASONING = (
    Family("qwen3", _QWEN3, ("enable_thinking is defined and enable_thinking is false", *_THINK)),
    Family("qwen3", _QWEN3, ("<|im_start|>assistant\n<think>",), ("enable_thinking",)),
    Family("deepseek_r1", _QWEN2, ("<|im_start|>assistant\n<think>",), ("enable_thinking",), _THINK),
    Family(
        "deepseek_r1",
        _QWEN2 | _LLAMA | _DEEPSEEK,
        (f"{_ASSISTANT}<think>\n",),
        ("enable_thinking", "thinking is defined"),
        _THINK,
    ),
    Family("deepseek_v3", _DEEPSEEK, (_ASSISTANT, "thinking is defined", *_THINK), tokens=_THINK),
    Family("gemma4", _GEMMA4, ("<|channel>", "enable_thinking")),
    Family("glm45", _GLM4, ("enable_thinking is defined and not enable_thinking", *_THINK)),
    Family("kimi_k2", _DEEPSEEK, (_KIMI, *_THINK), tokens=_THINK),
    Family("mistral", _MISTRAL, ("[THINK]", "[/THINK]"), tokens=("[THINK]", "[/THINK]", "[TOOL_CALLS]")),
    Family("nemotron_v3", _NEMOTRON, ("enable_thinking is defined else True", *_THINK)),
    Family("openai_gptoss", _GPT_OSS, ("<|channel|>analysis<|message|>",)),
    Family("seed_oss", _SEED, ("<seed:think>",)),
)
# A statement or an expression with the variable `tools`. Without one, the model never sees a tool.
_RENDERS_TOOLS = re.compile(r"\{[%{][^%}]*\btools\b")


def infer(
    architectures: Sequence[str], chat_template: str, has_token: Callable[[str], bool] = lambda _: True
) -> Inferred:
    """The parsers of a model.

    `architectures` is the list in its config.json, `chat_template` the text of the Jinja template, and
    `has_token` says whether the tokenizer has a token; without it, all are taken to be there.
    """
    # Strings in a template may have a backslash before a quote, and write a line's end as two characters.
    text = chat_template.replace('\\"', '"').replace("\\n", "\n")

    def find(families: Sequence[Family]) -> str | None:
        """The parser of the rows that fit; None if none fits, or two that contradict each other."""
        found = {
            family.parser
            for family in families
            if not family.architectures.isdisjoint(architectures)
            and all(sign in text for sign in family.signs)
            and not any(sign in text for sign in family.counter_signs)
            and all(map(has_token, family.tokens))
        }
        return found.pop() if len(found) == 1 else None

    return Inferred(find(TOOL_CALLS) if _RENDERS_TOOLS.search(text) else None, find(REASONING))
