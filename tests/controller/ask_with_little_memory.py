"""Asks pods in a process that may use little more memory than it has, and prints which have answered, and by
how many bytes its peak grew.

Arguments: the port, then the addresses.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path

from fairlead_operator.controller.admin_client import AdminClient
from tests.controller.hostile_pod import pod_at

_MORE_BYTES = 64 << 20


def limit_memory() -> None:
    """The address space that there is now, and no more than 64 MiB on top. The peak begins again."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + _MORE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    # proc(5): resets the peak.
    Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """The most memory that the process has had at once."""
    status = Path("/proc/self/status").read_text()
    # Not getrusage, whose figure begins with the parent's.
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


async def main(port: int, addresses: list[str]) -> None:
    """Asks all of them at once."""
    admin = AdminClient(port)
    limit_memory()
    before = peak_bytes()
    found = await admin.demands([pod_at(address, address) for address in addresses])
    await admin.close()
    print(json.dumps([sorted(found), peak_bytes() - before]))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2:]))
