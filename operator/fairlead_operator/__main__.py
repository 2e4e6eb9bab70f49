"""Command line of the operator's image: `run`, and `crd` and `docs`, which print what is generated."""

from __future__ import annotations

import argparse
import asyncio
import sys

from pydantic import ValidationError

from fairlead_operator import __version__
from fairlead_operator.api.crd import crd
from fairlead_operator.api.manifest import to_yaml
from fairlead_operator.reference import PAGES


def main(arguments: list[str] | None = None) -> int:
    """Runs a command and returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "crd":
        sys.stdout.write(to_yaml(crd()))
        return 0
    if options.command == "docs":
        sys.stdout.write(PAGES[options.page]())
        return 0
    return _run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fairlead", description="Serves language models on Kubernetes with vLLM."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="run the operator (settings: environment variables FAIRLEAD_*)")
    commands.add_parser("crd", help="print the CustomResourceDefinition")
    docs = commands.add_parser("docs", help="print a generated page of the reference")
    docs.add_argument("page", choices=sorted(PAGES))
    return parser


def _run() -> int:
    # Only this command needs the Kubernetes client and kopf, which take a second to import.
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
    return asyncio.run(run_operator(settings))


if __name__ == "__main__":
    sys.exit(main())
