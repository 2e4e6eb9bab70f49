"""The chat completion with `rag_params`. Its page lost most field names; OpenAI's stand for them."""

from __future__ import annotations

from fairlead_contract.parameters import ApiKind
from fairlead_contract.parameters.conversation import MAX_TOOLS
from fairlead_contract.parameters.sampling import MAX_STOP_STRINGS
from fairlead_contract.values import AnyOf, Array, Integer, Number, String

from .types import ENGINE_ONLY, AnswerShape, Dialect, Documented, ProviderDocument

_LOST = "The document shows no name."
_TOKENS_NOTE = "Documented up to the context length minus 2; the default is cut to what the context holds."

RAG = Dialect(
    name="RAG",
    title="Chat completion with rag_params",
    documents=(
        ProviderDocument(
            ApiKind.CHAT,
            "Chat completion",
            (
                Documented("model", default="", note="'' or absent means the model of this endpoint."),
                Documented("rag_params"),
                Documented("tools", Array(None, 1, MAX_TOOLS)),
                Documented("tool_choice", note=_LOST),
                Documented("temperature", Number(0.001, 2), 0.2, note=f"{_LOST} The engine's maximum is 2."),
                Documented("top_p", Number(0.001, 1), 0.6, note=_LOST),
                Documented("stream", default=False, note=_LOST),
                Documented("max_tokens", Integer(1), 2048, note=f"{_LOST} {_TOKENS_NOTE}"),
                Documented("stop", AnyOf((String(1), Array(String(1), 1, MAX_STOP_STRINGS)))),
                Documented("presence_penalty", Number(-2, 2), 0, note=_LOST),
                Documented("frequency_penalty", Number(-2, 2), 0, note=_LOST),
                Documented("logit_bias"),
                Documented("chat_id", default="", note=_LOST),
                Documented("messages", required=True),
                Documented("max_completion_tokens", Integer(1), 2048, note=f"{_LOST} {_TOKENS_NOTE}"),
                Documented("n", default=1, note=_LOST),
                Documented("user", note=_LOST),
            ),
        ),
    ),
    shape=AnswerShape(cut=ENGINE_ONLY),
    log_headers=("x-user-id", "x-project-id"),
    model_optional=True,
)
