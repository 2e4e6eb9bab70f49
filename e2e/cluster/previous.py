"""The previous version of Fairlead, as its users have it: its chart, and its images built from source.

The images have repositories of their own, so that builds of the working tree do not displace them.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from e2e.cluster import baseimage, images, once, paths
from e2e.cluster.docker import Docker
from e2e.cluster.progress import Phases
from e2e.cluster.shell import ClusterError, find_program
from e2e.cluster.versions import PREVIOUS_COMMIT

# Its engine image is not among them: vLLM's version is the user's choice, and the same before and after.
IMAGES = [image for image in images.IMAGES if image.variable != "FAIRLEAD_ENGINE_IMAGE"]
_NOT_HERE = (
    f"the previous version's commit {PREVIOUS_COMMIT} is not in this clone. If it is shallow, fetch the rest "
    "with `git fetch --unshallow`."
)


def ensure(docker: Docker) -> dict[str, str]:
    """Makes what is missing; returns variable → value: the chart's folder, and the two images."""
    source = _source()
    base = baseimage.for_python(docker)
    with ThreadPoolExecutor(len(IMAGES)) as pool:
        tags = list(pool.map(lambda image: _image(docker, image, source, base), IMAGES))
    built = {image.variable: tag for image, tag in zip(IMAGES, tags, strict=True)}
    return {"FAIRLEAD_CHART": str(source / "charts" / "fairlead"), **built}


def _image(docker: Docker, image: images.ProjectImage, source: Path, base: str) -> str:
    repository = f"{image.repository}-previous"
    tag = f"{repository}:{images.content_hash(source, image.dockerfile, base)}"

    def make() -> None:
        with Phases().phase(f"image {tag}"):
            arguments = images.build_arguments(base)
            docker.build(source, tag, dockerfile=source / image.dockerfile, args=arguments)
        docker.prune(repository, keep=1)

    return docker.once(tag, make)


def _source() -> Path:
    """The folder with the files of the commit."""

    def extract(draft: Path) -> None:
        with tarfile.open(fileobj=io.BytesIO(archive())) as files:
            files.extractall(draft, filter="data")

    return once.folder(paths.cache_root() / f"previous-{PREVIOUS_COMMIT}", extract)


def archive() -> bytes:
    """The files of the commit as a tar archive. Raises ClusterError where the clone does not have it."""
    git = find_program("git")
    if git is None:
        raise ClusterError("git is needed for the files of the previous version; install it.")
    here = ["cat-file", "-e", f"{PREVIOUS_COMMIT}^{{commit}}"]
    if subprocess.run([git, *here], cwd=paths.ROOT, capture_output=True, check=False).returncode:
        raise ClusterError(_NOT_HERE)
    command = [git, "archive", "--format=tar", PREVIOUS_COMMIT]
    return subprocess.run(command, cwd=paths.ROOT, stdout=subprocess.PIPE, check=True).stdout
