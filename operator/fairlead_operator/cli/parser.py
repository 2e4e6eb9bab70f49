"""The options of all commands. What a command needs is imported when it is run: some of it takes a second."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from fairlead_operator import __version__
from fairlead_operator.cli.bench_options import add_bench
from fairlead_operator.cli.output import add_output
from fairlead_operator.reference import PAGES

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
SHELLS = ("bash", "zsh", "fish")
_EXIT_CODES = "exit codes: 0 all models are valid, 1 one is not, 2 they could not be checked"


def parser(program: str = "fairlead") -> argparse.ArgumentParser:
    """The parser of `fairlead`, under the name by which it was called."""
    top = argparse.ArgumentParser(prog=program, description="Serves language models on Kubernetes with vLLM.")
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_init(commands)
    _add_run(commands)
    _add_validate(commands)
    _add_render(commands)
    _add_explain(commands)
    _add_logs(commands)
    _add_access(add_bench(commands))
    commands.add_parser("crd", help="print the CustomResourceDefinition")
    docs = commands.add_parser("docs", help="print a generated page of the reference")
    docs.add_argument("page", choices=sorted(PAGES))
    completion = commands.add_parser("completion", help="print a script that completes commands and options")
    completion.add_argument("shell", choices=SHELLS)
    commands.add_parser("operator", help="run the operator (settings: environment variables FAIRLEAD_*)")
    return top


Commands = argparse._SubParsersAction  # argparse has no public name for it


def _add_files(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-f",
        "--filename",
        dest="files",
        action="append",
        required=True,
        metavar="FILE",
        help="YAML with ModelDeployments, also among other objects; - is standard input; may be repeated",
    )


def _add_init(commands: Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "init",
        help="write the manifest of a model",
        description="Writes a commented ModelDeployment. On a terminal it asks for what is not given. The "
        "parsers of tool calls and of reasoning are set where the family of the model makes them certain.",
    )
    command.add_argument("-m", "--model", help="hf://ORG/NAME, another source, or a folder with the model")
    command.add_argument("--name", help="name of the ModelDeployment (default: from the model)")
    command.add_argument("-n", "--namespace", help="its namespace (default: what kubectl uses)")
    command.add_argument(
        "--accelerator",
        metavar="RESOURCE=COUNT",
        help="extended resource of each replica, or none (default: nvidia.com/gpu=1)",
    )
    cache = command.add_mutually_exclusive_group()
    cache.add_argument("--cache-claim", metavar="NAME", help="claim of yours that keeps downloaded weights")
    cache.add_argument("--cache-size", metavar="SIZE", help="size of a claim that is made for the model")
    command.add_argument("--credentials", metavar="SECRET", help="Secret for weights that are not public")
    command.add_argument(
        "--config", metavar="FOLDER", help="folder with the model's config.json and chat template"
    )
    command.add_argument(
        "-o", "--output", metavar="FILE", help="file to write; - is standard output (default: NAME.yaml)"
    )
    command.add_argument("--force", action="store_true", help="overwrite the file")


def _add_run(commands: Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "run",
        help="run models on this machine, without a cluster",
        description="Runs the pods of ModelDeployments as processes of this machine, with the router in "
        "front of them: the same manifests, engine, API, keys and limits as on a cluster.",
        epilog="exit codes: 0 ended by Ctrl-C, 1 a model is invalid, 2 it cannot run here, 130 ended at once",
    )
    command.add_argument(
        "-f",
        "--filename",
        dest="files",
        action="append",
        metavar="FILE",
        help="YAML with ModelDeployments, and the Secrets and ConfigMaps that they refer to; - is standard "
        "input; may be repeated",
    )
    command.add_argument("--demo", action="store_true", help="run a small model that is fetched once")
    command.add_argument("--port", type=int, default=8000, help="port of the API (default: 8000)")
    command.add_argument(
        "--engine-venv",
        type=Path,
        metavar="DIR",
        help="virtual environment with vLLM (default: one that is made at the first use)",
    )
    command.add_argument(
        "--secret",
        dest="secrets",
        action="append",
        metavar="NAME=DIR",
        help="a Secret: each file of the folder is a key; may be repeated",
    )
    command.add_argument(
        "--volume",
        dest="volumes",
        action="append",
        metavar="CLAIM=DIR",
        help="the folder that stands for a PersistentVolumeClaim; may be repeated",
    )
    command.add_argument(
        "--run-dir",
        type=Path,
        metavar="DIR",
        help="folder for sockets and logs, which is kept (default: a new one)",
    )
    command.add_argument("-v", "--verbose", action="store_true", help="show all lines of all logs")


def _add_validate(commands: Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "validate",
        help="check ModelDeployments, without a cluster or against one",
        description="Checks ModelDeployments as the API server and the operator would, without either. With "
        "--cluster also whether other models have their names already. Nothing is changed.",
        epilog=_EXIT_CODES,
    )
    _add_files(command)
    add_output(command)
    command.add_argument(
        "--cluster", action="store_true", help="also check which names are taken in a cluster"
    )
    command.add_argument(
        "-n",
        "--namespace",
        help="with --cluster: namespace of models that name none (default: that of the context)",
    )
    _add_access(command)


def _add_render(commands: Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "render",
        help="print the objects that a ModelDeployment becomes",
        description="Prints the objects that the operator would make of a ModelDeployment, for a review or "
        "for a cluster without the operator. Options that are not given are taken from the operator's "
        "environment variables (FAIRLEAD_GATEWAY_IMAGE, ...), then from the defaults of the chart.",
        epilog=_EXIT_CODES,
    )
    _add_files(command)
    command.add_argument(
        "-o", "--output", choices=("yaml", "json"), default="yaml", help="yaml (default), or a List as json"
    )
    command.add_argument("-n", "--namespace", help="namespace of the objects (default: the model's own)")
    command.add_argument("--gateway-image", help="image of the gateway sidecar")
    command.add_argument("--engine-image", help="engine image of models that do not name one")
    command.add_argument("--image-pull-policy", help="pull policy of the gateway image")
    command.add_argument("--operator-namespace", help="namespace whose operator may reach the admin port")
    command.add_argument("--monitoring-namespaces", help="namespaces that may too, separated by commas")
    command.add_argument(
        "--no-network-policy",
        dest="network_policy",
        action="store_const",
        const=False,
        help="render no NetworkPolicy",
    )


def _add_explain(commands: Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "explain",
        help="explain what a model in the cluster waits for, and why",
        description="Shows from the live cluster the state of a model, what it waits for and what to do. "
        "Nothing is changed.",
    )
    _add_model(command)
    add_output(command)


def _add_logs(commands: Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "logs",
        help="print the logs of a model's pods",
        description="Prints the logs of the containers of a model's pods, the oldest line first. JSON lines "
        "are shown as text.",
    )
    _add_model(command)
    command.add_argument("--pod", help="only of this pod (default: of all)")
    command.add_argument(
        "-c",
        "--container",
        action="append",
        metavar="CONTAINER",
        help="only of this container: engine, gateway, weights, ... (default: of all); may be repeated",
    )
    command.add_argument("-f", "--follow", action="store_true", help="go on until the containers end")
    command.add_argument(
        "-p", "--previous", action="store_true", help="of the containers before their restart"
    )
    command.add_argument("--since", type=_duration, metavar="DURATION", help="lines of the last 30s, 10m, 2h")
    command.add_argument(
        "--tail",
        type=int,
        default=200,
        metavar="LINES",
        help="last lines of each container (default: 200; -1: all)",
    )
    command.add_argument(
        "-o",
        "--output",
        choices=("text", "json"),
        default="text",
        help="text (default), or a JSON object a line",
    )


def _duration(text: str) -> int:
    """A duration such as 90s, 10m or 1h30m in seconds."""
    parts = re.findall(r"([0-9]{1,9})([smhd])", text)
    seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if not seconds or "".join(number + unit for number, unit in parts) != text:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 30s, 10m or 1h30m")
    return seconds


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME", help="name of the ModelDeployment")
    command.add_argument("-n", "--namespace", help="its namespace (default: that of the context)")
    _add_access(command)


def _add_access(command: argparse.ArgumentParser) -> None:
    command.add_argument("--kubeconfig", help="path of the kubeconfig (default: KUBECONFIG, ~/.kube/config)")
    command.add_argument("--context", help="context of the kubeconfig (default: the current one)")
