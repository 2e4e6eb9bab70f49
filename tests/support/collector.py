"""A real OpenTelemetry Collector, built from its Go modules: what it has received of traces can be read."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.cluster import tools
from tests.gateway.process import free_port, wait_for
from tests.support import processes

PROGRAM, MODULE = "otelcol", Path(__file__).with_name("otelcol")
_CONFIG = """\
receivers:
  otlp:
    protocols:
      http: {{endpoint: "127.0.0.1:{port}"}}
exporters:
  file: {{path: {file}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [file]}}
  telemetry:
    metrics: {{level: none}}
"""


def build() -> Path:
    """The program; built at its first use. Raises ClusterError without Go."""
    return tools.ensure_apart(PROGRAM, MODULE)


@dataclass(frozen=True)
class Span:
    """A span as it was received. Ids are hexadecimal, `parent` is empty without one."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]


class Collector:
    """Takes OTLP over HTTP at `endpoint`. Use as a context."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="fairlead-"))
        self._file, port = self._folder / "spans.jsonl", free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        config = self._folder / "config.yaml"
        config.write_text(_CONFIG.format(port=port, file=self._file))
        self._process = subprocess.Popen([build(), "--config", config], stderr=subprocess.DEVNULL)

    def __enter__(self) -> Collector:
        return self

    def __exit__(self, *details: object) -> None:
        processes.stop(self._process, self._folder)

    def wait_for_spans(self, trace: str, count: int) -> list[Span]:
        """The spans of a trace, once there are so many. Fails when they do not come."""
        wait_for(lambda: len(self.spans(trace)) >= count)
        return self.spans(trace)

    def spans(self, trace: str) -> list[Span]:
        """All spans of a trace so far."""
        return [span for span in self._all() if span.trace == trace]

    def _all(self) -> Iterator[Span]:
        lines = self._file.read_text().splitlines(keepends=True) if self._file.exists() else []
        for batch in (json.loads(line) for line in lines if line.endswith("\n")):
            for resource in batch["resourceSpans"]:
                service = str(_values(resource["resource"]).get("service.name"))
                for scope in resource["scopeSpans"]:
                    yield from (_span(service, found) for found in scope["spans"])


def _span(service: str, found: dict[str, Any]) -> Span:
    ids = found["traceId"], found["spanId"], found.get("parentSpanId", "")
    return Span(service, found["name"], *ids, _values(found))


def _values(item: dict[str, Any]) -> dict[str, Any]:
    """The attributes with bare values."""
    return {entry["key"]: next(iter(entry["value"].values())) for entry in item.get("attributes", ())}
