"""One output item while it is being streamed: opening it, extending it and closing it write its events.

Every part is added before its deltas and done before its item, and all events of an item carry the same id:
the stream helpers of the SDKs build their snapshot from exactly that and raise on anything else.
"""

from __future__ import annotations

from .events import EventWriter, delta_template
from .output import Item, ItemShape, reasoning_item, reasoning_part, text_part


class OpenMessage:
    """An assistant message that receives text."""

    def __init__(self, writer: EventWriter, shape: ItemShape, item_id: str, index: int) -> None:
        self._writer, self._shape, self._item_id, self._index = writer, shape, item_id, index
        self._place = {"item_id": item_id, "output_index": index, "content_index": 0}
        self._delta = delta_template("response.output_text.delta", **self._place, logprobs=[])
        self._text: list[str] = []
        self._logprobs: list[Item] = []
        self.closed: Item | None = None
        opened = shape.message(item_id, [], "in_progress")
        writer.write("response.output_item.added", output_index=index, item=opened)
        writer.write("response.content_part.added", **self._place, part=text_part("", []))

    def extend(self, delta: str, logprobs: list[Item]) -> None:
        """Appends text, with the log probabilities of its tokens if they were requested."""
        self._text.append(delta)
        if not logprobs:
            self._writer.write_delta(self._delta, delta)
            return
        self._logprobs += logprobs
        self._writer.write("response.output_text.delta", **self._place, delta=delta, logprobs=logprobs)

    def add_logprobs(self, logprobs: list[Item]) -> None:
        """Appends log probabilities of tokens that made no text of their own."""
        self._logprobs += logprobs

    def item(self, status: str) -> Item:
        """The item as far as it has come."""
        part = text_part("".join(self._text), self._logprobs)
        return self._shape.message(self._item_id, [part], status)

    def close(self, status: str) -> None:
        """Ends the item."""
        self.closed = self.item(status)
        part = self.closed["content"][0]
        text, logprobs = part["text"], part["logprobs"]
        self._writer.write("response.output_text.done", **self._place, text=text, logprobs=logprobs)
        self._writer.write("response.content_part.done", **self._place, part=part)
        self._writer.write("response.output_item.done", output_index=self._index, item=self.closed)


class OpenReasoning:
    """A reasoning item that receives text."""

    def __init__(self, writer: EventWriter, item_id: str, index: int) -> None:
        self._writer, self._item_id, self._index = writer, item_id, index
        self._place = {"item_id": item_id, "output_index": index, "content_index": 0}
        self._delta = delta_template("response.reasoning_text.delta", **self._place)
        self._text: list[str] = []
        self.closed: Item | None = None
        opened = reasoning_item(item_id, [], "in_progress")
        writer.write("response.output_item.added", output_index=index, item=opened)
        writer.write("response.content_part.added", **self._place, part=reasoning_part(""))

    def extend(self, delta: str) -> None:
        """Appends text."""
        self._text.append(delta)
        self._writer.write_delta(self._delta, delta)

    def item(self, status: str) -> Item:
        """The item as far as it has come."""
        return reasoning_item(self._item_id, [reasoning_part("".join(self._text))], status)

    def close(self, status: str) -> None:
        """Ends the item."""
        self.closed = self.item(status)
        part = self.closed["content"][0]
        self._writer.write("response.reasoning_text.done", **self._place, text=part["text"])
        self._writer.write("response.content_part.done", **self._place, part=part)
        self._writer.write("response.output_item.done", output_index=self._index, item=self.closed)


class OpenCall:
    """A call that receives its arguments.

    The arguments of a custom tool arrive as JSON around the tool's text, so its text is known at the end only
    and goes out in one piece.
    """

    def __init__(
        self, writer: EventWriter, shape: ItemShape, item_id: str, index: int, call_id: str, name: str
    ) -> None:
        self._writer, self._shape, self._item_id, self._index = writer, shape, item_id, index
        self.call_id, self._name = call_id, name
        self._place = {"item_id": item_id, "output_index": index}
        self._delta = delta_template("response.function_call_arguments.delta", **self._place)
        self._custom = name in shape.custom_tools
        self._arguments: list[str] = []
        self.closed: Item | None = None
        writer.write("response.output_item.added", output_index=index, item=self.item("in_progress"))

    def extend(self, delta: str) -> None:
        """Appends to the arguments."""
        self._arguments.append(delta)
        if not self._custom:
            self._writer.write_delta(self._delta, delta)

    def item(self, status: str) -> Item:
        """The item as far as it has come."""
        arguments = "".join(self._arguments)
        return self._shape.call(self._item_id, self.call_id, self._name, arguments, status)

    def close(self, status: str) -> None:
        """Ends the item."""
        self.closed = self.item(status)
        if self._custom:
            text = self.closed["input"]
            self._writer.write("response.custom_tool_call_input.delta", **self._place, delta=text)
            self._writer.write("response.custom_tool_call_input.done", **self._place, input=text)
        else:
            done = {name: self.closed[name] for name in ("name", "arguments")}
            self._writer.write("response.function_call_arguments.done", **self._place, **done)
        self._writer.write("response.output_item.done", output_index=self._index, item=self.closed)


OpenItem = OpenMessage | OpenReasoning | OpenCall
