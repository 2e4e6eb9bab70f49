"""Prometheus and promtool, as Debian packages them."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from e2e.cluster import debian
from tests.gateway.process import wait_for
from tests.support import processes
from tests.support.control_plane import free_port

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "fairlead"
RULES = CHART / "rules" / "fairlead.yaml"

Object = dict[str, Any]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The finished process of promtool."""
    debian.require(["promtool"], "the tests of rules")
    command = ["promtool", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


class Prometheus:
    """A Prometheus with this configuration, whose data ends with it. Use as a context."""

    def __init__(self, configuration: str) -> None:
        debian.require(["promtool"], "the tests of dashboards")
        self._folder = Path(tempfile.mkdtemp(prefix="fairlead-prometheus-"))
        (self._folder / "prometheus.yaml").write_text(configuration)
        self._port = free_port()
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={self._folder / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                ],
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Prometheus:
        wait_for(self._answers)
        return self

    def __exit__(self, *details: object) -> None:
        processes.stop(self._process, self._folder)

    def query(self, expression: str) -> list[Object]:
        """The series of an instant query, each with `metric` and `value`. Raises ValueError with
        Prometheus' words for an expression that it refuses.
        """
        found: list[Object] = self.get("query", query=expression)["result"]
        return found

    def number(self, expression: str) -> float:
        """The value of the first series of an instant query; 0 if there is none."""
        found = self.query(expression)
        return float(found[0]["value"][1]) if found else 0.0

    def get(self, path: str, **parameters: str) -> Any:
        """`data` of an answer of the API. Raises ValueError if it is an error."""
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{urlencode(parameters)}"
        try:
            with urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except HTTPError as error:
            with error:
                raise ValueError(json.load(error)["error"]) from None

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            with urlopen(f"http://127.0.0.1:{self._port}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (HTTPError, URLError, ConnectionError):
            return False
