"""IO Intelligence: nearly all parameters of vLLM as it was, under a path of its own.

Where its document says "integer" for penalties, temperature, top_p and min_p, its own defaults and ranges are
numbers, so numbers are accepted.
"""

from __future__ import annotations

from types import MappingProxyType

from fairlead_contract.parameters import ApiKind
from fairlead_contract.values import Integer, Number

from .types import TOKEN_IDS, AnswerShape, Dialect, Documented, ProviderDocument

IO_INTELLIGENCE = Dialect(
    name="IOIntelligence",
    title="IO Intelligence",
    documents=(
        ProviderDocument(
            ApiKind.CHAT,
            "Create Chat Completion",
            (
                Documented("model", required=True),
                Documented("messages", required=True),
                Documented("reasoning_content", default=False),
                Documented("frequency_penalty", Number(-2, 2), 0),
                Documented("logit_bias"),
                Documented("logprobs", default=False),
                Documented("top_logprobs", Integer(0, 20)),
                Documented("max_tokens"),
                Documented("max_completion_tokens"),
                Documented("n", default=1),
                Documented("presence_penalty", Number(-2, 2), 0),
                Documented("response_format"),
                Documented("seed"),
                Documented("stop", note="A single string works too."),
                Documented("stream", default=False),
                Documented("stream_options"),
                Documented("temperature", Number(0, 2), 0.7),
                Documented("top_p", default=1),
                Documented("tools"),
                Documented("tool_choice", note="Default none, or auto if there are tools."),
                Documented("parallel_tool_calls", default=False, note="Set only if there are tools."),
                Documented("user"),
                Documented("best_of"),
                Documented("use_beam_search", default=False),
                Documented("top_k", default=-1),
                Documented("min_p", default=0),
                Documented("repetition_penalty", default=1),
                Documented("length_penalty", default=1),
                Documented("stop_token_ids"),
                Documented("include_stop_str_in_output", default=False),
                Documented("ignore_eos", default=False),
                Documented("min_tokens", default=0),
                Documented("skip_special_tokens", default=True),
                Documented("spaces_between_special_tokens", default=True),
                Documented("truncate_prompt_tokens"),
                Documented("prompt_logprobs"),
                Documented("echo", default=False),
                Documented("add_generation_prompt", default=True),
                Documented("continue_final_message", default=False),
                Documented("add_special_tokens", default=False),
                Documented("documents"),
                Documented("chat_template"),
                Documented("chat_template_kwargs"),
                Documented("guided_json"),
                Documented("guided_regex"),
                Documented("guided_choice"),
                Documented("guided_grammar"),
                Documented("guided_decoding_backend"),
                Documented("guided_whitespace_pattern"),
                Documented("priority", default=0),
                Documented("request_id"),
            ),
        ),
    ),
    paths=MappingProxyType({"/api/v1/chat/completions": ApiKind.CHAT}),
    shape=AnswerShape(
        answer=MappingProxyType({"prompt_logprobs": None}),
        choice=MappingProxyType({"logprobs": None, "stop_reason": None}),
        message=MappingProxyType({"reasoning_content": None, "tool_calls": ()}),
        usage=MappingProxyType({"prompt_tokens_details": None}),
        cut=TOKEN_IDS,
    ),
)
