"""What a user installs: the wheel in an environment of its own, its commands, and the plugin of kubectl."""

from __future__ import annotations

import itertools
import os
import pty
import re
import select
import subprocess
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.cluster import tools, venvs
from fairlead_operator import __version__

ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 120


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and nothing of the repository within reach."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a user."""
        return {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "HOME": str(self.folder), "TERM": "dumb"}

    def run(self, *command: str, cwd: Path | None = None) -> tuple[int, str, str]:
        """Runs a program of the environment; exit code, stdout and stderr."""
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=cwd or self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built and installed as `pip install fairlead` would, with the newest dependencies that it allows."""
    folder = tmp_path_factory.mktemp("installed")
    uv = str(venvs.uv())
    wheels = folder / "dist"
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", wheels, ROOT], check=True)
    (wheel,) = wheels.glob("*.whl")
    environment = folder / "environment"
    environment.mkdir()
    venvs.create(environment)
    python = environment / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, wheel], check=True)
    return Installed(environment)


def test_the_command_is_installed_with_its_version(installed: Installed) -> None:
    assert installed.run("fairlead", "--version") == (0, f"{__version__}\n", "")


def test_a_manifest_is_written_and_validated(installed: Installed, tmp_path: Path) -> None:
    code, _, err = installed.run("fairlead", "init", "--model", "Qwen/Qwen3-0.6B", cwd=tmp_path)
    assert code == 0, err
    code, out, err = installed.run("fairlead", "validate", "-f", "qwen3-0-6b.yaml", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out == "qwen3-0-6b.yaml:3: document 1 (ModelDeployment qwen3-0-6b): valid\n"


def test_a_model_is_rendered(installed: Installed) -> None:
    code, out, err = installed.run("fairlead", "render", "-f", str(ROOT / "docs/examples/first-model.yaml"))
    assert (code, err) == (0, "")
    assert "kind: Deployment" in out


def test_commands_for_a_cluster_say_that_there_is_none(installed: Installed) -> None:
    for command in ("explain", "logs", "bench"):
        code, out, err = installed.run("fairlead", command, "tiny", "--kubeconfig", "/nowhere")
        assert (bool(code), out) == (True, "")
        assert err.startswith(f"fairlead {command}: no way to a cluster: ")


def test_the_operator_names_the_extra_that_it_needs(installed: Installed) -> None:
    code, out, err = installed.run("fairlead", "operator")
    assert (code, out) == (2, "")
    assert err == "fairlead operator needs kopf: pip install 'fairlead[operator]'\n"


def test_output_into_a_closed_pipe_is_no_error(installed: Installed) -> None:
    script = "set -o pipefail; fairlead docs modeldeployment | head -1"
    assert installed.run("bash", "-c", script) == (0, "# ModelDeployment, `fairlead.dev/v1alpha1`\n", "")


def test_the_plugin_runs_under_kubectl(installed: Installed) -> None:
    kubectl = tools.ensure(["kubectl"])["kubectl"]
    code, out, err = installed.run(str(kubectl), "fairlead", "explain", "--help")
    assert (code, err) == (0, "")
    assert out.startswith("usage: kubectl fairlead explain ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_has_all_commands(installed: Installed, shell: str) -> None:
    code, out, err = installed.run("fairlead", "completion", shell)
    assert (code, err) == (0, "")
    assert all(command in out for command in ("init", "validate", "explain", "logs", "bench", "completion"))


class Terminal:
    """An interactive bash with the installed command, as a user has it."""

    def __init__(self, installed: Installed) -> None:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"],
            env=installed.environment | {"PS1": "> ", "INPUTRC": "/dev/null"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self._seen = ""

    def type(self, text: str) -> None:
        """Sends keys."""
        os.write(self._master, text.encode())

    def wait_for(self, text: str) -> None:
        """Returns when the text is on the screen, after what was waited for before."""
        end = time.monotonic() + _SECONDS
        while text not in self._seen:
            left = end - time.monotonic()
            assert left > 0, f"no {text!r} in {self._seen!r}"
            if select.select([self._master], [], [], left)[0]:
                self._seen += os.read(self._master, 4096).decode(errors="replace")
        self._seen = self._seen.partition(text)[2]

    def close(self) -> None:
        """Ends bash."""
        self._process.kill()
        self._process.wait()
        os.close(self._master)


@pytest.fixture
def terminal(installed: Installed) -> Iterator[Terminal]:
    terminal = Terminal(installed)
    terminal.type('source <(fairlead completion bash); echo "rea""dy"\n')
    terminal.wait_for("ready")
    yield terminal
    terminal.close()


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("fairlead expl\t", "fairlead explain "),
        ("fairlead bench --concu\t", "fairlead bench --concurrency "),
        ("fairlead validate --output js\t", "fairlead validate --output json "),
    ],
)
def test_bash_completes_commands_options_and_choices(terminal: Terminal, typed: str, completed: str) -> None:
    terminal.type(typed)
    terminal.wait_for(completed)


def manifest() -> dict[str, Any]:
    """The manifest as krew-release-bot fills it in."""
    text = (ROOT / ".krew.yaml").read_text().replace("{{ .TagName }}", "v1.2.3")
    address = re.compile(r'\{\{addURIAndSha "([^"]+)" \.TagName \| indent 6 \}\}')
    filled, count = address.subn(rf"uri: \1\n      sha256: {'a' * 64}", text)
    assert count == 1
    assert "{{" not in filled
    found: dict[str, Any] = yaml.safe_load(filled)
    return found


def test_the_krew_manifest_has_the_fields_that_krew_documents() -> None:
    found = manifest()
    assert (found["apiVersion"], found["kind"]) == ("krew.googlecontainertools.github.com/v1alpha2", "Plugin")
    assert found["metadata"] == {"name": "fairlead"}
    spec = found["spec"]
    assert set(spec) == {"version", "homepage", "shortDescription", "description", "caveats", "platforms"}
    assert spec["version"] == "v1.2.3"
    # krew's list shows it in a column.
    assert len(spec["shortDescription"]) <= 50
    (platform,) = spec["platforms"]
    assert set(platform) == {"selector", "uri", "sha256", "files", "bin"}
    assert platform["uri"].endswith("/v1.2.3.tar.gz")


def test_the_files_of_the_krew_manifest_exist() -> None:
    (platform,) = manifest()["spec"]["platforms"]
    for item in platform["files"]:
        assert (ROOT / item["from"].removeprefix("*/")).is_file()
    assert os.access(ROOT / "operator" / platform["bin"], os.X_OK)


def test_the_plugin_runs_the_package_of_its_own_version() -> None:
    assert f"package=fairlead=={__version__}\n" in (ROOT / "operator/kubectl-fairlead").read_text()


def test_the_plugin_without_uv_and_pipx_names_them(tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", ROOT / "operator/kubectl-fairlead"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        1,
        "kubectl fairlead needs uv (https://docs.astral.sh/uv) or pipx: install one of them\n",
    )


def test_the_requirements_of_images_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    package = project["project"]
    ours = [*package["dependencies"], *itertools.chain(*package["optional-dependencies"].values())]
    known = {requirement.partition(";")[0] for requirement in ours}
    for group in ("operator-image", "gateway-image"):
        assert set(project["dependency-groups"][group]) <= known
