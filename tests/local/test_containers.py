"""The life of a local container: real processes, which write, fail, leave others behind, or do not end."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairlead_operator.bounds import LOCAL_SHOWN_LINES
from fairlead_operator.local import containers
from fairlead_operator.local.containers import Container, Surroundings
from fairlead_operator.local.logs import LogFile
from fairlead_operator.local.pod import Process
from tests.kube.support import eventually

SECONDS = 60


class World:
    """A folder, and what containers in it have shown."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shown: list[str] = []

    def container(self, script: str, **fields: Any) -> Container:
        """A container that runs a Python script."""
        process = Process(
            name="vllm",
            command=(sys.executable, "-c", script),
            environment={"PATH": os.environ["PATH"]},
            termination_log=str(self.folder / "termination"),
            **fields,
        )
        around = Surroundings(self.folder, self.folder, self.shown.append, lambda: None)
        return Container(process, around)

    @property
    def log(self) -> str:
        """What the container has written."""
        return (self.folder / "vllm.log").read_text()

    def read(self, name: str) -> str:
        """A file that a script has written; "" before."""
        file = self.folder / name
        return file.read_text() if file.exists() else ""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "LOCAL_FIRST_RESTART_SECONDS", 0.05)


async def until(condition: Callable[[], Any]) -> None:
    async def probe() -> Any:
        return condition()

    await eventually("a container", probe, SECONDS)


def alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_container_that_runs_once_is_repeated_until_it_succeeds(world: World) -> None:
    script = "import pathlib,sys; f=pathlib.Path('n'); n=len(f.read_text()) if f.exists() else 0"
    script += "; f.write_text('x'*(n+1)); sys.exit(n < 2)"
    container = world.container(script)
    await container.run(once=True)
    assert world.read("n") == "xxx"
    assert container.failures == 2


async def test_a_container_that_ends_is_started_again_and_its_cause_is_shown(world: World) -> None:
    message = {"reason": "DiskFull", "message": "No space left on device", "exitCode": 1}
    script = (
        f"import pathlib,sys; pathlib.Path('termination').write_text({json.dumps(message)!r}); sys.exit(1)"
    )
    container = world.container(script)
    running = asyncio.create_task(container.run())
    await until(lambda: container.failures >= 2)
    await container.stop(SECONDS)
    await running
    assert world.shown[0].startswith("vllm ended with exit code 1: DiskFull: No space left on device. ")


async def test_a_command_that_does_not_exist_is_named_in_the_log(world: World) -> None:
    container = world.container("")
    container.process = Process("vllm", ("/none/python3",), {}, str(world.folder / "termination"))
    running = asyncio.create_task(container.run())
    await until(lambda: container.failures)
    await container.stop(SECONDS)
    await running
    assert "/none/python3: No such file or directory" in world.log


async def test_what_a_container_leaves_behind_is_ended_with_it(world: World) -> None:
    # A process in a session of its own, whose parent ends at once.
    child = "import os,time,pathlib; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(3600)"
    script = f"import subprocess,sys,pathlib,time; subprocess.Popen([sys.executable,'-c',{child!r}], "
    script += "start_new_session=True)\nwhile not pathlib.Path('pid').exists(): time.sleep(0.02)"
    await world.container(script).run(once=True)
    assert world.read("pid")
    assert not alive(world.read("pid"))


async def test_the_end_begins_with_the_hook_and_then_sigterm(world: World) -> None:
    script = "import signal,pathlib,time\n"
    script += "def end(*_): open('order','a').write('term '); raise SystemExit(0)\n"
    script += "signal.signal(signal.SIGTERM, end); pathlib.Path('up').touch(); time.sleep(3600)"
    hook = (sys.executable, "-c", "open('order','a').write('hook ')")
    container = world.container(script, pre_stop=hook)
    running = asyncio.create_task(container.run())
    await until(lambda: (world.folder / "up").exists() and container.started)
    await container.stop(SECONDS)
    await running
    assert world.read("order") == "hook term "


async def test_a_container_that_does_not_end_is_killed_after_its_time(world: World) -> None:
    script = "import os,signal,pathlib,time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    script += "pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(3600)"
    container = world.container(script)
    running = asyncio.create_task(container.run())
    await until(lambda: world.read("pid"))
    await container.stop(0.1)
    await running
    assert not alive(world.read("pid"))


async def test_errors_are_shown_and_the_rest_is_in_the_file(world: World) -> None:
    line = json.dumps({"level": "ERROR", "message": "out of luck"})
    script = f"print('INFO fine'); print({line!r}); print('(EngineCore pid=7) ERROR 11-30 no luck either')"
    await world.container(script).run(once=True)
    assert world.shown == ["vllm: out of luck", "vllm: (EngineCore pid=7) ERROR 11-30 no luck either"]
    assert "INFO fine" in world.log


async def test_so_many_errors_are_shown_and_no_more(world: World) -> None:
    script = f"for n in range({LOCAL_SHOWN_LINES + 50}): print('ERROR', n)"
    await world.container(script).run(once=True)
    assert len(world.shown) == LOCAL_SHOWN_LINES + 1
    assert world.shown[-1] == f"vllm: further errors are in {world.folder}/vllm.log"


async def test_errors_of_a_container_that_ends_on_request_are_only_in_its_log(world: World) -> None:
    script = "import signal,pathlib,time\n"
    script += "def end(*_): print('ERROR ended', flush=True); raise SystemExit(0)\n"
    script += "print('ERROR early', flush=True); signal.signal(signal.SIGTERM, end)\n"
    script += "pathlib.Path('up').touch(); time.sleep(3600)"
    container = world.container(script)
    running = asyncio.create_task(container.run())
    await until(lambda: (world.folder / "up").exists() and world.shown)
    await container.stop(SECONDS)
    await running
    assert world.shown == ["vllm: ERROR early"]
    assert "ERROR ended" in world.log


def test_a_log_has_a_bound_and_one_predecessor(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "x.log", most=100)
    for number in range(30):
        log.write(f"{number:02} of many lines\n".encode())
    log.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["x.log", "x.log.1"]
    assert all(file.stat().st_size <= 100 for file in files)
    assert files[0].read_text().splitlines()[-1] == "29 of many lines"
