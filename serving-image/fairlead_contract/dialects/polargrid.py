"""PolarGrid: chat completions with tight bounds and defaults of its own."""

from __future__ import annotations

from fairlead_contract.parameters import ApiKind
from fairlead_contract.values import Integer, Number

from .types import ENGINE_ONLY, AnswerShape, Dialect, Documented, ProviderDocument

POLARGRID = Dialect(
    name="PolarGrid",
    title="PolarGrid",
    documents=(
        ProviderDocument(
            ApiKind.CHAT,
            "Create Chat Completion",
            (
                Documented("model", required=True),
                Documented("messages", required=True, note="Roles system, user, assistant; others work too."),
                Documented("max_tokens", Integer(1, 4096), 150),
                Documented("temperature", Number(0, 2), 0.7),
                Documented("top_p", Number(0, 1), 0.9, note="0 keeps only the likeliest token."),
                Documented("top_k"),
                Documented("frequency_penalty", Number(-2, 2), 0.0),
                Documented("presence_penalty", Number(-2, 2), 0.0),
                Documented("stop", note="A single string works too."),
                Documented("stream", default=False),
                Documented("user"),
            ),
        ),
    ),
    shape=AnswerShape(cut=ENGINE_ONLY),
)
