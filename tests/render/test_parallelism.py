"""How a replica is split over its accelerators and nodes."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_operator.render.model import Model
from fairlead_operator.render.parallelism import parallel_arguments
from tests.plan.builders import model


def split(count: int | None, **engine: Any) -> Model:
    accelerator = {"resourceName": "nvidia.com/gpu", "count": count}
    return model(engine=engine, accelerator=accelerator if count else None)


def sizes(parsed: Model) -> tuple[str | None, str | None]:
    words = parallel_arguments(parsed)
    found = dict(zip(words[::2], words[1::2], strict=True))
    return found.get("--tensor-parallel-size"), found.get("--pipeline-parallel-size")


@pytest.mark.parametrize(
    ("count", "engine", "expected"),
    [
        (None, {}, (None, None)),
        (1, {}, (None, None)),
        (4, {}, ("4", None)),
        (4, {"tensorParallelSize": 2}, ("2", "2")),
        (4, {"tensorParallelSize": 4}, ("4", None)),
        (4, {"pipelineParallelSize": 2}, ("2", "2")),
        (4, {"pipelineParallelSize": 4}, (None, "4")),
        (4, {"tensorParallelSize": 2, "pipelineParallelSize": 2}, ("2", "2")),
        (8, {"nodes": 2}, ("8", "2")),
        (8, {"nodes": 2, "tensorParallelSize": 16}, ("16", None)),
        (8, {"nodes": 2, "pipelineParallelSize": 4}, ("4", "4")),
        (None, {"tensorParallelSize": 2}, ("2", None)),
        (None, {"pipelineParallelSize": 2}, (None, "2")),
    ],
)
def test_parallel_sizes_use_every_accelerator(
    count: int | None, engine: dict[str, Any], expected: tuple[str | None, str | None]
) -> None:
    assert sizes(split(count, **engine)) == expected


@pytest.mark.parametrize(
    "argument", ["-tp=2", "-tp", "-pp2", "--tensor_parallel_size=2", "--data-parallel-size"]
)
def test_parallel_sizes_in_the_users_arguments_are_not_completed(argument: str) -> None:
    assert sizes(split(4, args=[argument])) == (None, None)
    assert sizes(split(4, args=[argument], tensorParallelSize=2)) == ("2", None)


def test_only_a_replica_on_several_nodes_has_multi_node_arguments() -> None:
    assert "--nnodes" not in parallel_arguments(split(4))
    assert parallel_arguments(split(4, nodes=3))[-8:] == [
        *("--nnodes", "3"),
        *("--node-rank", "$(LWS_WORKER_INDEX)"),
        *("--master-addr", "$(LWS_LEADER_ADDRESS)"),
        *("--master-port", "29501"),
    ]
