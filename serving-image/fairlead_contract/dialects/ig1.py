"""IG1: chat completions and responses, one list of sampling parameters for both, no defaults."""

from __future__ import annotations

from types import MappingProxyType

from fairlead_contract.parameters import ApiKind

from .types import ENGINE_ONLY, AnswerShape, Dialect, Documented, ProviderDocument, ResponseExtras

_SAMPLING = (
    Documented("stream"),
    Documented("temperature"),
    Documented("top_p"),
    Documented("max_tokens"),
    Documented("use_beam_search"),
    Documented("top_k", note="Documented from 1 to the size of the vocabulary."),
    Documented("min_p"),
    Documented("repetition_penalty", note="Documented from 1.0."),
    Documented("length_penalty", note="Documented from 0.0 to 2.0+."),
    Documented("stop_token_ids"),
    Documented("include_stop_str_in_output"),
    Documented("ignore_eos"),
    Documented("min_tokens", note="Documented up to max_tokens."),
    Documented("skip_special_tokens"),
    Documented("spaces_between_special_tokens"),
    Documented("truncate_prompt_tokens", note="Documented from 1 to the context length."),
    Documented("prompt_logprobs"),
    Documented("allowed_token_ids"),
    Documented("bad_words"),
)

IG1 = Dialect(
    name="IG1",
    title="IG1 AI",
    documents=(
        ProviderDocument(
            ApiKind.CHAT,
            "Create Chat Completion",
            (Documented("model", required=True), Documented("messages", required=True), *_SAMPLING),
        ),
        ProviderDocument(
            ApiKind.RESPONSES,
            "Create Responses",
            (Documented("model", required=True), Documented("input", required=True), *_SAMPLING),
        ),
    ),
    shape=AnswerShape(cut=ENGINE_ONLY),
    response_extras=ResponseExtras(
        response=MappingProxyType({"input_messages": None, "output_messages": None, "prompt": None}),
        message=MappingProxyType({"phase": None}),
        input_tokens_details=MappingProxyType({"cached_tokens_per_turn": (), "input_tokens_per_turn": ()}),
        output_tokens_details=MappingProxyType(
            {"output_tokens_per_turn": (), "tool_output_tokens": 0, "tool_output_tokens_per_turn": ()}
        ),
    ),
)
