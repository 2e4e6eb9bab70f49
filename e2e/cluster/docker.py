"""A container engine as the other parts see it: its address, its command line, its images."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster.locks import only_one
from e2e.cluster.shell import ClusterError, CommandError, run, succeeds


@dataclass(frozen=True)
class Docker:
    """`program` is the docker command line; `env` what it and kind need to reach this engine."""

    program: Path
    own: bool
    env: Mapping[str, str] = field(default_factory=dict)

    def __call__(
        self, *args: str | Path, stdin: str | None = None, timeout: float | None = None, hint: str = ""
    ) -> str:
        """Runs docker and returns its output. Raises CommandError."""
        return run([self.program, *args], env=self.env, stdin=stdin, timeout=timeout, hint=hint)

    def answers(self, timeout: float = 10) -> bool:
        """Whether the engine is up."""
        return succeeds([self.program, "info"], env=self.env, timeout=timeout)

    def image_id(self, reference: str) -> str | None:
        """The id of a local image, None if there is none of that name."""
        try:
            return self("image", "inspect", "--format", "{{.Id}}", reference).strip()
        except CommandError:
            return None

    def once(self, tag: str, make: Callable[[], object]) -> str:
        """Returns `tag`, an image; if it is missing, one caller at a time makes it with `make`."""
        if self.image_id(tag) is None:
            with only_one(f"image-{tag.rpartition(':')[0].replace('/', '-')}"):
                # Another caller may have made it while this one waited for the lock.
                if self.image_id(tag) is None:
                    make()
        return tag

    def pull(self, reference: str, timeout: float) -> bool:
        """Whether the image is here or could be pulled within `timeout` seconds."""
        if self.image_id(reference) is not None:
            return True
        return succeeds([self.program, "pull", "--quiet", reference], env=self.env, timeout=timeout)

    def build(
        self,
        context: Path,
        tag: str,
        *,
        dockerfile: Path | None = None,
        args: Mapping[str, str] | None = None,
    ) -> None:
        """Builds an image on the host's network, from where package registries are within reach."""
        flags = [f"--build-arg={key}={value}" for key, value in (args or {}).items()]
        file = [f"--file={dockerfile}"] if dockerfile else []
        self("build", "--network=host", f"--tag={tag}", *file, *flags, context)

    def prune(self, repository: str, keep: int) -> None:
        """Removes all but the newest `keep` images of a repository; those in use stay."""
        listed = self("images", "--format", "{{.Repository}}:{{.Tag}}", repository).split()
        for reference in listed[keep:]:
            with suppress(CommandError):
                self("rmi", reference)

    def containers(self, label: str, *, running: bool = False) -> list[str]:
        """The names of the containers with that label (KEY or KEY=VALUE), all or only the running ones."""
        every = [] if running else ["--all"]
        listed = self("ps", *every, "--filter", f"label={label}", "--format", "{{.Names}}")
        return listed.split()

    def bridges(self) -> list[str]:
        """The host's network interfaces behind this engine's bridge networks."""
        ids = self("network", "ls", "--no-trunc", "--quiet", "--filter=driver=bridge").split()
        if not ids:
            return []
        networks = json.loads(self("network", "inspect", *ids))
        name = "com.docker.network.bridge.name"
        return [net.get("Options", {}).get(name) or f"br-{net['Id'][:12]}" for net in networks]

    def stream_image(self, reference: str, into: Sequence[str]) -> None:
        """Pipes `docker save` of an image into another docker command, without a file between them."""
        command = [str(self.program), "save", reference]
        target = [str(self.program), *into]
        full = {**os.environ, **self.env}
        with subprocess.Popen(command, env=full, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as saving:
            loading = subprocess.run(target, env=full, stdin=saving.stdout, capture_output=True, check=False)
            if saving.stdout:
                saving.stdout.close()
        if loading.returncode or saving.returncode:
            output = loading.stderr.decode(errors="replace")
            raise CommandError(target, loading.returncode or saving.returncode, output)


def not_reachable() -> ClusterError:
    """The error for a machine where no engine answers and none may be started."""
    return ClusterError(
        "no Docker engine answers, and starting one of our own needs root on Debian. "
        "Start Docker (check with `docker info`), or run this as root."
    )
