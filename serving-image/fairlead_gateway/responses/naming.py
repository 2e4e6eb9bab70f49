"""Errors about the chat request, told in the names of the Responses request."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from fairlead_gateway.contract.errors import ApiError

_MESSAGE = re.compile(r"^messages\[(\d+)\]")
_NAMES = {
    "messages": "input",
    "response_format": "text.format",
    "reasoning_effort": "reasoning.effort",
    "logprobs": "include",
}
_LIMITS = ("max_completion_tokens", "max_tokens")


@dataclass(frozen=True)
class Naming:
    """What the parts of a chat request are called in the request it was made of.

    `places` has the path of the item behind each message; `limit` is the client's name for the output limit.
    """

    places: tuple[str, ...]
    limit: str

    def to_client(self, error: ApiError) -> ApiError:
        """The same error with `param`, and its mention in the message, in the client's names."""
        param = error.param
        if param is None:
            return error
        renamed = self._rename(param)
        if renamed == param:
            return error
        # A path is quoted where it is meant; the limit's name is no word of plain English.
        quote = "" if param in _LIMITS else "'"
        message = error.message.replace(f"{quote}{param}{quote}", f"{quote}{renamed}{quote}")
        return replace(error, param=renamed, message=message)

    def _rename(self, param: str) -> str:
        found = _MESSAGE.match(param)
        if found and int(found[1]) < len(self.places):
            return self.places[int(found[1])] + param[found.end() :]
        head, dot, rest = param.partition(".")
        if head in _LIMITS:
            return self.limit
        return _NAMES.get(head, head) + dot + rest
