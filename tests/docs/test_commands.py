"""Every command that the README and the documentation show is run, or says why it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.cluster import paths
from tests.docs.blocks import NOTES, PAGES, ROOT, Block, blocks_in, blocks_of
from tests.docs.commands import (
    SHELL_LANGUAGES,
    Command,
    commands_of,
    make_problems,
    pytest_problems,
    with_placeholders_filled,
)
from tests.docs.shell import Result, run_all, work_folder


def commands_on(page: Path) -> list[Command]:
    return [
        command
        for block in blocks_of(page)
        if block.language in SHELL_LANGUAGES
        for command in commands_of(block)
    ]


def runnable(page: Path) -> list[Command]:
    return [command for command in commands_on(page) if command.reason_not_to_run() is None]


def files_before(page: Path, line: int) -> dict[str, str]:
    """The files that the page has shown above a line, by name."""
    found = {}
    for block in blocks_of(page):
        if block.line < line and (name := block.noted("file: ")):
            found[name] = block.text
    return found


def script(command: Command, files: dict[str, str]) -> str:
    """The command, after the files that the page shows before it are written."""
    writes = [f"cat > {name} <<'END OF FILE'\n{text}END OF FILE\n" for name, text in files.items()]
    return "".join(writes) + with_placeholders_filled(command.text)


def verdict(command: Command, result: Result) -> str | None:
    """What is wrong with the page; None if the command does what the page says."""
    compared = command.output and command.block.note != "output: example"
    if compared and result.output != command.output:
        shown, printed = "\n".join(command.output), "\n".join(result.output)
        return f"{command.place}: $ {command.text}\nthe page shows:\n{shown}\nit prints:\n{printed}"
    # A command whose errors the page shows, such as `fairlead validate`, may fail.
    if result.code and not compared:
        printed = "\n".join(result.output)
        return f"{command.place}: $ {command.text}\nended with {result.code}:\n{printed}"
    return None


def problems_of(commands: list[Command], results: list[Result]) -> list[str]:
    """What is wrong with a page. A command without a result means that the shell ended early."""
    found = [text for pair in zip(commands, results, strict=False) if (text := verdict(*pair))]
    return found + [f"{command.place}: the shell ended before it" for command in commands[len(results) :]]


def pages(*, cluster: bool, engine: bool) -> list[Path]:
    """The pages with commands to run that need exactly this."""

    def needs(page: Path) -> tuple[bool, bool]:
        commands = runnable(page)
        return any(item.needs_cluster for item in commands), any(item.needs_engine for item in commands)

    return [page for page in PAGES if runnable(page) and needs(page) == (cluster, engine)]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def check(page: Path, folder: Path, programs: list[Path], variables: dict[str, str]) -> None:
    commands = runnable(page)
    scripts = [script(command, files_before(page, command.line)) for command in commands]
    known = {"FAIRLEAD_CACHE": str(paths.cache_root()), **variables}
    problems = problems_of(commands, run_all(scripts, work_folder(folder), programs, known))
    assert not problems, "\n\n".join(problems)


@pytest.mark.parametrize("page", pages(cluster=False, engine=False), ids=name)
def test_commands_without_a_cluster_do_what_the_page_says(page: Path, tmp_path: Path) -> None:
    check(page, tmp_path, [], {})


@pytest.mark.engine
@pytest.mark.parametrize("page", pages(cluster=False, engine=True), ids=name)
def test_commands_on_an_installed_vllm_do_what_the_page_says(page: Path, tmp_path: Path) -> None:
    check(page, tmp_path, [], {})


@pytest.mark.apiserver
@pytest.mark.parametrize("page", pages(cluster=True, engine=False), ids=name)
def test_commands_for_a_cluster_do_what_the_page_says(
    page: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    cluster = request.getfixturevalue("cluster")
    check(page, tmp_path, cluster.programs, cluster.variables)


def test_every_shell_block_begins_with_a_command() -> None:
    blocks = [block for page in PAGES for block in blocks_of(page) if block.language in SHELL_LANGUAGES]
    assert [block.place for block in blocks if not block.text.startswith("$ ")] == []


def test_targets_of_make_and_tests_that_pages_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    commands = [command for page in PAGES for command in commands_on(page)]
    make = [item for item in commands if item.text.startswith("make ")]
    tests = [item for item in commands if " -m pytest " in item.text]
    assert make
    assert tests
    assert [text for item in make for text in make_problems(item, makefile)] == []
    assert [text for item in tests for text in pytest_problems(item)] == []


def test_every_note_above_a_block_is_one_that_the_tests_understand() -> None:
    wrong = [
        f"{block.place}: {block.note}"
        for page in PAGES
        for block in blocks_of(page)
        if block.note and not block.note.startswith(NOTES)
    ]
    assert wrong == []


def test_a_block_that_says_it_is_tested_elsewhere_names_a_test() -> None:
    named = {block.noted("tested by ") for page in PAGES for block in blocks_of(page)} - {None}
    assert [path for path in named if not (ROOT / str(path)).is_file()] == []


PAGE = """\
<!-- file: hidden.yaml
a: 1
-->
```console
$ cat hidden.yaml      # a comment
a: 1
$ echo b \\
    c
b c
$ cat <<'END'
$ d
END
$ exit_code() { return 3; }; exit_code
```

  <!-- not tested: no such program -->
  ```console
  $ nonsense
  ```
"""


def sample(text: str = PAGE) -> list[Command]:
    return [
        item
        for block in blocks_in(text, "sample.md")
        if block.language in SHELL_LANGUAGES
        for item in commands_of(block)
    ]


def test_commands_have_their_continued_lines_and_their_output() -> None:
    assert [(item.line, item.text, item.output) for item in sample()] == [
        (5, "cat hidden.yaml      # a comment", ("a: 1",)),
        (7, "echo b \\\n    c", ("b c",)),
        (10, "cat <<'END'\n$ d\nEND", ()),
        (13, "exit_code() { return 3; }; exit_code", ()),
        (18, "nonsense", ()),
    ]
    assert [item.reason_not_to_run() for item in sample()] == [None] * 4 + ["no such program"]


def test_other_output_and_a_failed_command_are_reported(tmp_path: Path) -> None:
    commands = sample(PAGE.replace("\na: 1\n$", "\na: 2\n$"))[:4]
    scripts = [script(item, {"hidden.yaml": "a: 1\n"}) for item in commands]
    assert problems_of(commands, run_all(scripts, work_folder(tmp_path), [], {})) == [
        "sample.md:5: $ cat hidden.yaml      # a comment\nthe page shows:\na: 2\nit prints:\na: 1",
        "sample.md:13: $ exit_code() { return 3; }; exit_code\nended with 3:\n",
    ]


def test_a_shell_that_ends_early_is_reported(tmp_path: Path) -> None:
    commands = sample()[:2]
    assert problems_of(commands, run_all(["exit 4"], work_folder(tmp_path), [], {})) == [
        "sample.md:5: the shell ended before it",
        "sample.md:7: the shell ended before it",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("make nothing", "the Makefile has no target nothing"),
        ("make test NO_SUCH=1", "the Makefile does not use NO_SUCH"),
        ('make test PYTEST_ARGS="-k no_such_case"', "no test is called no_such_case"),
        ("python -m pytest tests/none.py", "there is no tests/none.py"),
        ("python -m pytest tests/docs -k no_such_test", "no test is called no_such_test"),
    ],
)
def test_a_make_target_or_a_test_that_does_not_exist_is_reported(text: str, problem: str) -> None:
    command = Command(Block("sample.md", 1, "console", "", ""), 2, text, ())
    makefile = "test: check\n\techo $(PYTEST_ARGS)\n"
    found = [*(make_problems(command, makefile) if text.startswith("make") else pytest_problems(command))]
    assert found == [f"sample.md:2: {problem}"]
