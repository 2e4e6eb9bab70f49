"""`fairlead init`: writes the manifest of a model, from options and from questions on a terminal."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fairlead_launcher.model_files import ModelFiles
from fairlead_launcher.parsers import Inferred, infer
from fairlead_operator.cli import scaffold
from fairlead_operator.cli.documents import STDIN, parse_documents
from fairlead_operator.cli.families import by_name
from fairlead_operator.cli.offline import problems_of

T = TypeVar("T")
_CONFIG = "config.json"


class InitError(Exception):
    """There is no manifest; the text names the option and the remedy."""


def run_init(options: Namespace) -> int:
    """Writes the manifest and says what is next; 0 if it was written, 2 if not."""
    try:
        answers = _answers(options)
        target = options.output or f"{answers.name}.yaml"
        text = scaffold.manifest(answers, target if target != STDIN else f"{answers.name}.yaml")
        _check(text)
        _write(text, target, options.force)
    except InitError as error:
        sys.stderr.write(f"fairlead init: {error}\n")
        return 2
    if target != STDIN:
        sys.stderr.write(f"{target}: written. Next: fairlead validate -f {target}\n")
    return 0


def _answers(options: Namespace) -> scaffold.Answers:
    asks = sys.stdin.isatty()
    source = _choose(options.model, scaffold.source_of, "--model", asks, "Model (hf://ORG/NAME)", None)
    default_name = scaffold.name_of(source)
    name = _choose(options.name, str, "--name", asks, "Name", default_name)
    accelerator = _choose(
        options.accelerator,
        scaffold.accelerator_of,
        "--accelerator",
        asks,
        "Accelerator of each replica (RESOURCE=COUNT, or none)",
        scaffold.DEFAULT_ACCELERATOR,
    )
    size = options.cache_size
    if asks and not (size or options.cache_claim) and source.startswith(("hf://", "s3://")):
        size = _ask("Size of a volume that keeps the weights (100Gi), or none", scaffold.NONE)
        size = None if size.lower() == scaffold.NONE else size
    return scaffold.Answers(
        source=source,
        name=name,
        accelerator=accelerator,
        namespace=options.namespace,
        cache_claim=options.cache_claim,
        cache_size=size,
        credentials=options.credentials,
        parsers=_parsers(options.config, source),
    )


def _choose(
    given: str | None, parse: Callable[[str], T], option: str, asks: bool, question: str, default: str | None
) -> T:
    """The value of an option, else the answer to a question, else the default. Raises InitError."""
    if given is None and asks:
        while True:
            try:
                return parse(_ask(question, default))
            except ValueError as error:
                sys.stderr.write(f"{error}\n")
    if given is None and default is None:
        raise InitError(f"{option} is missing; on a terminal it is asked for")
    try:
        return parse(given if given is not None else str(default))
    except ValueError as error:
        raise InitError(f"{option}: {error}") from None


def _ask(question: str, default: str | None) -> str:
    """The answer to a question, which is on stderr: stdout may be the manifest. Raises InitError."""
    while True:
        sys.stderr.write(f"{question}{f' [{default}]' if default else ''}: ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise InitError("the input ended before the last answer")
        if answer := line.strip() or default:
            return answer


def _parsers(config: str | None, source: str) -> Inferred:
    """From the model's own files if they are here, else from its name."""
    folder = None if config is None else Path(config)
    if folder is None and source.startswith("file://"):
        local = Path(source.removeprefix("file://"))
        folder = local if (local / _CONFIG).is_file() else None
    if folder is None:
        return by_name(source)
    folder = folder.parent if folder.name == _CONFIG else folder
    if not (folder / _CONFIG).is_file():
        raise InitError(f"there is no {_CONFIG} in {folder}; give the folder of the model with --config")
    files = ModelFiles(["--model", str(folder)])
    return infer(files.architectures(), files.chat_template(), files.has_token)


def _check(text: str) -> None:
    """Raises InitError for what `fairlead validate` would refuse: an option has a wrong value."""
    problems = [problem.text for document in parse_documents("", text) for problem in problems_of(document)]
    if problems:
        raise InitError("; ".join(problems))


def _write(text: str, target: str, force: bool) -> None:
    if target == STDIN:
        sys.stdout.write(text)
        return
    try:
        with Path(target).open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InitError(f"{target} exists; choose another --output, or overwrite it with --force") from None
    except OSError as error:
        raise InitError(f"{target}: {error.strerror}") from error
