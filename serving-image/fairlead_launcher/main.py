"""The command line of the launcher."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from fairlead_launcher.arguments import rank_arguments
from fairlead_launcher.command import ENGINE_MODULE, engine_command, headless_command
from fairlead_launcher.engine_process import Launcher
from fairlead_launcher.hooks import HOOKS, run_hook
from fairlead_launcher.inference import as_fields, infer_parsers, parser_arguments
from fairlead_launcher.preflight import absent_folder, refused_variable
from fairlead_launcher.report import log
from fairlead_launcher.state import StateFile

TERMINATION_LOG = "/dev/termination-log"


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return run_hook(words) if words[:1] and words[0] in HOOKS else launch(words)


def launch(argv: Sequence[str]) -> int:
    """Runs the engine to its end and returns the exit code."""
    options = _read_options(argv)
    inferred = infer_parsers(options.arguments, options.tool_call_parser, options.reasoning_parser)
    arguments = [*parser_arguments(inferred), *options.arguments, *rank_arguments(options.arguments)]
    if options.headless:
        command = headless_command(arguments)
    else:
        options.socket.unlink(missing_ok=True)
        command = engine_command(options.module, options.socket, arguments)
    if fields := as_fields(inferred):
        log(f"inferred from the model's files: {json.dumps(fields)}")
    launcher = Launcher(command, StateFile(options.state, fields), options.termination_log, options.socket)
    hopeless = absent_folder(options.arguments) or refused_variable(os.environ)
    return launcher.fail(hopeless, 1) if hopeless else launcher.run()


def _read_options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fairlead_launcher", description="Starts vLLM on a Unix socket.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", type=Path, help="where the engine listens")
    where.add_argument("--headless", action="store_true", help="a further node of an engine, without an API")
    parser.add_argument("--state", type=Path, required=True, help="file for progress and cause")
    parser.add_argument("--termination-log", type=Path, default=Path(TERMINATION_LOG))
    parser.add_argument("--module", default=ENGINE_MODULE, help="Python module of the engine's server")
    for kind in ("tool-call-parser", "reasoning-parser"):
        parser.add_argument(
            f"--no-{kind}",
            action="store_false",
            dest=kind.replace("-", "_"),
            help=f"do not infer the engine's --{kind} from the model's files",
        )
    parser.add_argument("arguments", nargs="*", help="arguments for the engine, after --")
    return parser.parse_args(argv)
