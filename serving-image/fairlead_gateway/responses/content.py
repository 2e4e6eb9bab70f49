"""Content parts of the Responses API as those of chat completions."""

from __future__ import annotations

from typing import Any

from fairlead_gateway.contract.errors import ApiError, invalid

_TEXT_KEYS = {
    "input_text": "text",
    "output_text": "text",
    "text": "text",
    "reasoning_text": "text",
    "summary_text": "text",
    "refusal": "refusal",
}
_STORES_NOTHING = "this service stores no files"


def to_content(content: object, where: str) -> str | list[dict[str, Any]]:
    """Message content: plain text where it is only text, since not every chat template takes parts.

    `where` is the path of the content in the request. Raises ApiError for parts that cannot be expressed.
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise invalid(f"'{where}' must be a string or an array.", where, "invalid_type")
    parts = [_part(part, f"{where}[{index}]") for index, part in enumerate(content)]
    if all(part["type"] == "text" for part in parts):
        return "".join(part["text"] for part in parts)
    return parts


def to_text(content: object, where: str) -> str:
    """The same for places that hold only text."""
    text = to_content(content, where)
    if isinstance(text, str):
        return text
    raise invalid(f"'{where}' may only hold text.", where, "unsupported_value")


def _part(part: object, where: str) -> dict[str, Any]:
    if not isinstance(part, dict):
        raise invalid(f"'{where}' must be an object.", where, "invalid_type")
    kind = part.get("type")
    key = _TEXT_KEYS.get(kind) if isinstance(kind, str) else None
    if key is not None:
        return {"type": "text", "text": required_text(part, key, where)}
    if kind == "input_image":
        return _image(part, where)
    raise _unsupported(kind, where)


def _image(part: dict[str, Any], where: str) -> dict[str, Any]:
    if part.get("file_id") is not None:
        message = f"'{where}.file_id' is not supported: {_STORES_NOTHING}. Send the image as a data URL."
        raise invalid(message, f"{where}.file_id", "unsupported_parameter")
    image = {"url": required_text(part, "image_url", where)}
    if part.get("detail") is not None:
        image["detail"] = required_text(part, "detail", where)
    return {"type": "image_url", "image_url": image}


def _unsupported(kind: object, where: str) -> ApiError:
    if kind == "input_file":
        message = f"'{where}.type' cannot be '{kind}': {_STORES_NOTHING}. Send the text of the file."
    else:
        message = f"'{where}.type' must be 'input_text', 'output_text', 'refusal' or 'input_image'."
    return invalid(message, f"{where}.type", "unsupported_value")


def required_text(item: dict[str, Any], name: str, where: str) -> str:
    """A string that must be there."""
    value = item.get(name)
    if not isinstance(value, str):
        raise invalid(f"'{where}.{name}' must be a string.", f"{where}.{name}", "invalid_type")
    return value
