"""Errors about the chat request, told in the names of the Responses request."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from fairlead_gateway.contract.errors import ApiError

_MESSAGE = re.compile(r"messages\[(\d+)\]")
_LIMIT = re.compile(r"\bmax_(?:completion_)?tokens\b")
_NAMES = {
    "messages": "input",
    "response_format": "text.format",
    "reasoning_effort": "reasoning.effort",
    "logprobs": "include",
}
_QUOTED = re.compile(f"'({'|'.join(_NAMES)})(?=['.])")


@dataclass(frozen=True)
class Naming:
    """What the parts of a chat request are called in the request it was made of.

    `places` has the path of the item behind each message; `limit` is the client's name for the output limit.
    """

    places: tuple[str, ...]
    limit: str

    def to_client(self, error: ApiError) -> ApiError:
        """The same error in the client's names."""
        if error.param is None:
            return replace(error, message=self._in_words(error.message))
        # A name and a quoted name are told alike.
        quoted = self._in_words(f"'{error.param}'")
        return replace(error, param=quoted[1:-1], message=self._in_words(error.message))

    def _in_words(self, message: str) -> str:
        message = message.replace("'max_tokens' or 'max_completion_tokens'", f"'{self.limit}'")
        message = _LIMIT.sub(self.limit, message)
        message = _QUOTED.sub(lambda found: f"'{_NAMES[found[1]]}", message)
        return _MESSAGE.sub(self._place, message)

    def _place(self, found: re.Match[str]) -> str:
        index = int(found[1])
        return self.places[index] if index < len(self.places) else found[0]
