"""The learned figures of a model. It survives restarts of the operator and the model's time at zero.

It is JSON, which the operator keeps in `status.autoscaling.learned`. Another writer or version may have
written it. A value that does not fit must not stop a decision, so it is replaced by the prior.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from fairlead_contract.bounds import WORD_CHARACTERS
from fairlead_operator.autoscale.facts import significant
from fairlead_operator.bounds import LEARNED_ITEMS

# No learned value is that large, and its square is still finite.
LARGEST = 1e18

Numbers = tuple[float, ...]


class Start(NamedTuple):
    """How long one pod took to start, in seconds."""

    to_node: float
    """From its creation until it had a node."""
    from_node: float
    """From there to its first request."""
    kind: str = ""
    """Pods of one kind take equally long: same image, weights, accelerator."""

    @property
    def seconds(self) -> float:
        """From creation to the first request."""
        return self.to_node + self.from_node


@dataclass(frozen=True, slots=True)
class Memory:
    """Learned values. Empty ones mean the prior."""

    seen_since: float | None = None
    """When the model was first observed."""
    last_activity: float | None = None
    """When it last had a request."""
    arrivals_per_second: float = 0.0
    """Requests per second over the ten minutes before it was written."""
    cold_starts: tuple[Start, ...] = ()
    """The last starts, oldest first."""
    surges: Numbers = ()
    """Seconds that the last bursts lasted."""
    step_sums: Numbers = ()
    """Normal equations of the step costs."""
    step_samples: float = 0.0
    step_error: float = 0.0
    mix: Numbers = ()
    """Weighted sums over requests: requests, prompt, output, counted and computed tokens."""
    residence_seconds: float = 0.0
    """How long a request stays on a pod."""
    concurrency_factor: float = 1.0
    kv_tokens: float | None = None
    """Of one engine's KV cache."""
    max_running: float | None = None
    """Bound of one engine's batch."""

    def to_json(self) -> dict[str, Any]:
        """A JSON object, with camelCase names; floats have six significant digits."""
        return {_camel(item.name): _plain(getattr(self, item.name)) for item in fields(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Memory:
        """Reads the output of `to_json`."""
        known = {item.name: _latest(value.get(_camel(item.name))) for item in fields(cls)}
        starts = known["cold_starts"] if isinstance(known["cold_starts"], list | tuple) else ()
        sums = _numbers(known["step_sums"], 9)
        return cls(
            seen_since=_number(known["seen_since"]),
            last_activity=_number(known["last_activity"]),
            arrivals_per_second=_number(known["arrivals_per_second"]) or 0.0,
            cold_starts=tuple(start for item in starts if (start := _start(item))),
            surges=_numbers(known["surges"]),
            step_sums=sums,
            step_samples=(_number(known["step_samples"]) or 0.0) if sums else 0.0,
            step_error=(_number(known["step_error"]) or 0.0) if sums else 0.0,
            mix=mix if (mix := _numbers(known["mix"], 5)) and mix[0] >= 1 else (),
            residence_seconds=_number(known["residence_seconds"]) or 0.0,
            concurrency_factor=min(1.0, max(0.5, _number(known["concurrency_factor"]) or 1.0)),
            kv_tokens=_number(known["kv_tokens"]),
            max_running=_number(known["max_running"]),
        )


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < LARGEST:
        return float(value)
    return None


def _start(value: object) -> Start | None:
    if not isinstance(value, list | tuple) or len(value) != 3 or not isinstance(value[2], str):
        return None
    numbers = _numbers(value[:2], 2)
    return Start(numbers[0], numbers[1], value[2][:WORD_CHARACTERS]) if numbers else None


def _latest(value: object) -> object:
    """The newest entries of a list."""
    return value[-LEARNED_ITEMS:] if isinstance(value, list | tuple) else value


def _numbers(value: object, count: int | None = None) -> Numbers:
    """All values, or none if one is not a number or there are not `count` of them."""
    if not isinstance(value, list | tuple):
        return ()
    numbers = tuple(number for item in value if (number := _number(item)) is not None)
    return numbers if len(numbers) == len(value) and count in (None, len(numbers)) else ()


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    # Times are exact to the second: six digits would be wrong by minutes.
    return significant(value) if isinstance(value, float) and value < 1e9 else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
