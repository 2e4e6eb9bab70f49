"""The options of all commands. What a command needs is imported when it is run: some of it takes a second."""

from __future__ import annotations

import argparse

from fairlead_operator import __version__
from fairlead_operator.reference import PAGES

_EXIT_CODES = "exit codes: 0 all models are valid, 1 one is not, 2 they could not be checked"


def parser() -> argparse.ArgumentParser:
    """The parser of `fairlead`."""
    top = argparse.ArgumentParser(
        prog="fairlead", description="Serves language models on Kubernetes with vLLM."
    )
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_validate(commands)
    _add_render(commands)
    _add_explain(commands)
    commands.add_parser("crd", help="print the CustomResourceDefinition")
    docs = commands.add_parser("docs", help="print a generated page of the reference")
    docs.add_argument("page", choices=sorted(PAGES))
    commands.add_parser("run", help="run the operator (settings: environment variables FAIRLEAD_*)")
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


def _add_validate(commands: Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "validate",
        help="check ModelDeployments, without a cluster or against one",
        description="Checks ModelDeployments as the API server and the operator would, without either. With "
        "--cluster also whether other models have their names already. Nothing is changed.",
        epilog=_EXIT_CODES,
    )
    _add_files(command)
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
    command.add_argument("name", help="name of the ModelDeployment")
    command.add_argument("-n", "--namespace", help="its namespace (default: that of the context)")
    _add_access(command)


def _add_access(command: argparse.ArgumentParser) -> None:
    command.add_argument("--kubeconfig", help="path of the kubeconfig (default: KUBECONFIG, ~/.kube/config)")
    command.add_argument("--context", help="context of the kubeconfig (default: the current one)")
