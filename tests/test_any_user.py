"""What runs in a model's pods runs under any user of group 0, as OpenShift demands: an arbitrary number that
has no entry in /etc/passwd, and folders that only group 0 may write.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fairlead_contract.paths import LAUNCHER
from fairlead_operator.render.children import render_children
from tests.clients.failing_engine import FailingEngine
from tests.gateway.process import GatewayProcess
from tests.plan.builders import SETTINGS, model
from tests.render.cases import pod_templates_of
from tests.support.any_user import AS_ANY_USER, USER, group_folder, needs_root
from tests.support.hub import Hub
from tests.support.launched_engine import LaunchedEngine
from tests.weights.conftest import hub as hub
from tests.weights.downloads import Pod, make_repository, read_folder

pytestmark = needs_root


def owner(path: Path) -> int:
    return path.lstat().st_uid


def test_the_gateway_starts_as_any_user_and_installs_the_launcher() -> None:
    engine = FailingEngine()
    # In a pod the engine has the gateway's user, and so does its socket.
    engine.socket.chmod(0o666)
    try:
        with GatewayProcess(engine, wrapper=AS_ANY_USER) as gateway:
            launcher = gateway.launcher_dir / LAUNCHER
            assert gateway.admin("/healthz")[0] == 200
            assert owner(launcher) == USER
            assert launcher.stat().st_mode & 0o444 == 0o444
    finally:
        engine.stop()


def test_the_download_fills_the_cache_as_any_user(hub: Hub, tmp_path: Path) -> None:
    repository = make_repository(hub.folder / "acme/tiny", {"config.json": 70, "model.safetensors": 9000})
    tmp_path.chmod(0o755)
    pod = Pod(group_folder(tmp_path / "run"), group_folder(tmp_path / "cache"))
    done = pod.run(pod.order(pod.job("hf://acme/tiny", hub.url)), AS_ANY_USER)

    assert done.code == 0, done
    assert read_folder(pod.model) == read_folder(repository)
    assert {owner(path) for path in pod.cache.rglob("*")} == {USER}


@pytest.mark.engine
def test_the_engine_starts_under_the_launcher_as_any_user() -> None:
    engine = LaunchedEngine(wrapper=AS_ANY_USER)
    try:
        engine.wait_ready()
        assert {owner(engine.socket), owner(engine.state_file)} == {USER}
    finally:
        engine.stop()


def environment_of_the_engine() -> dict[str, str]:
    (template,) = pod_templates_of(render_children(model(), SETTINGS).workload)
    (engine,) = template["spec"]["containers"]
    return {variable["name"]: variable["value"] for variable in engine["env"]}


def test_the_pod_environment_replaces_the_missing_passwd_entry(tmp_path: Path) -> None:
    """Libraries ask for a name and a home: torch's cache folder for example has the user's name."""
    environment: dict[str, Any] = {"PATH": os.environ["PATH"], **environment_of_the_engine()}
    ask = "import getpass, pathlib; print(getpass.getuser(), pathlib.Path.home())"
    command = [*AS_ANY_USER, sys.executable, "-c", ask]
    outcome = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=True)

    assert outcome.stdout.split() == ["fairlead", "/home/fairlead"]
