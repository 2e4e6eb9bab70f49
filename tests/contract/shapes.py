"""Messages of every shape, for hypothesis: fields that vLLM knows, with right values and with others."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

_DATA = "data:image/png;base64,AA"
_JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, 5, 0.5, True, "x", "", [], {}, ["x"], [5], {"a": 1}, [{"type": "text", "text": "x"}]]
)


def _either(*right: Any) -> st.SearchStrategy[Any]:
    """Mostly one of these values."""
    good = st.sampled_from(right)
    return st.one_of(good, good, good, _JUNK)


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> st.SearchStrategy[Any]:
    """Mostly an object with all required fields."""
    whole = st.fixed_dictionaries(required, optional=optional or {})
    partial = st.fixed_dictionaries({}, optional=required | (optional or {}))
    return st.one_of(whole, whole, whole, partial, _JUNK)


_TEXT = _either("x", "y")
_URL = _object({"url": _either(_DATA)}, {"detail": _either("auto", "low", None)})
_FIELDS: dict[str, dict[str, Any]] = {
    "text": {"text": _TEXT},
    "input_text": {"text": _TEXT},
    "output_text": {"text": _TEXT},
    "refusal": {"refusal": _TEXT},
    "thinking": {"thinking": _TEXT, "closed": _either(True, False)},
    "image_url": {"image_url": _URL},
    "input_image": {"image_url": st.one_of(st.just(_DATA), _URL), "detail": _either("auto", "high")},
    "audio_url": {"audio_url": _URL},
    "video_url": {"video_url": _URL},
    "input_audio": {
        "input_audio": _object({"data": _either("AA"), "format": _either("wav", "mp3", "flac")}),
    },
    "tool_reference": {"name": _TEXT},
    "file": {"file": _object({"file_id": _TEXT})},
    "image_embeds": {"image_embeds": _TEXT},
    "other": {"other": _JUNK},
}
_EXTRA = {
    "cache_control": _either({"type": "ephemeral"}),
    "prompt_cache_breakpoint": _either({"mode": "explicit"}),
    "image_url": st.sampled_from([None, _DATA]),
    "text": st.none(),
    "uuid": st.none(),
}
_TYPED = [
    st.one_of(
        st.fixed_dictionaries(
            {"type": st.just(kind)} | fields,
            optional={name: value for name, value in _EXTRA.items() if name not in fields},
        ),
        st.fixed_dictionaries({"type": st.just(kind)} | fields),
        st.fixed_dictionaries(fields),
        st.fixed_dictionaries({"type": st.just(kind)}, optional=fields),
    )
    for kind, fields in _FIELDS.items()
]
_PART = st.one_of(st.one_of(_TYPED), st.just("x"), _JUNK)
_CALL = _object(
    {
        "id": _TEXT,
        "type": _either("function", "function", "custom"),
        "function": _object({"name": _TEXT, "arguments": _either("{}", "", "no JSON")}),
    },
    {"index": _either(0), "custom": st.none()},
)
_MESSAGE = _object(
    {
        "role": _either("system", "developer", "user", "assistant", "tool", "function", "ipython"),
        "content": st.one_of(_either("x", None), st.lists(_PART, max_size=3)),
    },
    {
        "name": _TEXT,
        "tool_calls": st.one_of(st.lists(_CALL, max_size=2), _JUNK),
        "tool_call_id": _TEXT,
        "reasoning": _TEXT,
        "reasoning_content": _TEXT,
        "refusal": _TEXT,
        "audio": _object({"id": _TEXT}),
        "function_call": _object({"name": _TEXT, "arguments": _TEXT}),
        "annotations": _JUNK,
        "author": _object({"role": _either("user")}),
        "channel": _TEXT,
        "task": _TEXT,
        "other": _JUNK,
    },
)
_MESSAGES = st.lists(_MESSAGE, min_size=1, max_size=3)


@st.composite
def messages(draw: st.DrawFn) -> list[Any]:
    """One list of messages. A function, since hypothesis would write out all that is above for a constant."""
    return draw(_MESSAGES)
