"""The answers to `GET /status` and `GET /load` on the admin port of a gateway.

The gateway writes them, the operator reads the first. A gateway can be replaced by the pod's owner, so the
bounds hold for readers; an answer of another shape is none.
"""

from __future__ import annotations

from typing import Any

from fairlead_contract.document import Bytes, Count, Document, Seconds, Sentence, Word


class GatewayLoad(Document):
    """The number of requests in the gateway: the answer to `GET /load` and `POST /drain`."""

    running: Count
    waiting: Count
    draining: bool


class ReportedCause(Document):
    """The cause of a download that does not continue."""

    reason: Word = ""
    message: Sentence = ""


class WeightsReport(Document):
    """The progress of the download: the fields of its state file that the operator reads."""

    phase: Word = ""
    source: Sentence = ""
    bytes: Bytes | None = None
    total_bytes: Bytes | None = None
    bytes_per_second: Bytes | None = None
    detail: Sentence = ""
    cause: ReportedCause | None = None

    @property
    def figures(self) -> dict[str, Any]:
        """The values that were given, with the names that status.weights has for them."""
        return self.model_dump(exclude_defaults=True)


class InferredParsers(Document):
    """The parsers that the launcher has inferred from the model's files, "" where it has none."""

    tool_call_parser: Word = ""
    reasoning_parser: Word = ""


class EngineState(Document):
    """The fields of the launcher's state file that the operator reads."""

    phase: Word | None = None
    inferred: InferredParsers | None = None
    """None in the file of a launcher that infers nothing."""


class PodReport(Document):
    """The load of a pod and the progress of its start: the answer to `GET /status`."""

    in_flight: Count
    """Requests that run."""
    queued: Count
    """Requests that wait for their turn in the gateway."""
    draining: bool = False
    drained: bool = False
    """Whether a drain has ended with no request in flight."""
    ready: bool = False
    engine: EngineState | None = None
    weights: WeightsReport | None = None
    unresponsive_seconds: Seconds = 0.0
    """Seconds for which the engine has had requests and made no token."""

    @property
    def load(self) -> int:
        """Requests that the pod has, running and waiting."""
        return self.in_flight + self.queued

    def with_state_files(
        self, engine: dict[str, Any] | None, weights: dict[str, Any] | None
    ) -> dict[str, Any]:
        """The answer as the gateway sends it: with the state files of the other containers as they are,
        since these containers may be of another version than the gateway.
        """
        return self.model_dump() | {"engine": engine, "weights": weights}
