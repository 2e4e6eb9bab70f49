"""A virtual environment whose vLLM is a small stand-in, for tests of what surrounds an engine.

The engine answers what gateway and launcher ask. The last message says what it does: `hold:FILE` streams one
word and goes on when FILE exists, `crash` ends the engine, everything else is repeated.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from tests.support.unix_http import EngineHandler, UnixServer, chunk, completion, last_message

REPOSITORY = Path(__file__).resolve().parents[2]
VERSION = "0.32.0"
# How often a held stream looks for its file.
_LOOK_SECONDS = 0.02


def make_environment(folder: Path) -> None:
    """Makes the environment in a new folder."""
    packages, binary = folder / "packages", folder / "bin" / "python"
    module = packages / "vllm" / "entrypoints" / "openai"
    module.mkdir(parents=True)
    for parent in (packages / "vllm", module.parent, module):
        (parent / "__init__.py").write_text("")
    (module / "api_server.py").write_text("from tests.local.stand_in import main\n\nmain()\n")
    information = packages / f"vllm-{VERSION}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {VERSION}\n")
    (information / "top_level.txt").write_text("vllm\n")
    binary.parent.mkdir()
    path = os.pathsep.join((str(packages), str(REPOSITORY)))
    binary.write_text(f'#!/bin/sh\nPYTHONPATH={path} exec {sys.executable} "$@"\n')
    binary.chmod(0o755)


def main() -> None:
    """Serves on the socket of `--uds` until the process is ended."""
    path = sys.argv[sys.argv.index("--uds") + 1]
    print("INFO 11-30 10:00:00 [stand_in.py:1] Application startup complete.", flush=True)
    UnixServer(path, _Handler).serve_forever()


class _Handler(EngineHandler):
    def do_POST(self) -> None:
        body = self.read_body()
        if self.path == "/tokenize":
            return self.send_whole(200, {"count": 3})
        text = last_message(body)
        if text == "crash":
            print("ERROR 11-30 10:00:00 [stand_in.py:1] RuntimeError: asked to crash", flush=True)
            os._exit(1)
        return self._stream(text) if body.get("stream") else self.send_whole(200, completion(text))

    def _stream(self, text: str) -> None:
        self.begin_stream([chunk({"role": "assistant", "content": "first "})])
        kind, _, file = text.partition(":")
        while kind == "hold" and not Path(file).exists():
            time.sleep(_LOOK_SECONDS)
        self.send_event(json.dumps(chunk({"content": "last"}, "stop")))
        self.send_event("[DONE]")
        self.end_stream()
