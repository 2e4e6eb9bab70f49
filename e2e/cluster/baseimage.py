"""The base of the images: Debian as its own archive gives it, for engines without a container registry."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from e2e.cluster import debian, once, paths
from e2e.cluster.docker import Docker
from e2e.cluster.progress import say
from e2e.cluster.shell import CommandError, find_program, run

SUITE = "bookworm"
PUBLIC_PYTHON = "python:3.12-slim-bookworm"
_INCLUDE = "ca-certificates,python3,python3-venv"
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_DEFAULT_MIRROR = "http://deb.debian.org/debian"


def registry_in_reach(url: str = "https://registry-1.docker.io/v2/", timeout: float = 5) -> bool:
    """Whether Docker Hub's registry speaks to this machine (any HTTP answer counts)."""
    try:
        with urlopen(url, timeout=timeout):
            return True
    except HTTPError as error:
        # 401 asks for a token, as it should; a proxy's refusal is another code.
        return error.code == 401
    except (URLError, OSError):
        return False


def for_python(docker: Docker) -> str:
    """The base image of the project's images: the public Python image, or Debian made on the spot."""
    if docker.image_id(PUBLIC_PYTHON) is not None:
        return PUBLIC_PYTHON
    # A user's engine may know a mirror of which this process knows nothing: worth a short try.
    patience = 600 if registry_in_reach() else 20
    if (patience == 600 or not docker.own) and docker.pull(PUBLIC_PYTHON, timeout=patience):
        return PUBLIC_PYTHON
    return made(docker)


def made(docker: Docker) -> str:
    """Debian with Python and the host's certificate authorities; made in about a minute if it is missing."""
    tag = f"localhost/fairlead/debian:{SUITE}-{_content_hash()}"
    return docker.once(tag, lambda: _make(docker, tag))


def _make(docker: Docker, tag: str) -> None:
    start = time.monotonic()
    debian.require(["debootstrap"], "a base image of our own", debian.OR_DOCKER)
    say(f"base image: debootstrap {SUITE}")
    build = paths.build_dir("debian")
    with once.alone(build), once.draft(build) as draft:
        # The draft itself is closed to other users; the root of an image must not be.
        root = draft / "root"
        debootstrap = str(find_program("debootstrap"))
        run(
            [debootstrap, "--variant=minbase", f"--include={_INCLUDE}", SUITE, root, mirror()],
            env={"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
            hint="Is a Debian mirror within reach? Is this root, on a file system that allows device files?",
        )
        _trim(root)
        _import(docker, root, tag)
    say(f"base image: {time.monotonic() - start:.1f} s ({tag})")


def _trim(root: Path) -> None:
    """Adds the host's certificate authorities, and drops what images need not carry."""
    if _AUTHORITIES.exists():
        (root / "etc/ssl/certs/ca-certificates.crt").write_bytes(_AUTHORITIES.read_bytes())
    for pattern in ("var/cache/apt/archives/*.deb", "var/lib/apt/lists/*_*", "var/log/*.log"):
        for file in root.glob(pattern):
            file.unlink()


def _import(docker: Docker, root: Path, tag: str) -> None:
    pack = ["tar", "--create", "--numeric-owner", f"--directory={root}", "."]
    load = [str(docker.program), "import", "-", tag]
    with subprocess.Popen(pack, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as packing:
        done = subprocess.run(
            load,
            stdin=packing.stdout,
            env={**os.environ, **docker.env},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode or packing.returncode:
        raise CommandError(load, done.returncode or packing.returncode, done.stderr)


def mirror(sources: str | None = None) -> str:
    """The Debian mirror that this host uses itself; Debian's own where it does not say."""
    if sources is None:
        files = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
        sources = "\n".join(file.read_text(errors="replace") for file in files if file.is_file())
    one_line = r"^deb\s+(?:\[[^\]]*\]\s+)?(https?://\S+/debian)/?\s"
    deb822 = r"^URIs:\s*(https?://\S+/debian)/?\s"
    found = re.search(one_line, f"{sources}\n", re.MULTILINE) or re.search(
        deb822, f"{sources}\n", re.MULTILINE
    )
    return found.group(1) if found else _DEFAULT_MIRROR


def _content_hash() -> str:
    digest = hashlib.sha256(f"{SUITE} {_INCLUDE} {mirror()}".encode())
    if _AUTHORITIES.exists():
        digest.update(_AUTHORITIES.read_bytes())
    return digest.hexdigest()[:8]
