"""The project's images, tagged by the hash of what goes into them: a tag that exists needs no build.

What goes into an image is read from its Dockerfile's COPY lines, so that the two cannot drift apart.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from e2e.cluster import baseimage, once, paths, tools, versions
from e2e.cluster.docker import Docker
from e2e.cluster.progress import Phases

# Certificates of a network's own authority: paths that are valid in the base image too.
_CERTIFICATE_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE")
# Images that earlier states of the source gave: going back and forth needs no build.
_KEPT = 3
_WHEELS = paths.ROOT / "build" / "wheels"


@dataclass(frozen=True)
class ProjectImage:
    """One image: its repository, its Dockerfile, and the variable under which scripts get its tag."""

    repository: str
    dockerfile: str
    variable: str


IMAGES = (
    ProjectImage("fairlead/operator", "operator/Dockerfile", "FAIRLEAD_OPERATOR_IMAGE"),
    ProjectImage("fairlead/gateway", "serving-image/gateway.Dockerfile", "FAIRLEAD_GATEWAY_IMAGE"),
    ProjectImage("fairlead/vllm-cpu", "serving-image/vllm-cpu.Dockerfile", "FAIRLEAD_ENGINE_IMAGE"),
)


def ensure(docker: Docker, phases: Phases | None = None) -> dict[str, str]:
    """Builds the images that are missing, side by side; returns variable → reference."""
    phases = phases or Phases()
    place_wheels()
    base = baseimage.for_python(docker)
    with ThreadPoolExecutor(len(IMAGES)) as pool:
        references = list(pool.map(lambda image: _ensure_one(docker, image, base, phases), IMAGES))
    return {image.variable: reference for image, reference in zip(IMAGES, references, strict=True)}


def of_folder(docker: Docker, folder: Path, repository: str) -> str:
    """An image with the files of a folder and nothing else, as image volumes carry; returns its reference."""
    digest = hashlib.sha256()
    for file in sorted(_files_below(folder)):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    tag = f"{repository}:{digest.hexdigest()[:12]}"

    def make() -> None:
        with tempfile.TemporaryDirectory() as scratch:
            recipe = Path(scratch) / "Dockerfile"
            recipe.write_text("FROM scratch\nCOPY . /\n")
            docker.build(folder, tag, dockerfile=recipe)
        docker.prune(repository, keep=1)

    return docker.once(tag, make)


def of_program(docker: Docker, name: str, module: Path) -> str:
    """An image with the program of a Go module that has a Dockerfile; builds both if they are missing.

    Returns the reference, tagged by what the module's folder has.
    """
    repository = f"fairlead/{name}"
    tag = f"{repository}:{versions.content_hash(module)}"

    def make() -> None:
        program = tools.ensure_apart(name, module)
        docker.build(program.parent, tag, dockerfile=module / "Dockerfile")
        docker.prune(repository, keep=1)

    return docker.once(tag, make)


def reference(image: ProjectImage, base: str) -> str:
    """The reference of an image built from the files as they are now."""
    return f"{image.repository}:{content_hash(paths.ROOT, image.dockerfile, base)}"


def content_hash(root: Path, dockerfile: str, base: str) -> str:
    """Twelve hex digits over the base image, the Dockerfile and every file that it copies."""
    text = (root / dockerfile).read_text()
    digest = hashlib.sha256(f"{base}\0{text}\0".encode())
    for file in copied_files(root, text):
        digest.update(f"{file.relative_to(root).as_posix()}\0{file.stat().st_mode & 0o111}\0".encode())
        # A wheel's name says what is in it, and it is large.
        digest.update(str(file.stat().st_size).encode() if file.suffix == ".whl" else file.read_bytes())
    return digest.hexdigest()[:12]


def copied_files(root: Path, dockerfile: str) -> list[Path]:
    """The files that a Dockerfile takes from its context, sorted."""
    files: set[Path] = set()
    for line in re.sub(r"\\\n", " ", dockerfile).splitlines():
        words = line.split()
        if not words or words[0].upper() != "COPY" or any(word.startswith("--from=") for word in words):
            continue
        sources = [word for word in words[1:-1] if not word.startswith("--")]
        for source in sources:
            for match in root.glob(source.rstrip("/")):
                files.update(_files_below(match))
    return sorted(files)


def place_wheels() -> None:
    """Puts the torch wheels of $FAIRLEAD_WHEEL_DIR, if it is set, where the build's context has them."""
    given = os.environ.get("FAIRLEAD_WHEEL_DIR")
    if not given:
        return
    for wheel in Path(given).expanduser().glob("torch-*.whl"):
        target = _WHEELS / wheel.name
        if target.exists() and target.stat().st_size != wheel.stat().st_size:
            target.unlink(missing_ok=True)
        once.file(target, partial(_link_or_copy, wheel))


def _link_or_copy(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:
        # Another file system.
        shutil.copyfile(file, target)


def _ensure_one(docker: Docker, image: ProjectImage, base: str, phases: Phases) -> str:
    tag = reference(image, base)

    def make() -> None:
        with phases.phase(f"image {tag}"):
            docker.build(
                paths.ROOT, tag, dockerfile=paths.ROOT / image.dockerfile, args=build_arguments(base)
            )
        docker.prune(image.repository, keep=_KEPT)

    return docker.once(tag, make)


def build_arguments(base: str) -> dict[str, str]:
    """The build arguments of a project image on that base image."""
    arguments = {"BASE_IMAGE": base}
    if base != baseimage.PUBLIC_PYTHON:
        # Only the base made here carries the host's authorities.
        arguments |= {name: os.environ[name] for name in _CERTIFICATE_VARIABLES if os.environ.get(name)}
    return arguments


def _files_below(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
