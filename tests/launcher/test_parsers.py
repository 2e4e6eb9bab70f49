"""Which parsers a model's architecture and chat template are certain signs of.

The templates are excerpts in the form that each family publishes: what shows its tool calls and its thinking.
"""

from __future__ import annotations

import re

import pytest

from fairlead_launcher.parsers import REASONING, TOOL_CALLS, Family, Inferred, infer
from tests.support.engine import vllm_folder

TOOLS = "{%- for tool in tools %}{{ tool | tojson }}{%- endfor %}"
HERMES = TOOLS + (
    r"""{{- "</tools>\n\nFor each function call, return a json object:\n<tool_call>\n"""
    r"""{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call><|im_end|>\n" }}"""
)
CODER = (
    TOOLS
    + r"{{- '\n<tool_call>\n<function=f>\n<parameter=p>\nvalue\n</parameter>\n</function>\n</tool_call>' }}"
)
HYBRID = (
    "{%- set content = message.content.split('</think>')[-1] %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}"
    "{%- endif %}"
)
THINKER = r"{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n<think>\n' }}{%- endif %}"
LLAMA3 = TOOLS + (
    """{{- 'Respond in the format {"name": function name, "parameters": dictionary of argument name and """
    """its value}.' }}"""
)
MISTRAL = "{{- '[AVAILABLE_TOOLS]' + (tools | tojson) + '[/AVAILABLE_TOOLS]' }}{{- '[TOOL_CALLS]' + name }}"
R1 = r"{%- if add_generation_prompt -%}{{'<｜Assistant｜><think>\n'}}{%- endif %}"  # noqa: RUF001
V31 = (
    "{%- if not thinking is defined -%}{%- set thinking = false -%}{%- endif -%}{{'<｜Assistant｜>'}}"  # noqa: RUF001
    "{%- if not thinking -%}{{'<think></think>'}}{%- else -%}{{'<think>'}}{%- endif -%}"
)
GLM = TOOLS + (
    "<tool_call>{function-name}<arg_key>{key}</arg_key><arg_value>{value}</arg_value></tool_call>"
    "{{- '<think></think>' if (enable_thinking is defined and not enable_thinking) else '' -}}"
)
KIMI = (
    "{%- if tools -%}{{ tools | tojson }}{%- endif -%}<|tool_calls_section_begin|><|tool_call_begin|>{{ id }}"
    "<|tool_call_argument_begin|>{{ arguments }}<|tool_call_end|>"
)
GRANITE3 = (
    "{%- set available_tools = tools -%}respond only with <|tool_call|> followed by a JSON list of tools"
)
GPT_OSS = (
    "{%- if tools -%}{{- render_tool_namespace('functions', tools) }}{%- endif -%}"
    '{{- "<|start|>assistant<|channel|>analysis<|message|>" }}{{- " to=functions." }}'
)
NEMOTRON = CODER + (
    "{%- set enable_thinking = enable_thinking if enable_thinking is defined else True %}<think></think>"
)


@pytest.mark.parametrize(
    ("architecture", "template", "tools", "reasoning"),
    [
        ("Qwen2ForCausalLM", HERMES, "hermes", None),
        ("Qwen3ForCausalLM", HERMES + HYBRID, "hermes", "qwen3"),
        ("Qwen3MoeForCausalLM", HERMES + THINKER, "hermes", "qwen3"),
        ("Qwen3MoeForCausalLM", CODER, "qwen3_coder", None),
        ("Qwen3_5ForConditionalGeneration", CODER + HYBRID, "qwen3_coder", "qwen3"),
        ("Qwen2ForCausalLM", HERMES + THINKER, "hermes", "deepseek_r1"),
        ("LlamaForCausalLM", HERMES, "hermes", None),
        ("LlamaForCausalLM", LLAMA3, "llama3_json", None),
        ("LlamaForCausalLM", R1, None, "deepseek_r1"),
        ("Qwen2ForCausalLM", R1, None, "deepseek_r1"),
        ("DeepseekV3ForCausalLM", R1, None, "deepseek_r1"),
        ("DeepseekV3ForCausalLM", V31, None, "deepseek_v3"),
        ("DeepseekV3ForCausalLM", KIMI, "kimi_k2", None),
        ("DeepseekV3ForCausalLM", KIMI + "<think></think>", "kimi_k2", "kimi_k2"),
        ("MistralForCausalLM", MISTRAL, "mistral", None),
        ("Mistral3ForConditionalGeneration", MISTRAL + "[THINK][/THINK]", "mistral", "mistral"),
        ("Glm4MoeForCausalLM", GLM, "glm45", "glm45"),
        ("GraniteForCausalLM", GRANITE3, "granite", None),
        ("GraniteMoeHybridForCausalLM", HERMES, "granite4", None),
        ("GptOssForCausalLM", GPT_OSS, "openai", "openai_gptoss"),
        ("NemotronHForCausalLM", NEMOTRON, "qwen3_coder", "nemotron_v3"),
    ],
)
def test_a_known_family_has_its_parsers(
    architecture: str, template: str, tools: str | None, reasoning: str | None
) -> None:
    assert infer([architecture], template) == Inferred(tools, reasoning)


@pytest.mark.parametrize(
    ("architecture", "template"),
    [
        ("LlamaForCausalLM", ""),
        ("LlamaForCausalLM", "{% for m in messages %}<|im_start|>{{ m.content }}{% endfor %}"),
        # The tag alone may be another family's form.
        ("Qwen3ForCausalLM", TOOLS + "<tool_call>{{ call }}</tool_call>"),
        ("Qwen3ForCausalLM", GLM),
        # Nothing shows the model its tools.
        ("Qwen3ForCausalLM", HERMES.replace("tools", "functions")),
        # It removes old reasoning, or thinks only if it is asked to: without `</think>` all is the answer.
        ("Qwen3ForCausalLM", "{{ message.content.split('</think>')[-1].split('<think>')[0] }}"),
        ("Qwen3ForCausalLM", "{%- if enable_thinking %}{{- '<think>\\n' }}{%- endif %}</think>"),
        ("Qwen2ForCausalLM", "{%- if enable_thinking %}" + THINKER),
        # vLLM's parser does not know calls with ids.
        ("Mistral3ForConditionalGeneration", MISTRAL + "[CALL_ID]"),
        ("SomethingElseForCausalLM", HERMES + HYBRID),
    ],
)
def test_without_certain_signs_nothing_is_inferred(architecture: str, template: str) -> None:
    assert infer([architecture], template) == Inferred()


def test_a_parser_that_needs_a_token_is_not_for_a_tokenizer_without_it() -> None:
    def no_token(_: str) -> bool:
        return False

    assert infer(["LlamaForCausalLM"], LLAMA3, no_token) == Inferred()
    assert infer(["LlamaForCausalLM"], HERMES, no_token) == Inferred("hermes")
    assert infer(["LlamaForCausalLM"], R1, no_token) == Inferred()


@pytest.mark.engine
@pytest.mark.parametrize(("families", "place"), [(TOOL_CALLS, "tool_parsers"), (REASONING, "reasoning")])
def test_vllm_registers_every_parser_of_the_tables(families: tuple[Family, ...], place: str) -> None:
    registered = re.findall(
        r'^    "([\w-]+)": \(', (vllm_folder() / place / "__init__.py").read_text(), re.MULTILINE
    )
    assert {family.parser for family in families} <= set(registered)
