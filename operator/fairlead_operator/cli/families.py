"""Which of vLLM's parsers a model of the hub needs, by its name, where that is certain. Pure.

The names of parsers are those of vLLM 0.32; the families are from vLLM's documentation (features/tool_calling
and features/reasoning_outputs) and the model cards. A family whose parser also needs another chat template,
or for which the two disagree, is left out: then the manifest has a comment instead of a value.
"""

from __future__ import annotations

import re

from fairlead_launcher.parsers import Inferred

# The whole name, ORG/NAME, in lower case; the first that matches counts. Quantised copies keep the name of
# their model and add to it (-FP8, -AWQ, -GGUF).
_FAMILIES: tuple[tuple[str, Inferred], ...] = (
    (r"qwen/qwen3\.[56]-.*", Inferred("qwen3_coder", "qwen3")),
    (r"qwen/qwen3-coder-.*", Inferred("qwen3_coder", None)),
    (r"qwen/qwen3-.*-instruct-2507.*", Inferred("hermes", None)),
    (r"qwen/qwen3-.*-thinking-2507.*", Inferred("hermes", "qwen3")),
    (r"qwen/qwen3-\d+(\.\d+)?b(-a\d+b)?(-fp8|-awq|-gptq-int[48]|-gguf)?", Inferred("hermes", "qwen3")),
    (r"qwen/qwen2\.5-\d+(\.\d+)?b-instruct.*", Inferred("hermes", None)),
    (r"qwen/qwq-32b.*", Inferred("hermes", "deepseek_r1")),
    (r"nousresearch/hermes-[23]-.*", Inferred("hermes", None)),
    (r"meta-llama/(meta-)?llama-3\.[13]-\d+b-instruct.*", Inferred("llama3_json", None)),
    # Later ones have the identifier of a call in a place where the parser does not know it.
    (r"mistralai/mistral-(7b-instruct-v0\.3|nemo-instruct-2407)", Inferred("mistral", None)),
    (r"deepseek-ai/deepseek-r1.*", Inferred(None, "deepseek_r1")),
    (r"deepseek-ai/deepseek-v3\.1.*", Inferred(None, "deepseek_v3")),
    (r"openai/gpt-oss-\d+b", Inferred("openai", "openai_gptoss")),
    (r"(zai-org|thudm)/glm-4\.[56](-.*)?", Inferred("glm45", "glm45")),
    (r"zai-org/glm-4\.7(-.*)?", Inferred("glm47", "glm47")),
    (r"moonshotai/kimi-k2-instruct.*", Inferred("kimi_k2", None)),
    (r"moonshotai/kimi-k2-thinking", Inferred("kimi_k2", "kimi_k2")),
    (r"minimaxai/minimax-m2(\.\d)?", Inferred("minimax_m2", "minimax_m2_append_think")),
    (r"bytedance-seed/seed-oss-.*-instruct", Inferred("seed_oss", "seed_oss")),
    (r"google/gemma-4-.*-it", Inferred("gemma4", "gemma4")),
)


def by_name(source: str) -> Inferred:
    """The parsers of an `hf://ORG/NAME` source; none for anything else, since paths have any name."""
    scheme, _, rest = source.partition("://")
    name = "/".join(rest.split("/")[:2]).lower()
    if scheme != "hf":
        return Inferred()
    return next((found for pattern, found in _FAMILIES if re.fullmatch(pattern, name)), Inferred())
