"""Tags of the project's images: the hash of what goes in, so that an unchanged image is never built twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from e2e.cluster import paths
from e2e.cluster.docker import Docker
from e2e.cluster.images import IMAGES, content_hash, copied_files
from e2e.cluster.provider import registry_reference

DOCKERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE} AS build
COPY pyproject.toml \\
     uv.lock ./
FROM ${BASE_IMAGE}
COPY --from=build /opt /opt
COPY app /app
COPY wheel[s]/*.whl ./
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in {
        "Dockerfile": DOCKERFILE,
        "pyproject.toml": "a",
        "uv.lock": "b",
        "app/main.py": "c",
        "app/__pycache__/main.pyc": "d",
        "other.py": "e",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_the_inputs_of_an_image_are_read_from_its_copy_lines(tree: Path) -> None:
    names = [file.relative_to(tree).as_posix() for file in copied_files(tree, DOCKERFILE)]

    assert names == ["app/main.py", "pyproject.toml", "uv.lock"]


@pytest.mark.parametrize("changed", ["app/main.py", "uv.lock", "Dockerfile", "app/new.py", "wheels/a.whl"])
def test_a_changed_input_changes_the_image_tag(tree: Path, changed: str) -> None:
    before = content_hash(tree, "Dockerfile", "base")

    (tree / changed).parent.mkdir(exist_ok=True)
    with (tree / changed).open("a") as file:
        file.write("# changed\n")

    assert content_hash(tree, "Dockerfile", "base") != before


@pytest.mark.parametrize("changed", ["other.py", "app/__pycache__/main.pyc"])
def test_a_change_of_other_files_keeps_the_image_tag(tree: Path, changed: str) -> None:
    before = content_hash(tree, "Dockerfile", "base")

    (tree / changed).write_text("changed")

    assert content_hash(tree, "Dockerfile", "base") == before


def test_another_base_image_changes_the_image_tag(tree: Path) -> None:
    assert content_hash(tree, "Dockerfile", "base") != content_hash(tree, "Dockerfile", "other")


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.repository)
def test_every_file_that_a_project_image_copies_exists(image: object) -> None:
    dockerfile = paths.ROOT / image.dockerfile  # type: ignore[attr-defined]

    assert copied_files(paths.ROOT, dockerfile.read_text())


def test_an_existing_cluster_gets_images_under_its_registrys_name() -> None:
    assert registry_reference("ghcr.io/me/", "fairlead/operator:abc") == "ghcr.io/me/operator:abc"


def test_concurrent_callers_build_an_image_once(tmp_path: Path) -> None:
    made: list[str] = []

    def make() -> None:
        made.append("image")
        (tmp_path / "made").touch()

    docker = docker_that_has_an_image_if(tmp_path / "made")
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda _: docker.once("localhost/fairlead/test-once:1", make), range(4)))

    assert got == ["localhost/fairlead/test-once:1"] * 4
    assert made == ["image"]


def docker_that_has_an_image_if(file: Path) -> Docker:
    """A docker command line of which every image is there when `file` is."""
    program = file.with_name("docker")
    program.write_text(f"#!/bin/sh\ntest -e {file} && echo sha256:0\n")
    program.chmod(0o755)
    return Docker(program, own=False)
