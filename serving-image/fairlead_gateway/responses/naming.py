"""Errors about the chat request, in the names of the Responses request."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

from fairlead_contract.parameters import PARAMETERS, ApiKind
from fairlead_gateway.contract.errors import ApiError

_MESSAGE = re.compile(r"messages\[(\d+)\](\.content\b)?")
_TOOL = re.compile(r"\btools\[(\d+)\](?:\.function\b)?")
_LIMIT = re.compile(r"\bmax_(?:completion_)?tokens\b")
_NAMES = {"response_format.json_schema": "text.format"} | {
    name: parameter.path_in_responses
    for name, parameter in PARAMETERS[ApiKind.CHAT].items()
    if parameter.path_in_responses
}
_QUOTED = re.compile(f"'({'|'.join(_NAMES)})(?=['.])")


class Place(NamedTuple):
    """The origin of a chat message: the path of the item, and of what became its content."""

    item: str
    content: str


@dataclass(frozen=True)
class Naming:
    """The names that the parts of a chat request have in its original request.

    `places` has the place behind each message, `tools` the path behind each function; `limit` is the client's
    name for the output limit.
    """

    places: tuple[Place, ...]
    limit: str
    tools: tuple[str, ...] = ()

    def to_client(self, error: ApiError) -> ApiError:
        """The same error in the client's names."""
        if error.param is None:
            return replace(error, message=self._in_words(error.message))
        # A name is found where it is quoted.
        quoted = self._in_words(f"'{error.param}'")
        return replace(error, param=quoted[1:-1], message=self._in_words(error.message))

    def _in_words(self, message: str) -> str:
        message = message.replace("'max_tokens' or 'max_completion_tokens'", f"'{self.limit}'")
        message = _LIMIT.sub(self.limit, message)
        message = _QUOTED.sub(lambda found: f"'{_NAMES[found[1]]}", message)
        message = _TOOL.sub(self._tool, message)
        return _MESSAGE.sub(self._place, message)

    def _tool(self, found: re.Match[str]) -> str:
        index = int(found[1])
        return self.tools[index] if index < len(self.tools) else found[0]

    def _place(self, found: re.Match[str]) -> str:
        index = int(found[1])
        if index >= len(self.places):
            return found[0]
        return self.places[index].content if found[2] else self.places[index].item
