"""The commands of a page's shell blocks, and whether a test can run them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.docs.blocks import ROOT, Block

SHELL_LANGUAGES = ("console", "sh", "bash", "shell")

# What readers replace by their own words; here, by a model that the cluster of the tests has.
PLACEHOLDERS = {"NAMESPACE": "default", "NS": "default", "NAME": "qwen3-8b"}

# Commands that are not run here, by their beginning, and why. The names in those of `make` and pytest are
# checked.
_NODE = "needs a node with running pods"
NOT_RUN = {
    r"make\b": "CI runs the targets themselves",
    r"\S*python3? -m pytest\b": "the tests run by themselves",
    r"docker\b": "needs images in a registry",
    r"(pip|pipx|uv|uvx)\b": "the package is not published yet",
    r"fairlead run\b": "starts an engine",
    r"(kubectl )?fairlead (logs|bench)\b": _NODE,
    r"kubectl( -n \S+)? (exec|logs|run|wait|port-forward|rollout status)\b": _NODE,
    r"kubectl get --raw \S+/proxy/": _NODE,
}


@dataclass(frozen=True)
class Command:
    """One command of a block: `output` is what the page shows below it."""

    block: Block
    line: int
    text: str
    output: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return f"{self.block.page}:{self.line}"

    def reason_not_to_run(self) -> str | None:
        """Why no test runs it; None for one that is run."""
        if reason := self.block.noted("not tested: "):
            return reason
        return next((why for start, why in NOT_RUN.items() if re.match(start, self.text)), None)

    @property
    def needs_cluster(self) -> bool:
        """Whether it talks to an API server."""
        return bool(
            re.search(r"\bkubectl\b|\bhelm (upgrade|install|uninstall)|fairlead explain|--cluster", self.text)
        )

    @property
    def needs_engine(self) -> bool:
        """Whether it uses an installed vLLM."""
        return "install_vllm" in self.text


def commands_of(block: Block) -> list[Command]:
    """The commands of a shell block: its lines with `$ `, each with what follows it."""
    found: list[Command] = []
    lines = block.text.splitlines()
    number = next((index for index, line in enumerate(lines) if line.startswith("$ ")), len(lines))
    while number < len(lines):
        start = number
        number = _end_of_command(lines, start)
        text = "\n".join([lines[start][2:], *lines[start + 1 : number]])
        after = number
        while number < len(lines) and not lines[number].startswith("$ "):
            number += 1
        first = block.line + 1 + bool(block.note) + start
        found.append(Command(block, first, text, tuple(lines[after:number])))
    return found


def _end_of_command(lines: list[str], start: int) -> int:
    """The number of the line after a command, with its continued lines and here-document."""
    end = start + 1
    while lines[end - 1].endswith("\\") and end < len(lines):
        end += 1
    if here := re.search(r"<<'?(\w+)'?", lines[start]):
        end = lines.index(here[1], end) + 1
    return end


def with_placeholders_filled(text: str) -> str:
    """The command as a reader of the tests' cluster would type it."""
    for word, value in PLACEHOLDERS.items():
        text = re.sub(rf"(?<![\w./-]){word}(?![\w/:])", value, text)
    return text


def make_problems(command: Command, makefile: str) -> Iterator[str]:
    """What a `make` command names that the Makefile does not have, or no case of `make e2e`."""
    words = shlex.split(command.text, comments=True)
    for word in words[1 : words.index("&&") if "&&" in words else None]:
        name, assigned, _ = word.partition("=")
        if assigned and not re.search(rf"\b{name}\b", makefile):
            yield f"{command.place}: the Makefile does not use {name}"
        if not assigned and not re.search(rf"^{re.escape(word)}:", makefile, re.MULTILINE):
            yield f"{command.place}: the Makefile has no target {word}"
        if name == "PYTEST_ARGS" and (case := re.search(r"-k (\w+)", word)):
            yield from _without_test(command, case[1], [ROOT / "e2e" / "cases"])


def pytest_problems(command: Command) -> Iterator[str]:
    """Files of a pytest command that do not exist, and words of its -k that no test there has."""
    words = shlex.split(command.text, comments=True)
    words = words[words.index("pytest") + 1 :]
    wanted = words[words.index("-k") + 1] if "-k" in words else ""
    paths = [ROOT / word for word in words if word.startswith("tests/")]
    yield from (
        f"{command.place}: there is no {path.relative_to(ROOT)}" for path in paths if not path.exists()
    )
    if wanted:
        yield from _without_test(command, wanted, paths)


def _without_test(command: Command, name: str, paths: list[Path]) -> Iterator[str]:
    """The name, if no test in these files and folders has it in its own."""
    files = [
        file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("test_*.py")))
    ]
    if not any(re.search(rf"def test_\w*{name}", file.read_text()) for file in files):
        yield f"{command.place}: no test is called {name}"
