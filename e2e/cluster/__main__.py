"""`python3 -m e2e.cluster COMMAND`: progress on standard error, results on standard output."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from e2e.cluster import engine, images, kind, prepare, previous, provider, tools, venvs, versions
from e2e.cluster.progress import Phases
from e2e.cluster.shell import ClusterError


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; a failure prints its cause and remedy, not a traceback."""
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def _run(options: argparse.Namespace) -> None:
    clusters = provider.of(options.provider)
    match options.command:
        case "prepare":
            prepare.build_programs(Phases()) if options.programs else clusters.prepare()
        case "up":
            clusters.up(options.name)
        case "load":
            print("\n".join(clusters.load(options.name, options.images)))
        case "down":
            clusters.down(options.name, everything=options.all)
        case "env":
            for key, value in clusters.env(options.name).items():
                print(f"export {key}={shlex.quote(value)}")
        case "tools":
            print(tools.bin_dir(options.names))
        case "venv":
            venvs.project()
        case "dra-driver" | "folder-image" | "images" | "policy-agent" | "previous":
            _build(options)


def _build(options: argparse.Namespace) -> None:
    docker = engine.ensure()
    if module := versions.AGENT_MODULES.get(options.command):
        print(images.of_program(docker, options.command, module))
    elif options.command == "folder-image":
        print(images.of_folder(docker, options.folder, options.repository))
    elif options.command == "previous":
        for variable, value in previous.ensure(docker).items():
            print(f"{variable}={value}")
    else:
        for variable, reference in images.ensure(docker).items():
            print(f"{variable}={reference}" if options.print_env else reference)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m e2e.cluster", description=__doc__)
    parser.add_argument(
        "--provider",
        default=os.environ.get("FAIRLEAD_CLUSTER", "kind"),
        help="kind (default) makes a cluster; existing uses KUBECONFIG (also: FAIRLEAD_CLUSTER)",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name", default=kind.DEMO, help=f"the cluster's name (default {kind.DEMO})")
    preparing = commands.add_parser("prepare", help="make everything a cluster needs, side by side")
    preparing.add_argument("--programs", action="store_true", help="only the programs, which take longest")
    commands.add_parser("up", parents=[named], help="make sure that the cluster is Ready")
    load = commands.add_parser("load", parents=[named], help="put images onto the cluster's node")
    load.add_argument("images", nargs="+", metavar="IMAGE")
    down = commands.add_parser("down", parents=[named], help="remove the cluster and what was started for it")
    down.add_argument("--all", action="store_true", help="all clusters that these scripts made")
    commands.add_parser("env", parents=[named], help="print shell lines that lead to the cluster")
    tool = commands.add_parser("tools", help="make programs; prints the folder that holds them")
    tool.add_argument("names", nargs="+", metavar="NAME")
    commands.add_parser("venv", help="make .venv from uv.lock, or bring it up to date")
    commands.add_parser("dra-driver", help="build the image of the DRA test driver; prints its name")
    commands.add_parser("policy-agent", help="build the image of the NetworkPolicy agent; prints its name")
    commands.add_parser("previous", help="build the previous version; prints VARIABLE=NAME lines")
    folder = commands.add_parser("folder-image", help="build an image with a folder's files; prints its name")
    folder.add_argument("folder", type=Path)
    folder.add_argument("repository")
    image = commands.add_parser("images", help="build the project's images; prints their names")
    image.add_argument("--print-env", action="store_true", help="as VARIABLE=NAME lines")
    return parser


if __name__ == "__main__":
    sys.exit(main())
