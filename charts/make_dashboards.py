"""`python charts/make_dashboards.py [FOLDER]`: the Grafana dashboards of the chart, from dashboards.yaml.

Grafana's own SDK builds them, so that they have the schema of Grafana 11.6; newer ones read it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import BigValueColorMode
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DataSourceRef,
    DataTransformerConfig,
    VariableRefresh,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

CHARTS = Path(__file__).resolve().parent
_SELECTED = 'namespace=~"$namespace",model=~"$model"'
_DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_KINDS = {"timeseries": timeseries, "stat": stat, "table": table, "bars": bargauge}
# In columns and rows of Grafana's grid.
_SIZES = {"timeseries": (12, 8), "stat": (6, 4), "table": (12, 8), "bars": (12, 8)}


def dashboards(text: str) -> dict[str, str]:
    """The dashboards' JSON by file name. `text` is the content of dashboards.yaml; raises KeyError and
    AttributeError if it does not have that form.
    """
    return {
        f"{name}.json": json.dumps(_dashboard(name, page), cls=JSONEncoder, indent=1, sort_keys=True) + "\n"
        for name, page in yaml.safe_load(text).items()
    }


def _dashboard(name: str, page: dict[str, Any]) -> Dashboard:
    made = (
        dashboard.Dashboard(page["title"])
        # Known to links and to the next import, so it must not change.
        .uid(f"fairlead-{name}")
        .tags(["fairlead"])
        .time("now-6h", "now")
        .refresh("1m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(_variable("namespace", "fairlead_model_condition"))
        .with_variable(_variable("model", 'fairlead_model_condition{namespace=~"$namespace"}'))
        .link(dashboard.DashboardLink("Fairlead").tags(["fairlead"]).include_vars(True).keep_time(True))
    )
    for number, panel in enumerate(page["panels"], 1):
        made = made.with_panel(_panel(**panel).id(number))
    return made.build()


def _variable(label: str, series: str) -> dashboard.QueryVariable:
    """A variable with the values of a label; all of them at first."""
    return (
        dashboard.QueryVariable(label)
        .label(label.capitalize())
        .datasource(_DATASOURCE)
        .query(f"label_values({series}, {label})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )


def _panel(
    title: str, description: str, queries: dict[str, str], kind: str = "timeseries", unit: str = "short"
) -> Any:
    width, height = _SIZES[kind]
    made = (
        _KINDS[kind]
        .Panel()
        .title(title)
        .description(description)
        .datasource(_DATASOURCE)
        .unit(unit)
        .span(width)
        .height(height)
    )
    for legend, expression in queries.items():
        query = prometheus.Dataquery().expr(expression.replace("MODEL", _SELECTED)).legend_format(legend)
        if kind != "timeseries":
            query = query.instant()
        if kind == "table":
            query = query.format(PromQueryFormat.TABLE)
        made = made.with_target(query.ref_id(chr(ord("A") + list(queries).index(legend))))
    if kind == "timeseries":
        made = made.legend(common.VizLegendOptions().show_legend(True)).min(0)
    if kind == "stat":
        made = made.color_mode(BigValueColorMode.NONE)
        made = made.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    if kind == "table":
        hidden = {"excludeByName": {"Time": True}, "renameByName": {"Value": "Number"}}
        made = made.with_transformation(DataTransformerConfig(id_val="organize", options=hidden))
    return made


def main() -> None:
    """Replaces all files of the folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else CHARTS / "fairlead" / "dashboards"
    made = dashboards((CHARTS / "dashboards.yaml").read_text())
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.json"):
        file.unlink()
    for name, text in made.items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main()
