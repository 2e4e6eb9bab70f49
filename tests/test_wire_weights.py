"""What operator and download must agree on, although neither imports the other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from fairlead_operator.plan.catalogue.reasons import CATALOGUE
from fairlead_operator.plan.findings import Finding
from fairlead_operator.plan.status.weights import observe_downloads
from fairlead_operator.render.model import Model
from fairlead_operator.render.source import model_place
from fairlead_operator.render.weights import weights_containers
from fairlead_weights.jobs import Job, Order, parse
from fairlead_weights.progress import DownloadProgress, Tally
from tests.plan.builders import SETTINGS, model, pod, pod_report, running

PACKAGE = Path(__file__).resolve().parents[1] / "serving-image" / "fairlead_weights"


def hub() -> Model:
    return model(
        model={
            "source": "hf://org/big",
            "revision": "v1",
            "endpoint": "http://hub.example",
            "cache": {"size": "2Gi"},
            "adapters": [{"name": "poet", "source": "s3://bucket/poet/"}],
        }
    )


def test_the_download_reads_the_order_that_the_operator_writes() -> None:
    (container,) = weights_containers(hub(), SETTINGS)
    values = {variable["name"]: variable.get("value") for variable in container["env"]}
    order = parse(values["FAIRLEAD_WEIGHTS"])
    assert order == Order(
        jobs=(
            Job("model", "hf://org/big", "/run/fairlead/model", "v1", "http://hub.example"),
            Job("poet", "s3://bucket/poet", "/run/fairlead/adapters/poet"),
        ),
        cache="/weights",
        state="/run/fairlead/weights.json",
        capacity_bytes=2 << 30,
    )
    assert (PACKAGE / "__main__.py").exists()
    assert container["command"] == ["python", "-m", PACKAGE.name]


@pytest.mark.parametrize(
    "source",
    [
        "hf://org/big",
        "hf://org/big/q4.gguf",
        "hf://org/big/q4/big-00001-of-00002.gguf",
        "s3://bucket/big",
        "s3://bucket/big/q4.gguf",
        "s3://bucket/big.gguf/",
        "s3://bucket.gguf",
        "s3://bucket.gguf/",
    ],
)
def test_the_engine_loads_the_gguf_file_that_is_downloaded(source: str) -> None:
    parsed = model(model={"source": source})
    (container,) = weights_containers(parsed, SETTINGS)
    values = {variable["name"]: variable.get("value") for variable in container["env"]}
    (job,) = parse(values["FAIRLEAD_WEIGHTS"]).jobs
    assert model_place(parsed).path == f"{job.target}/{job.file}".rstrip("/")


def observe(progress: DownloadProgress) -> tuple[dict[str, Any], Finding | None]:
    body = pod()
    body["status"]["initContainerStatuses"].append({"name": "weights", "image": "g", **running()})
    reports = {"tiny-1": pod_report(weights=progress.as_document())}
    (found,) = observe_downloads(hub(), (body,), reports).values()
    return found.status, found.finding


def test_the_operator_reads_the_state_that_the_download_writes() -> None:
    progress = DownloadProgress("hf://org/big", 0.0, {"model": Tally(30, 90), "poet": Tally(10, 10)})
    status, finding = observe(progress)
    assert (status["phase"], status["bytes"], status["totalBytes"], status["percent"]) == (
        "Downloading",
        40,
        100,
        40,
    )
    assert finding is not None
    assert finding.reason == "WeightsDownloading"

    progress.phase, progress.peer = "Waiting", {"bytes": 5, "totalBytes": 10}
    progress.detail = "pod other downloads into the shared cache 50 %"
    status, finding = observe(progress)
    assert (status["phase"], status["percent"]) == ("Waiting", 50)
    assert finding is not None
    assert progress.detail in finding.message


def test_every_download_reason_is_in_the_operators_catalogue() -> None:
    source = "\n".join(path.read_text() for path in PACKAGE.glob("*.py"))
    reasons = set(re.findall(r'"((?:Weights|Cache|Disk)[A-Z][A-Za-z]+)"', source))
    assert {"WeightsUnauthorized", "DiskFull", "CacheNotWritable"} <= reasons
    assert reasons <= CATALOGUE.keys()
