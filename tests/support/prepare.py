"""Makes everything that tests install at their first use: `python -m tests.support.prepare`.

`make test` runs it before pytest starts workers: once, with its progress shown, and a failure ends the run.
A test that runs alone makes what it needs itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import as_completed

from e2e.cluster import debian, once, paths, tools
from e2e.cluster.progress import Phases, say
from e2e.cluster.shell import ClusterError, side_by_side
from fairlead_operator.local.errors import LocalError
from tests.benchmarks.gateway.programs import build_programs
from tests.clients import environments
from tests.local import reference as gguf_reference
from tests.simulator.library import library
from tests.support import collector, control_plane
from tests.support.engine import install_vllm

_SYSTEM = ("curl", "cc", "libnuma.so.1", "libgomp.so.1", "promtool")


def prepare() -> None:
    """Makes what is missing, side by side: Go compiles, the rest downloads. Raises the first ClusterError."""
    debian.require(_SYSTEM, "the tests")
    once.sweep(paths.cache_root())
    phases = Phases()

    def timed(title: str, make: Callable[[], object]) -> None:
        with phases.phase(title):
            make()

    jobs: dict[str, Callable[[], object]] = {
        "programs of the control plane, helm": lambda: tools.ensure((*control_plane.PROGRAMS, "helm")),
        "OpenTelemetry's collector": collector.build,
        "vLLM": install_vllm,
        "environments of clients": environments.install_all,
        "the demo's model": gguf_reference.install,
        "C programs": lambda: (build_programs(), library()),
    }
    with side_by_side(len(jobs)) as pool:
        for done in as_completed([pool.submit(timed, title, make) for title, make in jobs.items()]):
            done.result()
    say(f"phases (they overlap):\n{phases.table()}")


def main() -> int:
    """Runs prepare(); a failure prints its cause and remedy, not a traceback."""
    try:
        prepare()
    except (ClusterError, LocalError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
