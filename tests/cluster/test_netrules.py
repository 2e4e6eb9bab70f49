"""Taking back what the engine added to the packet filter, and nothing else."""

from __future__ import annotations

import ipaddress

from e2e.cluster.netrules import Bridges, undo

BRIDGES = Bridges(("br-0123456789ab",), (ipaddress.ip_network("172.18.0.0/16"),))

BEFORE = """\
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [12:345]
COMMIT
"""

AFTER = """\
*nat
:PREROUTING ACCEPT [3:9]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE
-A POSTROUTING -s 172.18.0.0/16 ! -o br-0123456789ab -j MASQUERADE
-A POSTROUTING -s 172.18.0.2/32 -d 172.18.0.2/32 -p tcp -m tcp --dport 6443 -j MASQUERADE
-A DOCKER -i br-0123456789ab -j RETURN
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o br-0123456789ab -j DOCKER
-A DOCKER-USER -j RETURN
COMMIT
"""


def test_unchanged_firewall_rules_need_no_undo() -> None:
    assert undo(BEFORE, BEFORE, BRIDGES) == []


def test_firewall_rules_then_chains_then_policies_are_undone() -> None:
    calls = [" ".join(call) for call in undo(BEFORE, AFTER, BRIDGES)]

    assert calls == [
        "-t nat -D PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
        "-t nat -D POSTROUTING -s 172.18.0.0/16 ! -o br-0123456789ab -j MASQUERADE",
        "-t nat -D POSTROUTING -s 172.18.0.2/32 -d 172.18.0.2/32 -p tcp -m tcp --dport 6443 -j MASQUERADE",
        "-t nat -F DOCKER",
        "-t nat -X DOCKER",
        "-t filter -D FORWARD -j DOCKER-USER",
        "-t filter -D FORWARD -o br-0123456789ab -j DOCKER",
        "-t filter -F DOCKER-USER",
        "-t filter -X DOCKER-USER",
        "-t filter -P FORWARD ACCEPT",
    ]


def test_a_firewall_rule_added_by_others_meanwhile_is_kept() -> None:
    meanwhile = BEFORE.replace("COMMIT\n*filter", "-A POSTROUTING -o wg0 -j MASQUERADE\nCOMMIT\n*filter")

    assert undo(BEFORE, meanwhile, BRIDGES) == []


def test_an_earlier_firewall_rule_is_kept_even_if_it_refers_to_docker() -> None:
    own = BEFORE.replace(
        ":FORWARD ACCEPT [12:345]\n",
        ":FORWARD ACCEPT [12:345]\n:DOCKER-USER - [0:0]\n-A DOCKER-USER -s 192.0.2.1/32 -j DROP\n",
    )

    assert undo(own, own, BRIDGES) == []


def test_a_policy_of_a_new_firewall_table_is_set_to_accept() -> None:
    assert undo("", "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n", BRIDGES) == [
        ["-t", "filter", "-P", "FORWARD", "ACCEPT"]
    ]


def test_with_another_docker_only_rules_of_own_bridges_are_removed() -> None:
    calls = [" ".join(call) for call in undo(BEFORE, AFTER, BRIDGES, shared=True)]

    assert calls == [
        "-t nat -D POSTROUTING -s 172.18.0.0/16 ! -o br-0123456789ab -j MASQUERADE",
        "-t nat -D POSTROUTING -s 172.18.0.2/32 -d 172.18.0.2/32 -p tcp -m tcp --dport 6443 -j MASQUERADE",
        "-t nat -D DOCKER -i br-0123456789ab -j RETURN",
        "-t filter -D FORWARD -o br-0123456789ab -j DOCKER",
    ]
