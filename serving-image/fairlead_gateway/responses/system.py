"""System and developer messages of an input: one message at the beginning, wherever they stand.

Many chat templates know only one system message, the first. A later one is refused ("System message must be
at the beginning", "Conversation roles must alternate") or left out of the prompt. vLLM does the same with
developer messages of chat completions if the template does not know that role. The gateway does not know
which template the model has, so the rule is the one that works with all of them.
"""

from __future__ import annotations

from typing import Any

from .content import Part, text_of
from .naming import Place

Message = dict[str, Any]

_BETWEEN = "\n\n"


class SystemMessages:
    """Collects the system messages of a conversation in their order."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._places: list[Place] = []

    def add(self, message: Message, place: Place) -> None:
        """Adds one; `place` is what it was made of."""
        self._messages.append(message)
        self._places.append(place)

    def merged(self) -> tuple[Message, Place] | None:
        """All of them as one message, and the place of the first; None if there are none."""
        if not self._messages:
            return None
        if len(self._messages) == 1:
            return self._messages[0], self._places[0]
        contents = [_parts(message["content"]) for message in self._messages]
        texts = [text for parts in contents if (text := text_of(parts)) is not None]
        if len(texts) == len(contents):
            content: str | list[Part] = _BETWEEN.join(text for text in texts if text)
        else:
            content = [part for parts in contents for part in parts]
        return {"role": "system", "content": content}, self._places[0]


def _parts(content: str | list[Part]) -> list[Part]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
