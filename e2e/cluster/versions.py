"""Which version of what, in one place.

The versions of programs that are built here are pins in gomod/go.mod and only there. They are chosen to
agree on the Kubernetes libraries of one minor version: that is what lets them share one module.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

GO_MODULE = Path(__file__).with_name("gomod")
# Apart from the programs: the cluster must not be built again because a test's own files changed.
CRD_MODULE = Path(__file__).with_name("crds")
# Programs that tests run on each node: a driver for Dynamic Resource Allocation, which lends simulated GPUs,
# and one that enforces NetworkPolicies, as kind's public node image does and the bridge of ours does not.
AGENT_MODULES = {
    "dra-driver": Path(__file__).with_name("dradriver"),
    "policy-agent": Path(__file__).with_name("policyagent"),
}

# The version that users upgrade from, as a commit: the latest release, or a state from before the first one.
PREVIOUS_COMMIT = "61fe81c"

_KUBERNETES = "k8s.io/kubernetes"
_CONTAINERD = "github.com/containerd/containerd/v2"

# How each program is built.
BUILD_FLAGS = (
    "-trimpath",
    # No snapshotters that need C libraries or kernel modules a node in a container does not have, and nothing
    # that measures containerd and gRPC themselves.
    "-tags=no_btrfs,no_zfs,no_devmapper,no_rdt,no_tracing,grpcnotrace",
    # Compiling takes a third less time without debug information and, in Kubernetes' own code, without
    # inlining. Libraries and Go's own code stay as fast as they are.
    "-gcflags=all=-dwarf=false",
    "-gcflags=k8s.io/...=-dwarf=false -l",
)

# What kubeadm of our Kubernetes release expects to run beside it.
PAUSE_TAG = "3.10.1"

# kind v0.33's own default: the one node image its maintainers test that release with.
PUBLIC_NODE_IMAGE = (
    "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5"
)


@dataclass(frozen=True)
class Program:
    """A Go program: the module whose version it carries, and the package to build.

    Programs of one package are one file, which acts as the one by whose name it is started.
    """

    module: str
    package: str


PROGRAMS: dict[str, Program] = {
    **{
        name: Program(_KUBERNETES, "./kubernetes")
        for name in (
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kube-proxy",
            "kubelet",
            "kubeadm",
            "kubectl",
        )
    },
    **{
        name: Program(_CONTAINERD, f"{_CONTAINERD}/cmd/{name}")
        for name in ("containerd", "ctr", "containerd-shim-runc-v2")
    },
    "etcd": Program("go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3"),
    "helm": Program("helm.sh/helm/v3", "helm.sh/helm/v3/cmd/helm"),
    "kind": Program("sigs.k8s.io/kind", "sigs.k8s.io/kind"),
    "coredns": Program("github.com/coredns/coredns", "./coredns"),
    "pause": Program("", "./pause"),
}

# A program of the user's own is as good as ours from the first to the last of these versions.
# kubectl: one minor version around ours, which is Kubernetes' own promise, and newer ones because a
# public node image is newer. kind: the release whose node files and flags these scripts rely on.
ACCEPTED: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "kubectl": ((1, 33), (1, 38)),
    # The cases use --take-ownership.
    "helm": ((3, 17), (3, 999)),
    "kind": ((0, 30), (0, 33)),
}


def file_of(name: str) -> str:
    """The name of the file that a program is: that of the package where several programs are one file."""
    package = PROGRAMS[name].package
    shared = sum(program.package == package for program in PROGRAMS.values()) > 1
    return package.rpartition("/")[2] if shared else name


@cache
def pins(folder: Path = GO_MODULE) -> dict[str, str]:
    """Module path → version (`v1.2.3`) of the modules that the folder's go.mod requires directly."""
    text = (folder / "go.mod").read_text()
    return dict(re.findall(r"^\s*(?:require )?(\S+) (v\S+)$", text, re.MULTILINE))


def version_of(name: str) -> str:
    """The version (`1.34.4`, no v) of a program in PROGRAMS."""
    module = PROGRAMS[name].module
    return pins()[module].removeprefix("v") if module else PAUSE_TAG


def kubernetes() -> str:
    """The Kubernetes version (`1.34.4`) of a node made here."""
    return version_of("kubelet")


@cache
def build_hash(name: str) -> str:
    """Eight hex digits over what decides what the build of a program gives, besides the Go compiler.

    Not over the other programs' files: a change to one of them does not build the others again.
    """
    package = PROGRAMS[name].package
    everything = [(GO_MODULE / "go.mod").read_text(), package, *BUILD_FLAGS, *version_flags()]
    if package.startswith("./"):
        everything.append(content_hash(GO_MODULE / package))
    return hashlib.sha256("\0".join(everything).encode()).hexdigest()[:8]


def content_hash(folder: Path) -> str:
    """Eight hex digits over the files of a folder."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:8]


def version_flags() -> list[str]:
    """Linker flags that set the programs' versions, as their own release builds do."""
    major, minor, _ = kubernetes().split(".")
    texts = {
        "k8s.io/component-base/version.gitVersion": f"v{kubernetes()}",
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        "github.com/containerd/containerd/v2/version.Version": f"v{version_of('containerd')}",
        "helm.sh/helm/v3/internal/version.version": f"v{version_of('helm')}",
        # Without a cluster, `helm template` and `helm lint` take this for the cluster's version.
        "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": major,
        "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": minor,
        "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor": major,
        "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor": minor,
    }
    return [f"-X {variable}={text}" for variable, text in texts.items()]


def parse(text: str) -> tuple[int, ...] | None:
    """The first dotted version number in a program's answer, None if there is none."""
    found = re.search(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part) for part in found.groups() if part is not None) if found else None


def accepts(name: str, version: tuple[int, ...] | None) -> bool:
    """Whether a program of the user's own of that version may stand in for the one built here."""
    if version is None or name not in ACCEPTED:
        return False
    first, last = ACCEPTED[name]
    return first <= version[:2] <= last
