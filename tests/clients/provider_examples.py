"""The provider documents' example requests, run through a shell as somebody would who copies them.

Each file holds a request, or the answer to it, as the document prints it. Only what the reader has to put in
is put in here: host, key, and values for the placeholders of a request that is a mere template.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "examples"
_HOST = re.compile(r"https://[^/\s]+")
_BODY = re.compile(r"(--data )'(.*)'\s*$", re.DOTALL)
# For each run of curl, beside the options in the example: fail on an error status and show its body.
_CURL_SETTINGS = "silent\nshow-error\nfail-with-body\nmax-time = 150\n"


def run(name: str, port: int, settings: Path, **replacements: str) -> dict[str, Any]:
    """The answer to a document's request with the given texts replaced. `settings` is an empty folder.

    Raises subprocess.CalledProcessError, with the answer in it, for an error status.
    """
    command = (FOLDER / f"{name}.sh").read_text()
    for placeholder, value in replacements.items():
        assert placeholder in command
        command = command.replace(placeholder, value)
    return _shell(command, port, settings)


def run_template(name: str, port: int, settings: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a request whose body shows placeholders: `values` by parameter, None leaves one out."""
    command = (FOLDER / f"{name}.sh").read_text()
    shown = _BODY.search(command)
    assert shown
    body = json.loads(shown.group(2))
    assert body.keys() >= values.keys()
    body = {key: value for key, value in (body | dict(values)).items() if value is not None}
    left = [key for key, value in body.items() if _is_placeholder(value)]
    assert not left, f"no value for {left}"
    filled = command[: shown.start()] + "--data " + shlex.quote(json.dumps(body))
    return _shell(filled, port, settings)


def printed_answer(name: str) -> dict[str, Any]:
    """The answer that the document shows."""
    answer: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return answer


def assert_shaped_like(printed: Any, answer: Any, where: str = "answer") -> None:
    """Whatever the printed answer has, the answer has in the same place, and of the same type."""
    if isinstance(printed, dict):
        assert isinstance(answer, dict), where
        for key, value in printed.items():
            assert key in answer, f"{where} has no {key}"
            assert_shaped_like(value, answer[key], f"{where}.{key}")
    elif isinstance(printed, list):
        assert isinstance(answer, list), where
        for value, answered in zip(printed[:1], answer[:1], strict=False):
            assert_shaped_like(value, answered, f"{where}[0]")
    elif printed is not None and answer is not None:
        assert type(printed) is type(answer), where


def _is_placeholder(value: Any) -> bool:
    if isinstance(value, list):
        return any(_is_placeholder(item) for item in value)
    return value in ("<string>", "<any>", '"none"') or (value == 123 and not isinstance(value, bool))


def _shell(command: str, port: int, settings: Path) -> dict[str, Any]:
    (settings / ".curlrc").write_text(_CURL_SETTINGS)
    variables = os.environ | {"CURL_HOME": str(settings), "IG1AI_API_KEY": "none"}
    local = _HOST.sub(f"http://127.0.0.1:{port}", command)
    done = subprocess.run(["sh", "-c", local], env=variables, check=True, capture_output=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
