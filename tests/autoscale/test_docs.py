"""docs/autoscaling.md: its example is one that the code decides so, and its numbers are right."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead_operator.autoscale.decision import ScalingReason
from fairlead_operator.autoscale.explain import figures
from fairlead_operator.autoscale.facts import Ability, Pace, RequestFacts, ScalingFacts, Supply
from fairlead_operator.autoscale.limits import limited, recommended
from fairlead_operator.autoscale.need import needed
from tests.autoscale.test_recompute import Recomputed

PAGE = (Path(__file__).parents[2] / "docs" / "autoscaling.md").read_text()
BLOCK = re.search(r"test_docs\.py -->\n```yaml\n(.*?)```\n(.*?)\n## ", PAGE, re.DOTALL)
assert BLOCK
INPUTS: dict[str, Any] = yaml.safe_load(BLOCK[1])
STEPS = BLOCK[2]


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])", "_", name).lower()


def example() -> ScalingFacts:
    values = {snake(name): value for name, value in INPUTS.items()}

    def part(names: Iterable[str]) -> dict[str, Any]:
        return {name: values.pop(name) for name in names}

    facts = ScalingFacts(
        requests=RequestFacts(**part(RequestFacts.__dataclass_fields__)),
        supply=Supply(**part(Supply.__dataclass_fields__)),
        ability=Ability(**part(Ability.__dataclass_fields__)),
        pace=Pace(**part(Pace.__dataclass_fields__)),
    )
    assert not values
    return facts


def test_the_documented_example_gives_the_documented_decision() -> None:
    facts = example()
    need = needed(facts)
    wanted = recommended(facts, need)
    decided = limited(facts, wanted)
    shown = figures(facts, need, wanted, decided)
    for name in ("flow", "backlog", "backlogThen", "expected", "needed", "arrivals"):
        assert re.search(rf"(?<![\d.]){shown[name]:g}(?![\d])", STEPS), name
    assert "`recommended` = 7" in STEPS
    assert f"= {decided.replicas} replicas now, reason\n   `{decided.reason}`" in STEPS
    assert (wanted.replicas, decided.replicas) == (7, 3)


def test_the_documented_formulas_give_the_decision_of_the_code() -> None:
    again = Recomputed(INPUTS)
    assert again.capacity() == pytest.approx((INPUTS["concurrency"], INPUTS["rate"]), rel=1e-5)
    assert (again.recommended(), again.decided()) == (7, 3)


def test_every_decision_reason_is_documented() -> None:
    table = PAGE[PAGE.index("## Reasons") :].split("\n## ")[0]
    assert {reason.value for reason in ScalingReason} == set(re.findall(r"`([A-Z]\w+)`", table))
