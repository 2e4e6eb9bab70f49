"""How `fairlead logs` shows a line: the programs of Fairlead write JSON, vLLM writes text. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fairlead_contract.text import printable
from fairlead_operator.cli.output import Paint

# What a JSON line of ours begins with: fairlead_contract.log_format.
_HEAD = ("time", "level", "logger", "message")
_LEVELS = {"DEBUG": "minor", "WARNING": "warning", "ERROR": "bad", "CRITICAL": "bad"}


@dataclass(frozen=True)
class LogLine:
    """A line of a container, with the time at which the node received it (None if it is not known)."""

    pod: str
    container: str
    time: datetime | None
    text: str

    @property
    def place(self) -> str:
        """Where it comes from."""
        return f"{self.pod} {self.container}"


def parse_line(pod: str, container: str, line: bytes) -> LogLine:
    """A line as the API server sends it with `timestamps`: an RFC 3339 time, a blank, and the text."""
    decoded = line.decode(errors="replace")
    stamp, _, text = decoded.partition(" ")
    try:
        time = datetime.fromisoformat(stamp).astimezone(UTC)
    except (ValueError, OverflowError):
        return LogLine(pod, container, None, decoded)
    return LogLine(pod, container, time, text)


def shown(line: LogLine, width: int, paint: Paint) -> str:
    """A line for people; `width` is that of the place at its start, 0 for none."""
    fields = _fields(line.text)
    start = f"{paint(f'{line.place:<{width}}', 'minor')}  " if width else ""
    if fields is None:
        return start + _time(line.time) + _clean(line.text)
    level, labels = str(fields["level"]), _labels(fields)
    parts = [
        paint(f"{_clean(level):<8}", _LEVELS.get(level, "title")),
        _clean(str(fields["message"])),
        paint(_clean(labels), "minor") if labels else "",
        f"\n{_clean(str(fields['exception']))}" if fields.get("exception") else "",
    ]
    return start + _time(line.time) + "".join(parts)


def line_document(line: LogLine) -> str:
    """A line for programs: one JSON object with pod and container, and the fields of a JSON line of ours."""
    fields = _fields(line.text)
    if fields is None:
        fields = {"time": line.time and line.time.isoformat(), "message": line.text}
    document = {**fields, "pod": line.pod, "container": line.container}
    return _clean(json.dumps(document, ensure_ascii=False))


def _fields(text: str) -> Mapping[str, Any] | None:
    """The fields of a JSON line of ours; None for anything else."""
    if not text.startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and all(key in found for key in _HEAD) else None


def _labels(fields: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in fields.items() if key not in (*_HEAD, "exception")}
    return "".join(f" {key}={_value(value)}" for key, value in rest.items())


def _time(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03d} " if time else ""


def _value(value: Any) -> str:
    plain = isinstance(value, str) and value and not any(letter in ' "=\n' for letter in value)
    return value if plain else json.dumps(value, ensure_ascii=False)


def _clean(text: str) -> str:
    return printable(text, len(text))
