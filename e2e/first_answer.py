"""The first stage of `make demo`: a model that answers on this machine, by way of `fairlead run`.

Nothing but the Python package index is needed: no privileges, no containers, no cluster.
"""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from openai import OpenAI

from e2e.cluster.processes import Process, recall, remember
from e2e.world import ROOT, CommandError

# For the end of a model that has nothing under way.
_END_SECONDS = 30
_READY = re.compile(r"Ready: (?P<base_url>http://\S+)")


@contextmanager
def served(arguments: Sequence[str], record: Path) -> Iterator[str]:
    """Runs `fairlead run ARGUMENTS` during the body; yields the base URL of its API when it is ready.

    Its progress goes to standard error. `record` is a file for end_left_over(). Raises CommandError if it
    ends before it is ready.
    """
    command = [sys.executable, "-m", "fairlead_operator", "run", "--port", str(_free_port()), *arguments]
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdin=nothing, stdout=pipe, text=True, cwd=ROOT) as run:
        if process := Process.of(run.pid, "fairlead run"):
            remember(process, record)
        try:
            yield _base_url(run)
        finally:
            _end(run)
            record.unlink(missing_ok=True)


def end_left_over(record: Path) -> None:
    """Ends what a killed demo has left."""
    process = recall(record)
    if process is not None:
        process.stop()
    record.unlink(missing_ok=True)


def ask(base_url: str, question: str) -> str:
    """The answer of the only model behind a base URL. Raises CommandError if it is empty."""
    # Authentication is off; the SDK wants a key that is not empty.
    with OpenAI(base_url=base_url, api_key="none") as client:
        model = next(iter(client.models.list())).id
        answer = client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": question}], max_tokens=64, temperature=0
        )
    text = answer.choices[0].message.content
    if not text:
        raise CommandError(f"the model {model} answered nothing")
    return text


def _base_url(run: subprocess.Popen[str]) -> str:
    assert run.stdout is not None
    for line in run.stdout:
        if match := _READY.match(line):
            return match["base_url"]
    raise CommandError(f"fairlead run ended with {run.wait()} before the model was ready; its cause is above")


def _end(run: subprocess.Popen[str]) -> None:
    """As Ctrl-C does; kills it if that takes too long."""
    if run.poll() is None:
        run.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            run.communicate(timeout=_END_SECONDS)
            return
        # Once more ends it at once.
        run.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            run.communicate(timeout=_END_SECONDS)
            return
        run.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
