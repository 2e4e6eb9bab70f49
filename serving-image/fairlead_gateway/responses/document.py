"""The Response object: from the one that has just begun to the one that has ended.

All keys of the specification are always there: strict readers fail on a missing or null one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fairlead_contract.dialects import ResponseExtras
from fairlead_gateway.contract.errors import ApiError

from .output import Item, ItemShape, output_text


@dataclass(frozen=True)
class ResponseDocument:
    """The known part of a Response when its request has been checked.

    `repeated` holds the keys that repeat the request; `token` makes the ids of the items; `clock` gives Unix
    seconds.
    """

    response_id: str
    token: str
    model: str
    created_at: int
    clock: Callable[[], int]
    repeated: Mapping[str, Any] = field(default_factory=dict)
    items: ItemShape = field(default_factory=ItemShape)
    extras: ResponseExtras = field(default_factory=ResponseExtras)
    shows_reasoning: bool = True

    def item_id(self, prefix: str, index: int) -> str:
        """The id of the output item at this place."""
        return f"{prefix}_{self.token}{index:02x}"

    def begun(self) -> Item:
        """The Response that has no output yet."""
        return self._with("in_progress", [], None, None)

    def ended(
        self,
        status: str,
        output: list[Item],
        usage: object,
        model: str | None,
        *,
        details: Item | None = None,
        error: Item | None = None,
    ) -> Item:
        """The Response that is over. `usage` is the engine's; `model` the engine's name of it."""
        return self._with(status, output, self._usage(usage), model, details, error)

    def _with(
        self,
        status: str,
        output: list[Item],
        usage: Item | None,
        model: str | None,
        details: Item | None = None,
        error: Item | None = None,
    ) -> Item:
        return {
            "id": self.response_id,
            "object": "response",
            "created_at": self.created_at,
            "completed_at": self.clock() if status == "completed" else None,
            "status": status,
            "model": model or self.model,
            "output": output,
            "output_text": output_text(output),
            "error": error,
            "incomplete_details": details,
            "previous_response_id": None,
            "store": False,
            "background": False,
            "usage": usage,
            **self.extras.response,
            **self.repeated,
        }

    def _usage(self, usage: object) -> Item | None:
        if not isinstance(usage, dict):
            return None
        prompt, completion = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
        details = {"cached_tokens": _count(prompt, "cached_tokens"), "cache_write_tokens": 0}
        reasoning = {"reasoning_tokens": _count(completion, "reasoning_tokens")}
        return {
            "input_tokens": _count(usage, "prompt_tokens"),
            "input_tokens_details": details | dict(self.extras.input_tokens_details),
            "output_tokens": _count(usage, "completion_tokens"),
            "output_tokens_details": reasoning | dict(self.extras.output_tokens_details),
            "total_tokens": _count(usage, "total_tokens"),
        }


def _count(usage: object, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) else 0


def ending(finish_reason: object) -> tuple[str, dict[str, str] | None]:
    """Status and `incomplete_details` for the engine's finish reason."""
    if finish_reason == "length":
        return "incomplete", {"reason": "max_output_tokens"}
    if finish_reason == "content_filter":
        return "incomplete", {"reason": "content_filter"}
    whole = finish_reason in ("stop", "tool_calls", "function_call")
    return ("completed" if whole else "failed"), None


def failure(error: ApiError) -> Item:
    """The `error` of a failed Response. Its codes are a closed list in OpenAI's schema."""
    code = "rate_limit_exceeded" if error.status == 429 else "server_error"
    if 400 <= error.status < 500 and error.status != 429:
        code = "invalid_prompt"
    return {"code": code, "message": error.message}
