"""A registry of OCI artefacts on the loopback interface, and small images in it for two platforms."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.gateway.process import wait_for
from tests.release.support import call, output, program
from tests.support.control_plane import accepts_connections, dies_with_parent, free_port

PLATFORMS = ("linux/amd64", "linux/arm64")


@dataclass(frozen=True)
class Registry:
    """`address` is host and port; `folder` is scratch space."""

    address: str
    folder: Path

    def push_image(self, name: str, tag: str) -> str:
        """Pushes an image of one file for all of PLATFORMS; returns the digest of its index."""
        repository = f"{self.address}/{name}"
        layer = self.folder / "layer.tar"
        (self.folder / "name").write_text(name)
        with tarfile.open(layer, "w") as archive:
            archive.add(self.folder / "name", arcname="name")
        parts = []
        for platform in PLATFORMS:
            part = f"{repository}:{platform.rpartition('/')[2]}"
            output(program("crane"), "append", "--oci-empty-base", "--new_layer", layer, "--new_tag", part)
            output(program("crane"), "mutate", part, "--set-platform", platform, "--tag", part)
            parts += ["--manifest", part]
        output(program("crane"), "index", "append", *parts, "--tag", f"{repository}:{tag}")
        return output(program("crane"), "digest", f"{repository}:{tag}").strip()

    def has(self, reference: str, platform: str) -> bool:
        """Whether the registry has an image under the reference for the platform."""
        return call(program("crane"), "--platform", platform, "manifest", reference).returncode == 0


@contextmanager
def serve(folder: Path) -> Iterator[Registry]:
    """Runs a registry during the body; its content is in memory."""
    port = free_port()
    with (folder / "registry.log").open("w") as log:
        process = subprocess.Popen(
            [*dies_with_parent(), program("crane"), "registry", "serve", "--address", f"127.0.0.1:{port}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: accepts_connections(port))
        yield Registry(f"127.0.0.1:{port}", folder)
    finally:
        process.kill()
        process.wait()
