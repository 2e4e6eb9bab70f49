"""Whether a machine is enough for the models: memory, accelerators, folders, ports."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead_operator.cli.documents import parse_documents
from fairlead_operator.local import machine
from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.manifests import GivenModel, InvalidModelsError, read_input
from tests.plan.builders import model_body

GIB = 1 << 30


def given(*bodies: dict[str, Any]) -> list[GivenModel]:
    plain = [{**body, "metadata": {"name": body["metadata"]["name"]}} for body in bodies]
    return read_input(parse_documents("m.yaml", yaml.safe_dump_all(plain)), (), ())[0]


def asking(name: str, memory: str) -> dict[str, Any]:
    return model_body(name, resources={"requests": {"memory": memory}})


def with_gpus(name: str, count: int) -> dict[str, Any]:
    return model_body(name, accelerator={"resourceName": "nvidia.com/gpu", "count": count})


def test_models_that_fit_together_are_no_problem() -> None:
    assert machine.memory_problems(given(asking("a", "3Gi"), asking("b", "1Gi")), 4 * GIB) == []


def test_the_model_that_does_not_fit_beside_the_others_is_named() -> None:
    (problem,) = machine.memory_problems(given(asking("a", "3Gi"), asking("b", "2Gi")), 4 * GIB)
    assert problem.startswith("m.yaml:")
    assert (
        "(ModelDeployment b): spec.resources.requests.memory: 2Gi is requested and 1024 MiB are free"
        in problem
    )


def test_available_memory_is_read_from_the_kernels_table(tmp_path: Path) -> None:
    table = tmp_path / "meminfo"
    table.write_text("MemTotal:       16 kB\nMemAvailable:    8 kB\n")
    assert machine.available_memory(table) == 8192
    assert machine.available_memory(tmp_path / "none") is None


def test_gpus_are_those_of_the_driver_that_the_user_may_see(tmp_path: Path) -> None:
    for name in ("nvidia1", "nvidia0", "nvidia10", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert machine.gpus({}, tmp_path) == ["0", "1", "10"]
    assert machine.gpus({"CUDA_VISIBLE_DEVICES": "3,GPU-x"}, tmp_path) == ["3", "GPU-x"]
    assert machine.gpus({"CUDA_VISIBLE_DEVICES": "-1"}, tmp_path) == []


def test_each_model_gets_gpus_of_its_own() -> None:
    models = given(with_gpus("a", 1), model_body("b"), with_gpus("c", 2))
    assert machine.assigned_gpus(models, ["0", "1", "2"], cpu_engine=False) == (
        {"default/a": "0", "default/c": "1,2"},
        [],
    )


def test_a_model_without_enough_gpus_is_named_with_the_remedy() -> None:
    _, (problem,) = machine.assigned_gpus(given(with_gpus("a", 1)), [], cpu_engine=False)
    assert "spec.accelerator.count: 1 GPUs are asked for and 0 are found; remove spec.accelerator" in problem
    assert machine.assigned_gpus(given(with_gpus("a", 1)), [], cpu_engine=True) == ({}, [])


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        problem = machine.port_problem(taken.getsockname()[1])
    assert problem is not None
    assert "choose another with --port" in problem
    assert machine.port_problem(machine.free_ports(1, beside=8000)[0]) is None
    assert machine.port_problem(1 << 20) is not None


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalError, match=r"--run-dir: .*/file/x: Not a directory; choose another folder"):
        machine.check_folder(tmp_path / "file" / "x", "--run-dir")


def test_a_folder_too_deep_for_a_socket_is_refused() -> None:
    assert machine.socket_problem("/tmp/fairlead-abcdefgh/pods/" + 40 * "m") is None
    problem = machine.socket_problem("/" + 100 * "x")
    assert problem is not None
    assert "choose a shorter folder" in problem


def test_two_models_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidModelsError, match=r"default/a is also in m\.yaml:1: .*; rename one"):
        given(model_body("a"), model_body("a"))


def test_two_models_of_one_name_for_clients_are_refused() -> None:
    other = model_body("b", model={"source": "pvc://models/tiny", "aliases": ["a"]})
    with pytest.raises(InvalidModelsError, match="a is already a name of ModelDeployment default/a"):
        given(model_body("a"), other)
