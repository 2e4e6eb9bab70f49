"""Content parts of the Responses API as those of chat completions."""

from __future__ import annotations

from typing import Any

from fairlead_gateway.contract.errors import ApiError, invalid

Part = dict[str, Any]

_TEXT_KEYS = {
    "input_text": "text",
    "output_text": "text",
    "text": "text",
    "reasoning_text": "text",
    "summary_text": "text",
    "refusal": "refusal",
}
# Parts of chat completions beside text: they are passed on, and checked there.
_OF_CHAT = frozenset({"image_url", "input_audio", "audio_url", "video_url", "thinking", "tool_reference"})
_STORES_NOTHING = "this service stores no files"


def to_content(content: object, where: str) -> str | list[Part]:
    """Message content as chat completions have it: a text, or parts of which at least one is no single text.

    Several texts stay parts. The engine joins them as the model's chat template needs it, so that the same
    parts become the same prompt in both APIs.
    `where` is the path of the content in the request. Raises ApiError for parts that cannot be expressed.
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise invalid(f"'{where}' must be a string or an array.", where, "invalid_type")
    found = (_part(part, f"{where}[{index}]") for index, part in enumerate(content))
    parts = [part for part in found if part is not None]
    if not parts:
        return ""
    if len(parts) == 1 and parts[0].get("type") == "text":
        return str(parts[0]["text"])
    return parts


def to_text(content: object, where: str) -> str:
    """The same for places that hold only text. Several are joined as the engine joins those of content."""
    found = to_content(content, where)
    text = found if isinstance(found, str) else text_of(found)
    if text is None:
        raise invalid(f"'{where}' may only hold text.", where, "unsupported_value")
    return text


def text_of(parts: list[Part]) -> str | None:
    """The text of parts that are nothing else."""
    if any(part.get("type") != "text" for part in parts):
        return None
    return "\n".join(part["text"] for part in parts)


def _part(part: object, where: str) -> Part | None:
    """The part of a chat message; None for one without content."""
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, dict):
        raise invalid(f"'{where}' must be an object or a string.", where, "invalid_type")
    kind = part.get("type")
    key = _TEXT_KEYS.get(kind) if isinstance(kind, str) else None
    if key is not None:
        # As in chat completions, a text that is null counts as absent.
        absent = part.get(key, "") is None
        return None if absent else {"type": "text", "text": required_text(part, key, where)}
    if kind == "input_image":
        return _image(part, where)
    if kind is None or (isinstance(kind, str) and kind in _OF_CHAT):
        return part
    raise _unsupported(kind, where)


def _image(part: Part, where: str) -> Part:
    if part.get("file_id") is not None:
        message = f"'{where}.file_id' is not supported: {_STORES_NOTHING}. Send the image as a data URL."
        raise invalid(message, f"{where}.file_id", "unsupported_parameter")
    required_text(part, "image_url", where)
    # Chat completions take this form too, so that errors about it name fields that the client has sent.
    return {name: part[name] for name in ("type", "image_url", "detail") if name in part}


def _unsupported(kind: object, where: str) -> ApiError:
    if kind == "input_file":
        message = f"'{where}.type' cannot be '{kind}': {_STORES_NOTHING}. Send the text of the file."
    else:
        message = f"'{where}.type' must be 'input_text', 'output_text', 'refusal' or 'input_image'."
    return invalid(message, f"{where}.type", "unsupported_value")


def required_text(item: Part, name: str, where: str) -> str:
    """A string that must be there."""
    value = item.get(name)
    if not isinstance(value, str):
        raise invalid(f"'{where}.{name}' must be a string.", f"{where}.{name}", "invalid_type")
    return value
