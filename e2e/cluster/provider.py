"""The one interface of all clusters: up, load, down, env. `kind` makes one; `existing` takes the user's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from e2e.cluster import engine, images, kind, prepare, tools
from e2e.cluster.docker import not_reachable
from e2e.cluster.progress import Phases, say
from e2e.cluster.shell import ClusterError, run


class Provider(Protocol):
    """The interface of a cluster for the demo and the cluster cases."""

    def prepare(self) -> None:
        """Makes everything slow that the other calls need."""

    def up(self, name: str) -> None:
        """Makes sure that the cluster is Ready."""

    def load(self, name: str, references: list[str]) -> list[str]:
        """Makes images of the local engine available to its nodes; returns the names they have there."""

    def down(self, name: str, *, everything: bool) -> None:
        """Removes what up() made."""

    def env(self, name: str) -> dict[str, str]:
        """Environment variables with which kubectl and helm reach it."""


class Kind:
    """A cluster of one node in a container."""

    def prepare(self) -> None:
        """Programs, engine, node image and project images."""
        prepare.prepare()

    def up(self, name: str) -> None:
        """Keeps a healthy cluster of that name; otherwise makes one, with whatever that needs."""
        phases = Phases()
        with phases.phase("container engine"):
            docker = engine.ensure()
        if not kind.healthy(docker, name):
            with phases.phase("node image"):
                image = prepare.node_image(docker)
            with phases.phase(f"cluster {name}"):
                kind.up(docker, name, image)
        say(f"cluster {name} is Ready; KUBECONFIG={kind.kubeconfig_file(name)}\n{phases.table()}")

    def load(self, name: str, references: list[str]) -> list[str]:
        """Pipes the images from the engine into the node."""
        docker = engine.find()
        if docker is None:
            raise not_reachable()
        kind.load(docker, name, references)
        return references

    def down(self, name: str, *, everything: bool) -> None:
        """Deletes the cluster (all of Fairlead's with `everything`) and stops our engine if it is unused."""
        docker = engine.find()
        for cluster in kind.names(docker) if everything else [name]:
            kind.delete(docker, cluster)
        engine.release()
        say("down")

    def env(self, name: str) -> dict[str, str]:
        """KUBECONFIG, PATH with kubectl, helm and kind, and DOCKER_HOST where the engine is ours."""
        docker = engine.find()
        tools_path = tools.bin_dir(kind.TOOLS)
        values = {"KUBECONFIG": str(kind.kubeconfig_file(name))}
        parts = [str(tools_path)]
        if docker is not None and docker.own:
            values |= {key: docker.env[key] for key in ("DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_BUILDKIT")}
            parts.append(str(docker.program.parent))
        return {**values, "PATH": ":".join([*parts, os.environ["PATH"]])}


class Existing:
    """The cluster that the user's KUBECONFIG leads to. Nothing is created or removed."""

    def prepare(self) -> None:
        """The project images; the cluster is there already."""
        images.ensure(engine.ensure())

    def up(self, name: str) -> None:
        """Checks that the cluster answers."""
        kubectl = tools.ensure(["kubectl"])["kubectl"]
        run([kubectl, "get", "--raw=/readyz"], hint="Does KUBECONFIG lead to a cluster that is up?")
        context = run([kubectl, "config", "current-context"]).strip()
        say(f"using the existing cluster of context {context}")

    def load(self, name: str, references: list[str]) -> list[str]:
        """Pushes to $FAIRLEAD_REGISTRY if it is set; otherwise the error has the remedy."""
        registry = os.environ.get("FAIRLEAD_REGISTRY")
        if not registry:
            listed = "\n  ".join(references)
            raise ClusterError(
                "the nodes of an existing cluster pull images from a registry: set FAIRLEAD_REGISTRY "
                f"(for example ghcr.io/me) to have these pushed there:\n  {listed}"
            )
        docker = engine.ensure()
        targets = [registry_reference(registry, image) for image in references]
        for image, target in zip(references, targets, strict=True):
            say(f"pushing {target}")
            docker("tag", image, target)
            docker(
                "push", "--quiet", target, hint=f"Log in with `docker login {registry.partition('/')[0]}`."
            )
        return targets

    def down(self, name: str, *, everything: bool) -> None:
        """Leaves the cluster alone; stops an engine of our own that only built images."""
        engine.release()

    def env(self, name: str) -> dict[str, str]:
        """The user's own kubeconfig, and PATH with kubectl and helm."""
        path = f"{tools.bin_dir(['kubectl', 'helm'])}:{os.environ['PATH']}"
        kubeconfig = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
        return {"KUBECONFIG": kubeconfig, "PATH": path}


def registry_reference(registry: str, image: str) -> str:
    """The name of a project image in a registry: its last path element, with its tag."""
    return f"{registry.rstrip('/')}/{image.rpartition('/')[2]}"


def of(name: str) -> Provider:
    """The provider called `kind` or `existing`."""
    providers: dict[str, type[Provider]] = {"kind": Kind, "existing": Existing}
    if name not in providers:
        raise ClusterError(f"FAIRLEAD_CLUSTER={name}: there are {' and '.join(providers)}")
    return providers[name]()
