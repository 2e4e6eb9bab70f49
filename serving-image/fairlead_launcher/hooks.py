"""The `preStop` hooks: `drain` and `await-drain`."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from fairlead_launcher.bounds import (
    GATEWAY_ANSWER_BYTES,
    LEADER_GONE_SECONDS,
    MESSAGE_CHARS,
    POLL_PAUSE_SECONDS,
    POLL_SECONDS,
)

HOOKS = ("drain", "await-drain")
# The gateway of the same pod. In a pod that has only IPv6 addresses it listens on the second one.
LOOPBACK = ("127.0.0.1", "::1")


def gateway_request(
    host: str, port: int, method: str, path: str, timeout: float | None = None
) -> tuple[int, bytes]:
    """Status and body of one request to a gateway's admin port. Raises OSError or HTTPException."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read(GATEWAY_ANSWER_BYTES)
    finally:
        connection.close()


def drain(port: int) -> int:
    """Makes this pod's gateway drain and waits until it has; 1 if it cannot, 0 otherwise."""
    problem = ""
    for host in LOOPBACK:
        try:
            status, body = gateway_request(host, port, "POST", "/drain")
        except (OSError, http.client.HTTPException) as error:
            problem = f"{problem} {host}: {error!r}"
            continue
        if status == 200:
            return 0
        problem = f" HTTP {status} {body[:MESSAGE_CHARS].decode(errors='replace')}"
        break
    return report_problem(f"the gateway does not drain:{problem}")


def await_drain(host: str, port: int) -> int:
    """Waits until the gateway on another pod has drained or is gone. It changes nothing there."""
    seen = time.monotonic()
    while time.monotonic() - seen < LEADER_GONE_SECONDS:
        with suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            _, body = gateway_request(host, port, "GET", "/status", POLL_SECONDS)
            if json.loads(body).get("drained"):
                return 0
            seen = time.monotonic()
        time.sleep(POLL_PAUSE_SECONDS)
    return 0


def report_problem(problem: str) -> int:
    """Names a problem in the hook's output, which Kubernetes shows as an event, and returns its exit code."""
    print(f"fairlead-launcher: {problem}", file=sys.stderr, flush=True)
    return 1


def give_up(timeout: float) -> None:
    """Ends the process at the timeout."""
    report_problem(f"not drained within {timeout:.0f} s")
    os._exit(1)


def run_hook(words: Sequence[str]) -> int:
    """Command line of a `preStop` hook; returns the exit code, at the latest after its timeout."""
    parser = argparse.ArgumentParser(prog="fairlead_launcher", description="A preStop hook.")
    parser.add_argument("hook", choices=HOOKS)
    parser.add_argument("--port", type=int, required=True, help="the gateway's admin port")
    parser.add_argument("--timeout", type=float, required=True, help="seconds after which it ends anyway")
    parser.add_argument("--address-from", default="", help="environment variable with the leader's address")
    options = parser.parse_args(words)
    # A timer, because a name resolution cannot be interrupted.
    timer = threading.Timer(options.timeout, give_up, (options.timeout,))
    timer.daemon = True
    timer.start()
    if options.hook == "drain":
        return drain(options.port)
    leader = os.environ.get(options.address_from, "")
    return (
        await_drain(leader, options.port)
        if leader
        else report_problem(f"{options.address_from!r} is not set")
    )
