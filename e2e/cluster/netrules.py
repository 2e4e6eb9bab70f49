"""What dockerd changes in the host's packet filter, and the commands that take exactly that back.

Pure functions over the text of `iptables-save`. Rules that another program added while the engine ran are not
touched: only those that name Docker's chains, the engine's bridges or their subnets.
"""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Bridges:
    """The bridges that the engine made: their names and the subnets behind them."""

    names: tuple[str, ...] = ()
    subnets: tuple[Network, ...] = ()


@dataclass
class Table:
    """One table of `iptables-save`: chain → policy (`-` for a user-defined chain), and the rules."""

    chains: dict[str, str] = field(default_factory=dict)
    rules: list[str] = field(default_factory=list)


def parse(saved: str) -> dict[str, Table]:
    """Reads the output of `iptables-save`."""
    tables: dict[str, Table] = {}
    current = Table()
    for line in saved.splitlines():
        if line.startswith("*"):
            current = tables.setdefault(line[1:], Table())
        elif line.startswith(":"):
            chain, policy, *_ = line[1:].split()
            current.chains[chain] = policy
        elif line.startswith("-A "):
            current.rules.append(line)
    return tables


def undo(before: str, after: str, bridges: Bridges, *, shared: bool = False) -> list[list[str]]:
    """Arguments of the `iptables` calls that lead from `after` back to `before`, in order.

    Rules go first, then the chains (emptied before they are removed, as they refer to each other), then
    the policies of built-in chains. With `shared`, another Docker runs on this host and uses the same
    chains: then only the rules about our own bridges go.
    """
    old, new = parse(before), parse(after)
    calls: list[list[str]] = []
    for name, table in new.items():
        calls += _undo_table(name, old.get(name, Table()), table, bridges, shared=shared)
    return calls


def _undo_table(name: str, old: Table, new: Table, bridges: Bridges, *, shared: bool) -> list[list[str]]:
    select = ["-t", name]
    added = _added(old.rules, new.rules)
    if shared:
        about_bridges = (shlex.split(rule) for rule in added if _is_about(rule, bridges))
        return [[*select, "-D", *words[1:]] for words in about_bridges]
    chains = [
        chain
        for chain, policy in new.chains.items()
        if policy == "-" and chain not in old.chains and chain.startswith("DOCKER")
    ]
    ours = [rule for rule in added if _speaks_of_docker(rule) or _is_about(rule, bridges)]
    in_other_chains = [words for rule in ours if (words := shlex.split(rule))[1] not in chains]
    policies = [
        (chain, old.chains[chain])
        for chain, policy in new.chains.items()
        # dockerd closes FORWARD when it turns forwarding on.
        if chain == "FORWARD" and old.chains.get(chain, policy) not in (policy, "-")
    ]
    if "FORWARD" in new.chains and "FORWARD" not in old.chains and new.chains["FORWARD"] == "DROP":
        # The table did not exist before; the kernel's default lets packets pass.
        policies.append(("FORWARD", "ACCEPT"))
    return [
        *([*select, "-D", *words[1:]] for words in in_other_chains),
        *([*select, "-F", chain] for chain in chains),
        *([*select, "-X", chain] for chain in chains),
        *([*select, "-P", chain, policy] for chain, policy in policies),
    ]


def _added(old: Sequence[str], new: Iterable[str]) -> list[str]:
    """The rules of `new` that `old` lacks, or has fewer times."""
    left = list(old)
    added = []
    for rule in new:
        if rule in left:
            left.remove(rule)
        else:
            added.append(rule)
    return added


def _speaks_of_docker(rule: str) -> bool:
    return any(word.startswith("DOCKER") for word in shlex.split(rule))


def _is_about(rule: str, bridges: Bridges) -> bool:
    return any(word in bridges.names or _inside(word, bridges.subnets) for word in shlex.split(rule))


def _inside(word: str, subnets: Sequence[Network]) -> bool:
    try:
        network = ipaddress.ip_network(word, strict=False)
    except ValueError:
        return False
    return any(
        network.version == subnet.version and network.subnet_of(subnet)  # type: ignore[arg-type]
        for subnet in subnets
    )
