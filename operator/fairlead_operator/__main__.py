"""The command `fairlead`: runs the operator in its image, and validates, renders and explains models for
users."""

from __future__ import annotations

import sys
from argparse import Namespace

from pydantic import ValidationError

from fairlead_operator.cli.parser import parser


def main(arguments: list[str] | None = None) -> int:
    """Runs a command and returns the exit code."""
    options = parser().parse_args(arguments)
    return _COMMANDS[options.command](options)


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
    try:
        from fairlead_operator.cli.documents import DocumentError
        from fairlead_operator.cli.offline import run_render, run_validate
    except ModuleNotFoundError as error:
        sys.stderr.write(f"fairlead {options.command} needs {error.name}: pip install 'fairlead[cli]'\n")
        return 2
    try:
        return (run_render if options.command == "render" else run_validate)(options)
    except DocumentError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _explain(options: Namespace) -> int:
    from fairlead_operator.cli.explain import run_explain

    return run_explain(options)


def _run(_: Namespace) -> int:
    # Only this command needs kopf, which takes a second to import.
    import asyncio
    from contextlib import suppress

    import uvloop

    from fairlead_operator.runner import run_operator
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
    "crd": _crd,
    "docs": _docs,
    "explain": _explain,
    "render": _offline,
    "run": _run,
    "validate": _offline,
}

if __name__ == "__main__":
    sys.exit(main())
