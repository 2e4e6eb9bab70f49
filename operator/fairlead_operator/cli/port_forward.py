"""A port of a Service on this machine, by `kubectl port-forward`.

Not through the API server's proxy of Services: that one removes `Authorization`, so a model with API keys
could not be reached.
"""

from __future__ import annotations

import asyncio
import re
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fairlead_contract.text import printable
from fairlead_operator.bounds import ERROR_CHARACTERS, FORWARD_SECONDS

_FORWARDING = re.compile(rb"Forwarding from 127\.0\.0\.1:(\d+) ->")


class ForwardError(Exception):
    """The Service cannot be reached; the text has the cause and the remedy."""


@asynccontextmanager
async def port_forward(options: Namespace, namespace: str, service: str, port: int) -> AsyncIterator[int]:
    """The local port that leads to one pod of a Service, as long as the context is open.

    `options` has `kubeconfig` and `context`. Raises ForwardError.
    """
    command = ["kubectl", "port-forward", f"--namespace={namespace}", "--address=127.0.0.1"]
    command += [f"--kubeconfig={options.kubeconfig}"] if options.kubeconfig else []
    command += [f"--context={options.context}"] if options.context else []
    command += [f"--pod-running-timeout={FORWARD_SECONDS:.0f}s", f"service/{service}", f":{port}"]
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    except FileNotFoundError:
        raise ForwardError(
            "kubectl, which forwards the port of the model, is not installed; install it, or give the URL"
        ) from None
    drain: asyncio.Task[None] | None = None
    try:
        assert process.stdout is not None
        found = await _local_port(process.stdout)
        # kubectl writes a line for each connection, and would wait for a reader.
        drain = asyncio.create_task(_read_on(process.stdout))
        yield found
    finally:
        if drain:
            drain.cancel()
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _local_port(output: asyncio.StreamReader) -> int:
    printed = b""
    try:
        async with asyncio.timeout(2 * FORWARD_SECONDS):
            while line := await output.readline():
                if found := _FORWARDING.match(line):
                    return int(found[1])
                printed = (printed + line)[-ERROR_CHARACTERS:]
    except TimeoutError:
        printed += b"no port within the time"
    text = " ".join(printable(printed.decode(errors="replace"), ERROR_CHARACTERS).split())
    raise ForwardError(f"kubectl port-forward: {text or 'it ended without a word'}")


async def _read_on(output: asyncio.StreamReader) -> None:
    while await output.readline():
        pass
