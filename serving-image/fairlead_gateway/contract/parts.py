"""The content parts of a chat message: their types and fields, and the form in which the engine takes them.

vLLM matches a part with some fifteen types at once and reports the mismatch with each of them. Which types
it tries also depends on the other parts of the message, so it refuses some parts only where they stand alone.
Here each type has one form, which the engine takes in every message.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

from fairlead_contract.values import Choice, Kind, Object, String

from .errors import ApiError, invalid, missing
from .media import check_media
from .value_check import check

Part = dict[str, Any]

_TEXT = String()
_OBJECT = Object()
# OpenAI's values; vLLM accepts and ignores them.
_DETAIL = Choice(("auto", "low", "high", "original"))
# The formats that OpenAI documents. vLLM decodes others too, but takes them as a data: URL only.
_DOCUMENTED_AUDIO = frozenset({"wav", "mp3"})
# What shows the type of a part without one, in the order in which vLLM looks.
_TYPE_BY_KEY = ("image_url", "audio_url", "input_audio", "video_url", "tool_reference")
# OpenAI's cache control inside of messages. It has no effect here, and vLLM refuses any but one form of it.
_UNUSED = "prompt_cache_breakpoint"


def engine_part(part: Any, path: str, domains: Collection[str]) -> Part | None:
    """The part as the engine takes it, the same object if that is as it came; None for one without content.

    A string is a text, a null field is absent. Raises the 400 with the path of the first fault.
    """
    if type(part) is str:
        return {"type": "text", "text": part}
    if type(part) is not dict:
        raise invalid(f"'{path}' must be an object or a string.", path, "invalid_type")
    if _is_empty(part):
        return None
    if _UNUSED in part or None in part.values():
        part = {name: value for name, value in part.items() if value is not None and name != _UNUSED}
    check_media(part, path, domains)
    kind = part.get("type")
    if kind is None:
        kind = next((key for key in _TYPE_BY_KEY if key in part), None)
    if kind is None:
        raise missing(f"{path}.type")
    form = _FORMS.get(kind) if type(kind) is str else None
    if form is None:
        raise _unsupported(kind, path)
    return form(part, path)


def has_media(part: Part) -> bool:
    """Whether a part that `engine_part` returned is an image, a sound or a video."""
    return part["type"] in _MEDIA


def _is_empty(part: Part) -> bool:
    """Whether the text of a part is null: vLLM leaves such parts out of the prompt."""
    kind = part.get("type")
    field = _TEXT_FIELDS.get(kind) if type(kind) is str else None
    return field is not None and part.get(field, "") is None


def _unsupported(kind: Any, path: str) -> ApiError:
    if kind == "file":
        message = f"'{path}.type' cannot be 'file': no files are read here. Send the text of the file."
    else:
        message = f"'{path}.type' must be {Choice(_SHOWN).describe()}."
    code = "unsupported_value" if type(kind) is str else "invalid_type"
    return invalid(message, f"{path}.type", code)


def _required(part: Part, name: str, kind: Kind, path: str) -> Any:
    if name not in part:
        raise missing(f"{path}.{name}")
    check(kind, part[name], f"{path}.{name}")
    return part[name]


def _text(part: Part, path: str) -> Part:
    _required(part, "text", _TEXT, path)
    # The names of the Responses API.
    return part if part["type"] == "text" else {**part, "type": "text"}


def _refusal(part: Part, path: str) -> Part:
    _required(part, "refusal", _TEXT, path)
    return part


def _thinking(part: Part, path: str) -> Part:
    _required(part, "thinking", _TEXT, path)
    # Without effect in the engine, which refuses anything but a boolean.
    if type(part.get("closed", True)) is not bool:
        return {name: value for name, value in part.items() if name != "closed"}
    return part


def _tool_reference(part: Part, path: str) -> Part:
    if "name" in part:
        check(_TEXT, part["name"], f"{path}.name")
    return part if "type" in part else {**part, "type": "tool_reference"}


def _media(name: str) -> Callable[[Part, str], Part]:
    """The form of a part whose field of the same name holds a URL."""

    def form(part: Part, path: str) -> Part:
        if name not in part:
            raise missing(f"{path}.{name}")
        value, where = part[name], f"{path}.{name}"
        # As vLLM takes it from a part without a type.
        reference = {"url": value} if type(value) is str and "type" not in part else value
        check(_OBJECT, reference, where)
        _required(reference, "url", _TEXT, where)
        if name == "image_url":
            reference = _with_detail(reference, where)
        if reference is value and "type" in part:
            return part
        return {**part, "type": name, name: reference}

    return form


def _with_detail(reference: Part, path: str) -> Part:
    detail = reference.get("detail", "auto")
    if detail is None:
        return {name: value for name, value in reference.items() if name != "detail"}
    check(_DETAIL, detail, f"{path}.detail")
    return reference


def _input_image(part: Part, path: str) -> Part:
    """The image of the Responses API, whose URL is a string with the detail beside it."""
    if "image_url" not in part:
        raise missing(f"{path}.image_url")
    url = part["image_url"]
    reference = url if type(url) is dict else {"url": url}
    where = f"{path}.image_url"
    check(_TEXT, reference.get("url"), where if reference is not url else f"{where}.url")
    if "detail" in part:
        check(_DETAIL, part["detail"], f"{path}.detail")
        reference = {**reference, "detail": part["detail"]}
    rest = {name: value for name, value in part.items() if name != "detail"}
    return {**rest, "type": "image_url", "image_url": _with_detail(reference, where)}


def _input_audio(part: Part, path: str) -> Part:
    audio, where = _required(part, "input_audio", _OBJECT, path), f"{path}.input_audio"
    data = _required(audio, "data", _TEXT, where)
    form = audio.get("format")
    if type(form) is str and form in _DOCUMENTED_AUDIO:
        return part if "type" in part else {**part, "type": "input_audio"}
    if form is not None:
        check(_TEXT, form, f"{where}.format")
    rest = {name: value for name, value in part.items() if name != "input_audio"}
    # What vLLM makes of it itself.
    url = f"data:audio/{form or ''};base64,{data}"
    return {**rest, "type": "audio_url", "audio_url": {"url": url}}


_FORMS: Mapping[str, Callable[[Part, str], Part]] = MappingProxyType(
    {
        "text": _text,
        "input_text": _text,
        "output_text": _text,
        "refusal": _refusal,
        "thinking": _thinking,
        "image_url": _media("image_url"),
        "input_image": _input_image,
        "audio_url": _media("audio_url"),
        "input_audio": _input_audio,
        "video_url": _media("video_url"),
        "tool_reference": _tool_reference,
    }
)
_MEDIA = frozenset({"image_url", "audio_url", "input_audio", "video_url"})
_TEXT_FIELDS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
# What an error names: the types of the chat API.
_SHOWN = ("text", "refusal", "image_url", "input_audio", "audio_url", "video_url")
