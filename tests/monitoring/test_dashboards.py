"""The dashboards of the chart are those of their source, and complete."""

from __future__ import annotations

import json
import runpy
from typing import Any

import pytest

from tests.monitoring.programs import CHART, ROOT

MAKER = runpy.run_path(str(ROOT / "charts" / "make_dashboards.py"))
DASHBOARDS: dict[str, Any] = {
    file.stem: json.loads(file.read_text()) for file in sorted((CHART / "dashboards").glob("*.json"))
}
# Of a Kubernetes object.
MAX_OBJECT_BYTES = 1 << 20


def test_the_dashboards_are_those_of_their_source() -> None:
    made = MAKER["dashboards"]((ROOT / "charts" / "dashboards.yaml").read_text())
    assert {name: json.loads(text) for name, text in made.items()} == {
        f"{name}.json": board for name, board in DASHBOARDS.items()
    }


def test_there_is_a_dashboard_for_each_question() -> None:
    assert [board["title"] for board in DASHBOARDS.values()] == [
        "Fairlead: is it up?",
        "Fairlead: what does it cost?",
        "Fairlead: is it slow?",
        "Fairlead: why did it scale?",
    ]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_has_a_fixed_id_and_variables(name: str) -> None:
    board = DASHBOARDS[name]
    assert board["uid"] == f"fairlead-{name}"
    assert [variable["name"] for variable in board["templating"]["list"]] == [
        "datasource",
        "namespace",
        "model",
    ]
    assert "id" not in board or board["id"] is None


@pytest.mark.parametrize("name", DASHBOARDS)
def test_each_panel_explains_itself_and_asks_the_chosen_source(name: str) -> None:
    panels = DASHBOARDS[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        for target in panel["targets"]:
            assert "MODEL" not in target["expr"]


def test_a_dashboard_fits_into_a_config_map() -> None:
    assert all(len(json.dumps(board)) < MAX_OBJECT_BYTES // 4 for board in DASHBOARDS.values())
