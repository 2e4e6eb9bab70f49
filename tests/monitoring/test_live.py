"""A real Prometheus scrapes a real installation, as docs/monitoring.md configures it: dashboards show data,
and rules find what they are about.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.docs.blocks import ROOT, blocks_of
from tests.gateway.process import wait_for
from tests.monitoring.installation import Installation
from tests.monitoring.programs import CHART, RULES, Object, Prometheus
from tests.support.control_plane import ControlPlane
from tests.support.engine import Engine

pytestmark = [pytest.mark.engine, pytest.mark.apiserver]

PAGE = ROOT / "docs" / "monitoring.md"
# Variables of Grafana: windows that fit a run of seconds, and any namespace and model, but not none.
FILLED = {"$__rate_interval": "20s", "$__range": "2m", "$namespace": ".+", "$model": ".+"}
# Panels without data in a healthy run, and why.
EMPTY = {
    "Requests sent to another pod": "no pod fails",
}
_SERIES = re.compile(r"(?<![\w:])((?:namespace_model:)?fairlead_[\w:]+)(?:\{([^}]*)\})?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
# Metrics that all programs of the installation have in common with a model.
_OF_A_MODEL = (
    "fairlead_model_replicas",
    "fairlead_autoscaler_desired_replicas",
    "fairlead_router_requests_total",
    "fairlead_gateway_requests_total",
    "vllm:num_requests_running",
)


def configuration(targets: Path) -> str:
    """The page's configuration, with a file of targets in place of the discovery: Debian's Prometheus has
    none for Kubernetes.
    """
    (block,) = (block for block in blocks_of(PAGE) if block.note == "tested by tests/monitoring/test_live.py")
    document: Object = yaml.safe_load(block.text)
    (job,) = document["scrape_configs"]
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod"}]
    job["file_sd_configs"] = [{"files": [str(targets)], "refresh_interval": "1s"}]
    interval = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    return yaml.safe_dump({**document, "global": interval, "rule_files": [str(RULES)]})


@pytest.fixture(scope="module")
def prometheus(
    control_plane: ControlPlane, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """Has scraped a model that started for a held request, answered some requests and crashed once."""
    folder = tmp_path_factory.mktemp("installation")
    targets = folder / "targets.json"
    with Installation(control_plane, engine, folder) as installation:
        targets.write_text(json.dumps(installation.discovered()))
        with Prometheus(configuration(targets)) as running:
            wait_for(lambda: running.number("sum(up)") == 2)
            installation.serve()
            targets.write_text(json.dumps(installation.discovered()))
            wait_for(lambda: running.number("sum(up)") == 3)
            installation.crash()
            # Rates need a change after the first sample of each series.
            for _ in range(3):
                installation.hold()
                installation.ask()
                wait_for_scrapes(running)
            yield running


def wait_for_scrapes(prometheus: Prometheus) -> None:
    """Returns when all targets were scraped twice."""
    count = "min(count_over_time(up[10m]))"
    before = prometheus.number(count)
    wait_for(lambda: prometheus.number(count) >= before + 2)


def panels() -> list[tuple[str, str, str]]:
    """Dashboard, title and expression of each query."""
    return [
        (file.stem, panel["title"], target["expr"])
        for file in sorted((CHART / "dashboards").glob("*.json"))
        for panel in json.loads(file.read_text())["panels"]
        for target in panel["targets"]
    ]


def filled(expression: str) -> str:
    """An expression with the variables of a dashboard replaced."""
    for name, value in FILLED.items():
        expression = expression.replace(name, value)
    return expression


def has_data(prometheus: Prometheus, expression: str) -> bool:
    return any(math.isfinite(float(series["value"][1])) for series in prometheus.query(filled(expression)))


def test_every_panel_shows_data(prometheus: Prometheus) -> None:
    empty = [
        (page, title, expression)
        for page, title, expression in panels()
        if title not in EMPTY and not has_data(prometheus, expression)
    ]
    assert empty == []


def test_panels_that_may_be_empty_are_panels_without_data(prometheus: Prometheus) -> None:
    assert [title for _, title, query in panels() if title in EMPTY and has_data(prometheus, query)] == []
    assert EMPTY.keys() <= {title for _, title, _ in panels()}


def test_the_variables_of_the_dashboards_have_values(prometheus: Prometheus) -> None:
    for file in (CHART / "dashboards").glob("*.json"):
        variables = json.loads(file.read_text())["templating"]["list"]
        for query in (variable["query"] for variable in variables if variable["type"] == "query"):
            series, label = query.removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
            assert prometheus.get(f"label/{label}/values", **{"match[]": filled(series)}), query


def rules(prometheus: Prometheus) -> list[Object]:
    return [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]


def test_recording_rules_have_values_for_the_model(prometheus: Prometheus) -> None:
    recorded = [rule["name"] for rule in rules(prometheus) if rule["type"] == "recording"]
    assert recorded
    assert [name for name in recorded if not has_data(prometheus, name)] == []


def test_alerts_are_about_metrics_and_labels_that_exist(prometheus: Prometheus) -> None:
    """An expression with a misspelt metric or label is as silent as one that has nothing to report."""
    wanted = {
        series
        for rule in rules(prometheus)
        for name, matchers in _SERIES.findall(rule["query"])
        for series in (name, *(f"{name}{{{label}!=''}}" for label in _LABEL.findall(matchers)))
    }
    assert len(wanted) > 20
    assert [series for series in wanted if not prometheus.query(series)] == []


def test_no_alert_is_about_a_healthy_installation(prometheus: Prometheus) -> None:
    alerts = [rule for rule in rules(prometheus) if rule["type"] == "alerting"]
    assert [rule["name"] for rule in alerts if rule["health"] != "ok"] == []
    assert [rule["name"] for rule in alerts if prometheus.query(rule["query"])] == []


@pytest.mark.parametrize("metric", _OF_A_MODEL)
def test_what_concerns_a_model_can_be_joined(prometheus: Prometheus, metric: str) -> None:
    by_model = f"sum by (namespace, model) ({metric})"
    assert prometheus.query(f"{by_model} * on (namespace, model) fairlead_gateway_settings_current")


def test_requests_of_no_model_have_no_namespace(prometheus: Prometheus) -> None:
    assert prometheus.query('fairlead_router_requests_total{model="",namespace=""}')


def test_the_queries_of_the_page_have_results(prometheus: Prometheus) -> None:
    queries = [block.text for block in blocks_of(PAGE) if block.language == "promql"]
    assert queries
    assert [query for query in queries if not has_data(prometheus, query)] == []
