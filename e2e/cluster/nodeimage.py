"""The node image: kind's public one where it can be pulled, else one made from Kubernetes' own modules.

Made here it consists of a layer of packages, the node's programs, and the control plane's images imported
into its containerd. Each step is an image of its own in the engine's store, tagged by what it is made of.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster import baseimage, once, paths, storage, tools, versions
from e2e.cluster.docker import Docker
from e2e.cluster.progress import say
from e2e.cluster.shell import run

RECIPES = Path(__file__).with_name("node")
NODE_PROGRAMS = ("kubelet", "kubeadm", "kubectl", "containerd", "ctr", "containerd-shim-runc-v2")
CONTROL_PLANE = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "etcd",
    "coredns",
    "pause",
)
PROGRAMS = (*NODE_PROGRAMS, *CONTROL_PLANE)
# Raise it when the steps below give another image from the same files.
_STEPS = b"2"
# The Kubernetes manifests of kubeadm call the others by name; these are started as their image says.
_ENTRYPOINTS = ("coredns", "pause")
_LOCAL_PROGRAMS = ("containerd", "ctr", "containerd-shim-runc-v2")


def public(docker: Docker) -> str | None:
    """kind's own node image if it is here or can be pulled, and this machine can run it; else None."""
    if not cgroup_v2():
        # Kubernetes 1.35 and later do without cgroup v1.
        return None
    if docker.image_id(versions.PUBLIC_NODE_IMAGE) is not None:
        return versions.PUBLIC_NODE_IMAGE
    reachable = baseimage.registry_in_reach()
    if not reachable and docker.own:
        return None
    say("node image: pulling kind's own")
    return (
        versions.PUBLIC_NODE_IMAGE
        if docker.pull(versions.PUBLIC_NODE_IMAGE, 900 if reachable else 20)
        else None
    )


def likely_public(docker: Docker | None) -> bool:
    """A quick guess, without a pull, whether public() will find kind's own image."""
    if not cgroup_v2():
        return False
    if docker is not None and (not docker.own or docker.image_id(versions.PUBLIC_NODE_IMAGE)):
        return True
    return baseimage.registry_in_reach()


def cgroup_v2() -> bool:
    """Whether this machine has the unified control group hierarchy."""
    return Path("/sys/fs/cgroup/cgroup.controllers").exists()


def made_tag() -> str:
    """The tag of the node image that is made here."""
    return f"localhost/fairlead/node:v{versions.kubernetes()}-{_recipe_hash()}"


def made(docker: Docker, programs: Callable[[], dict[str, Path]] | None = None) -> str:
    """The node image made here; makes it if it is missing.

    `programs` returns the built programs; it is called only when they are needed, so that a caller may
    have them built meanwhile.
    """
    tag = made_tag()

    def make() -> None:
        packages = packages_image(docker)
        proxy = proxy_image(docker)
        built = programs() if programs else tools.ensure(PROGRAMS, ours=True)
        _assemble(docker, tag, packages, proxy, built)

    return docker.once(tag, make)


def packages_image(docker: Docker) -> str:
    """The node's operating system without Kubernetes."""
    base = baseimage.made(docker)
    tag = f"localhost/fairlead/node-packages:{_recipe_hash(base)}"

    def make() -> None:
        with _context("node-packages") as context:
            say("node image: packages")
            shutil.copytree(_kind_files(), context / "files")
            _make_writable(context / "files")
            recipe = RECIPES / "packages.Dockerfile"
            docker.build(context, tag, dockerfile=recipe, args={"BASE_IMAGE": base})

    return docker.once(tag, make)


def proxy_image(docker: Docker) -> str:
    """What kube-proxy runs on."""
    base = baseimage.made(docker)
    tag = f"localhost/fairlead/proxy-packages:{_recipe_hash(base)}"

    def make() -> None:
        with _context("proxy-packages") as context:
            say("node image: packages of kube-proxy")
            recipe = RECIPES / "proxy.Dockerfile"
            docker.build(context, tag, dockerfile=recipe, args={"BASE_IMAGE": base})

    return docker.once(tag, make)


def _assemble(docker: Docker, tag: str, packages: str, proxy: str, built: dict[str, Path]) -> None:
    references = _control_plane_references(built["kubeadm"])
    with _context("node") as context:
        say("node image: the control plane's images")
        for file, names in _by_file(built).items():
            folder = context / "images" / file.name
            _component_context(folder, {name: built[name] for name in names}, proxy)
            docker.build(folder, references[names[0]])
            for name in names[1:]:
                docker("tag", references[names[0]], references[name])
        archive = context / "images" / "all.tar"
        docker("save", "--output", archive, *references.values())
        say("node image: node")
        _node_context(context / "node", built)
        draft = f"{tag}-empty"
        args = {
            "PACKAGES_IMAGE": packages,
            "VERSION": f"v{versions.kubernetes()}",
            "PAUSE_IMAGE": references["pause"],
            "VOLUMES": str(storage.VOLUMES),
        }
        docker.build(context / "node", draft, dockerfile=RECIPES / "node.Dockerfile", args=args)
        _preload(docker, draft, tag, archive)
        docker("rmi", draft, *references.values())
        docker.prune(tag.rpartition(":")[0], keep=1)


def _preload(docker: Docker, draft: str, tag: str, archive: Path) -> None:
    """Imports the archive into the node's containerd and commits the result."""
    name = "fairlead-preload"
    docker("rm", "--force", name)
    volume = f"--volume={archive.parent}:/images:ro"
    # Without a network and without an init of its own: nothing may run in it but what is asked for.
    docker("run", "--detach", f"--name={name}", "--network=none", "--entrypoint=sleep", volume, draft, "3600")
    script = f"""
        containerd > /dev/null 2>&1 & containerd=$!
        until ctr version > /dev/null 2>&1; do sleep 0.2; done
        ctr --namespace k8s.io images import --no-unpack --all-platforms /images/{archive.name} || exit 1
        kill $containerd; wait $containerd; true
    """
    try:
        docker("exec", name, "sh", "-c", script, timeout=300)
        entrypoint = 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]'
        docker("commit", f"--change={entrypoint}", "--change=CMD []", name, tag)
    finally:
        docker("rm", "--force", name)


def _control_plane_references(kubeadm: Path) -> dict[str, str]:
    """Program → the image reference under which kubeadm expects it on the node."""
    version = f"--kubernetes-version=v{versions.kubernetes()}"
    listed = run([kubeadm, "config", "images", "list", version]).split()
    return {reference.rpartition(":")[0].rpartition("/")[2]: reference for reference in listed}


def _by_file(built: dict[str, Path]) -> dict[Path, list[str]]:
    """The control plane's programs by the file that they are: one file is one image, whatever its names."""
    files: dict[Path, list[str]] = {}
    for name in CONTROL_PLANE:
        files.setdefault(built[name].resolve(), []).append(name)
    return files


def _component_context(folder: Path, programs: dict[str, Path], proxy: str) -> None:
    """What an image of the control plane is built from; `proxy` is what kube-proxy runs on."""
    for name, program in programs.items():
        _place(program, folder / "bin", name)
    lines = [
        f"FROM {proxy if 'kube-proxy' in programs else 'scratch'}",
        "ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "COPY bin/ /usr/local/bin/",
        *(f'ENTRYPOINT ["/usr/local/bin/{name}"]' for name in programs if name in _ENTRYPOINTS),
    ]
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n")


def _node_context(folder: Path, built: dict[str, Path]) -> None:
    for name in NODE_PROGRAMS:
        _place(built[name], folder / ("local" if name in _LOCAL_PROGRAMS else "bin"), name)
    shutil.copy(RECIPES / "10-bridge.conflist", folder)
    (folder / "default-storage.yaml").write_text(storage.manifest())


def _place(program: Path, folder: Path, name: str) -> None:
    """Puts a program into a folder; the names of one file are links to it there too.

    A hard link where the file system allows: the contexts would else copy hundreds of megabytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = program.resolve()
    target = folder / file.name
    if not target.exists():
        try:
            os.link(file, target)
        except OSError:
            shutil.copy2(file, target)
    if name != file.name:
        (folder / name).symlink_to(file.name)


def _kind_files() -> Path:
    """The node files that kind's module carries, read-only, in the Go module cache."""
    return tools.module_dir("sigs.k8s.io/kind") / "images" / "base" / "files"


def _make_writable(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)


@contextmanager
def _context(name: str) -> Iterator[Path]:
    """A folder to build from, on the file system of the built programs so that they can be linked."""
    build = paths.build_dir(name)
    with once.alone(build), once.draft(build) as folder:
        yield folder


def _recipe_hash(*more: str) -> str:
    """Twelve hex digits over everything that goes into the image."""
    digest = hashlib.sha256(" ".join(versions.build_hash(name) for name in PROGRAMS).encode())
    digest.update(storage.manifest().encode() + _STEPS)
    for file in sorted(RECIPES.iterdir()):
        digest.update(file.read_bytes())
    digest.update(" ".join(more).encode())
    return digest.hexdigest()[:12]
