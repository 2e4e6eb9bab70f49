"""OpenAI's own APIs, without defaults: the engine's and the model's apply, and its bytes are the answer."""

from __future__ import annotations

from fairlead_contract.parameters import ApiKind
from fairlead_contract.values import Integer

from .types import AnswerShape, Dialect, Documented, ProviderDocument

OPENAI = Dialect(
    name="OpenAI",
    title="OpenAI",
    documents=(
        ProviderDocument(
            ApiKind.CHAT,
            "Create chat completion",
            (
                Documented("model", required=True),
                Documented("messages", required=True),
                Documented("frequency_penalty"),
                Documented("logit_bias"),
                Documented("logprobs"),
                Documented("top_logprobs", Integer(0, 20)),
                Documented("max_completion_tokens"),
                Documented("max_tokens"),
                Documented("metadata"),
                Documented("modalities"),
                Documented("n"),
                Documented("parallel_tool_calls"),
                Documented("prediction"),
                Documented("presence_penalty"),
                Documented("prompt_cache_key"),
                Documented("reasoning_effort"),
                Documented("response_format"),
                Documented("safety_identifier"),
                Documented("seed"),
                Documented("service_tier"),
                Documented("stop"),
                Documented("store"),
                Documented("stream"),
                Documented("stream_options"),
                Documented("temperature"),
                Documented("tool_choice"),
                Documented("tools"),
                Documented("top_p"),
                Documented("user"),
                Documented("verbosity"),
            ),
        ),
        ProviderDocument(
            ApiKind.RESPONSES,
            "Create a model response",
            (
                Documented("model", required=True),
                Documented("input", required=True),
                Documented("background"),
                Documented("include"),
                Documented("instructions"),
                Documented("max_output_tokens"),
                Documented("max_tool_calls"),
                Documented("metadata"),
                Documented("parallel_tool_calls"),
                Documented("prompt_cache_key"),
                Documented("reasoning"),
                Documented("safety_identifier"),
                Documented("service_tier"),
                Documented("store"),
                Documented("stream"),
                Documented("stream_options"),
                Documented("temperature"),
                Documented("text"),
                Documented("tool_choice"),
                Documented("tools"),
                Documented("top_logprobs", Integer(0, 20)),
                Documented("top_p"),
                Documented("truncation"),
                Documented("user"),
            ),
        ),
    ),
    shape=AnswerShape(as_received=True),
)
