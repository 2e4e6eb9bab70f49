"""The host's network before our engine and after it: recorded at its start, restored at its end."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from e2e.cluster import netrules
from e2e.cluster.shell import ClusterError, find_program, run, succeeds

_FILTERS = ("iptables", "ip6tables")
# For a look at the rules: on a busy machine it waits for others that change them.
_LIST_SECONDS = 60.0
_SETTINGS = (
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/net/ipv6/conf/all/forwarding",
    "/proc/sys/net/ipv6/conf/default/forwarding",
    "/proc/sys/net/bridge/bridge-nf-call-iptables",
    "/proc/sys/net/bridge/bridge-nf-call-ip6tables",
)


def record(file: Path) -> None:
    """Records the host's network, unless there is a record.

    An existing record is from an interrupted run: it holds the state to restore.
    """
    if file.exists():
        return
    state = {
        "rules": {name: _saved(name) for name in _FILTERS},
        "settings": {path: Path(path).read_text().strip() for path in _SETTINGS if Path(path).exists()},
        "bridges": [],
    }
    _write(file, state)


def record_bridges(file: Path, names: Iterable[str]) -> None:
    """Adds bridges that the engine made to the record, so that they can go even if the engine is dead."""
    state = _read(file)
    if state is not None:
        _write(file, {**state, "bridges": sorted({*state["bridges"], *names})})


def docker_chains_intact() -> bool:
    """Whether the chain is there that a running dockerd needs; a reloaded firewall may have dropped it."""
    program = find_program("iptables")
    return program is not None and succeeds([program, "-t", "nat", "-S", "DOCKER"], timeout=_LIST_SECONDS)


def restore(file: Path, *, shared: bool) -> None:
    """Takes back what the engine changed since record(), bridges included, and drops the record.

    The engine must not run. With `shared`, another Docker does, and what it needs as well stays: its
    chains, and forwarding. Without a record nothing happens.
    """
    state = _read(file)
    if state is None:
        return
    bridges = _existing(state["bridges"])
    for name in _FILTERS:
        for arguments in netrules.undo(state["rules"].get(name, ""), _saved(name), bridges, shared=shared):
            _attempt([name, *arguments])
    for bridge in bridges.names:
        _attempt(["ip", "link", "delete", bridge])
    settings = {} if shared else state["settings"]
    for path, value in settings.items():
        if Path(path).exists() and Path(path).read_text().strip() != value:
            Path(path).write_text(value)
    file.unlink()


def _read(file: Path) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return state


def _write(file: Path, state: dict[str, Any]) -> None:
    draft = file.with_suffix(".tmp")
    draft.write_text(json.dumps(state, indent=1))
    draft.replace(file)


def _attempt(argv: list[str]) -> None:
    """One step back. What is gone already (a chain removed by its owner) is as good as removed."""
    program = find_program(argv[0])
    if program is None:
        return
    try:
        run([program, *argv[1:]], timeout=30)
    except ClusterError:
        return


def _saved(name: str) -> str:
    program = find_program(f"{name}-save")
    if program is None:
        return ""
    try:
        return run([program], timeout=30)
    except ClusterError:
        # A kernel without this address family.
        return ""


def _existing(names: list[str]) -> netrules.Bridges:
    """Those of the named bridges that are still there, with their subnets."""
    program = find_program("ip")
    if program is None:
        return netrules.Bridges()
    found: list[str] = []
    subnets: list[netrules.Network] = []
    for link in json.loads(run([program, "-json", "address", "show"]) or "[]"):
        if link.get("ifname") not in names:
            continue
        found.append(link["ifname"])
        subnets += [
            ipaddress.ip_network(f"{entry['local']}/{entry['prefixlen']}", strict=False)
            for entry in link.get("addr_info", [])
            # Link-local addresses are the same everywhere, so they do not identify a rule's owner.
            if entry.get("scope") == "global"
        ]
    return netrules.Bridges(tuple(found), tuple(subnets))
