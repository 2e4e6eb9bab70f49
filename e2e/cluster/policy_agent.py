"""The image of the NetworkPolicy agent for nodes made here, whose bridge enforces none; source: policyagent.

kind's public node image has the same program in it. Like the DRA test driver it is a Go module of its own.
"""

from __future__ import annotations

from e2e.cluster import tools, versions
from e2e.cluster.docker import Docker

PROGRAM = "policy-agent"
_REPOSITORY = "fairlead/policy-agent"


def image(docker: Docker) -> str:
    """The image's reference, tagged by what it is made of; builds program and image if they are missing."""
    tag = f"{_REPOSITORY}:{versions.content_hash(versions.POLICY_AGENT_MODULE)}"

    def make() -> None:
        program = tools.ensure_apart(PROGRAM, versions.POLICY_AGENT_MODULE)
        docker.build(program.parent, tag, dockerfile=versions.POLICY_AGENT_MODULE / "Dockerfile")
        docker.prune(_REPOSITORY, keep=1)

    return docker.once(tag, make)
