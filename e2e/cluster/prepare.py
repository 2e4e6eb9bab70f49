"""Everything that a cluster needs, made side by side: compiling takes the processors, the rest the network.

programs of the node (Go) ─────────────┬▶ kind, kubectl, helm (Go)
engine ─▶ base ─▶ packages of the node ┴▶ node image
              └─▶ project images
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import engine, images, kind, nodeimage, tools
from e2e.cluster.docker import Docker
from e2e.cluster.progress import Phases, say
from e2e.cluster.shell import side_by_side


@dataclass(frozen=True)
class Prepared:
    """What prepare() leaves ready to use."""

    docker: Docker
    node_image: str
    images: dict[str, str]


def node_image(docker: Docker) -> str:
    """The node image of this machine: the public one where possible."""
    return nodeimage.public(docker) or nodeimage.made(docker)


def prepare() -> Prepared:
    """Tools, engine, node image and project images, with as much overlap as their order allows.

    Prints a table of the phases. Raises the first failure, and ends what the other threads run.
    """
    phases = Phases()
    with side_by_side(4) as pool:
        # Compiling takes longest, so it starts first, before there is an engine.
        building = pool.submit(_build_node_programs, phases)
        with phases.phase("container engine"):
            docker = engine.ensure()

        def programs() -> dict[str, Path]:
            building.result()
            return tools.ensure(nodeimage.PROGRAMS, ours=True)

        def the_others() -> None:
            building.result()
            _build_tools(phases)

        node = pool.submit(_make_node, docker, phases, programs)
        project = pool.submit(images.ensure, docker, phases)
        for done in as_completed((building, pool.submit(the_others), node, project)):
            done.result()
    say(f"phases (they overlap):\n{phases.table()}")
    return Prepared(docker, node.result(), project.result())


def build_programs(phases: Phases) -> None:
    """The programs that a cluster needs: Kubernetes' own too, where there is no public node image.

    Those of the node come first, so that its image is made while the others are compiled.
    """
    _build_node_programs(phases)
    _build_tools(phases)


def _build_node_programs(phases: Phases) -> None:
    if not nodeimage.likely_public(engine.find()):
        with phases.phase("programs of the node"):
            tools.ensure(nodeimage.PROGRAMS, ours=True)


def _build_tools(phases: Phases) -> None:
    with phases.phase(", ".join(kind.TOOLS)):
        tools.ensure(kind.TOOLS)


def _make_node(docker: Docker, phases: Phases, programs: Callable[[], dict[str, Path]]) -> str:
    with phases.phase("node image"):
        return nodeimage.public(docker) or nodeimage.made(docker, programs)
