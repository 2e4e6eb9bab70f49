"""Which fields of a Responses request go where. One table, one place that decides."""

from __future__ import annotations

# Same name and meaning in chat completions.
PASSED_ON = frozenset(
    {
        "allowed_token_ids",
        "bad_words",
        "chat_template_kwargs",
        "frequency_penalty",
        "ignore_eos",
        "include_stop_str_in_output",
        "length_penalty",
        "logit_bias",
        "min_p",
        "min_tokens",
        "model",
        "parallel_tool_calls",
        "presence_penalty",
        "priority",
        "prompt_logprobs",
        "repetition_penalty",
        "seed",
        "skip_special_tokens",
        "spaces_between_special_tokens",
        "stop",
        "stop_token_ids",
        "structured_outputs",
        "temperature",
        "top_k",
        "top_p",
        "truncate_prompt_tokens",
        "use_beam_search",
        "user",
    }
)

# Read by the translation itself.
TRANSLATED = frozenset(
    {
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "max_tokens",
        "reasoning",
        "stream",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "truncation",
    }
)

# Without effect on the engine, but part of the answer.
ECHOED = frozenset(
    {
        "background",
        "max_tool_calls",
        "metadata",
        "prompt_cache_key",
        "safety_identifier",
        "service_tier",
        "store",
    }
)

# Need a memory of earlier requests, which this service does not keep.
STATEFUL = frozenset({"conversation", "previous_response_id", "prompt"})
