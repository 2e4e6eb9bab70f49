"""The command `fairlead`: runs the operator in its image, and validates, renders and explains models for
users."""

from __future__ import annotations

import os
import signal
import sys
from argparse import Namespace

from pydantic import ValidationError

from fairlead_operator.cli.parser import parser


def main(arguments: list[str] | None = None, program: str = "fairlead") -> int:
    """Runs a command and returns the exit code."""
    options = parser(program).parse_args(arguments)
    try:
        return _COMMANDS[options.command](options)
    except BrokenPipeError:
        # The reader has what it wants, as in `| head`. Without this Python complains when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def kubectl_plugin() -> int:
    """The same as a plugin: kubectl runs `kubectl-fairlead` for `kubectl fairlead`."""
    return main(program="kubectl fairlead")


def _crd(_: Namespace) -> int:
    from fairlead_operator.api.crd import crd
    from fairlead_operator.api.manifest import to_yaml

    sys.stdout.write(to_yaml(crd()))
    return 0


def _docs(options: Namespace) -> int:
    from fairlead_operator.reference import PAGES

    sys.stdout.write(PAGES[options.page]())
    return 0


def _offline(options: Namespace) -> int:
    from fairlead_operator.cli.documents import DocumentError
    from fairlead_operator.cli.offline import run_render, run_validate

    try:
        return (run_render if options.command == "render" else run_validate)(options)
    except DocumentError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _bench(options: Namespace) -> int:
    from fairlead_operator.cli.bench import run_bench

    return run_bench(options)


def _completion(options: Namespace) -> int:
    import shtab

    sys.stdout.write(f"{shtab.complete(parser(), shell=options.shell)}\n")
    return 0


def _init(options: Namespace) -> int:
    from fairlead_operator.cli.init import run_init

    return run_init(options)


def _explain(options: Namespace) -> int:
    from fairlead_operator.cli.explain import run_explain

    return run_explain(options)


def _logs(options: Namespace) -> int:
    from fairlead_operator.cli.logs import run_logs

    return run_logs(options)


def _run(options: Namespace) -> int:
    try:
        from fairlead_operator.local.command import run_local
    except ModuleNotFoundError as error:
        sys.stderr.write(f"fairlead run needs {error.name}: pip install fairlead\n")
        return 2
    return run_local(options)


def _operator(_: Namespace) -> int:
    # Only this command needs kopf, which takes a second to import.
    import asyncio
    from contextlib import suppress

    import uvloop

    try:
        from fairlead_operator.runner import run_operator
    except ModuleNotFoundError as error:
        sys.stderr.write(f"fairlead operator needs {error.name}: pip install 'fairlead[operator]'\n")
        return 2
    from fairlead_operator.settings import Settings
    from fairlead_operator.telemetry import configure_logging

    try:
        settings = Settings()
    except ValidationError as error:
        for item in error.errors(include_url=False):
            name = "_".join(str(part) for part in item["loc"]).upper()
            sys.stderr.write(f"FAIRLEAD_{name}: {item['msg']}\n")
        return 2
    configure_logging(settings.log_level)
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    try:
        return runner.run(run_operator(settings))
    finally:
        # uvloop calls a loop busy in which a TLS connection is still being shut down. All work is over then,
        # and that must not make the exit code of a stopped operator.
        with suppress(OSError):
            runner.close()


_COMMANDS = {
    "bench": _bench,
    "completion": _completion,
    "crd": _crd,
    "docs": _docs,
    "explain": _explain,
    "init": _init,
    "logs": _logs,
    "operator": _operator,
    "render": _offline,
    "run": _run,
    "validate": _offline,
}

if __name__ == "__main__":
    sys.exit(main())
