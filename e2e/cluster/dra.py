"""The image of the test driver for Dynamic Resource Allocation: it lends pretended GPUs; source in dradriver.

It is a Go module of its own: were it one with the programs of gomod, every change to it would build the whole
cluster again. The versions are the same as there, so that it is made in seconds from what they compiled.
"""

from __future__ import annotations

from e2e.cluster import tools, versions
from e2e.cluster.docker import Docker

PROGRAM = "dra-driver"
_REPOSITORY = "fairlead/dra-driver"


def image(docker: Docker) -> str:
    """The image's reference, tagged by what it is made of; builds program and image if they are missing."""
    tag = f"{_REPOSITORY}:{versions.content_hash(versions.DRA_MODULE)}"

    def make() -> None:
        program = tools.ensure_apart(PROGRAM, versions.DRA_MODULE)
        docker.build(program.parent, tag, dockerfile=versions.DRA_MODULE / "Dockerfile")
        docker.prune(_REPOSITORY, keep=1)

    return docker.once(tag, make)
