"""`fairlead run` as a process, with a stand-in for the engine. Everything else is real."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import yaml

from fairlead_operator.__main__ import main
from tests.gateway.process import Background, free_port, get_status, wait_for
from tests.local.stand_in import make_environment
from tests.support.hub import Hub
from tests.support.local_run import LocalRun
from tests.weights.downloads import make_repository

ENGINE = "engine/packages/vllm/entrypoints/openai/api_server.py"
KEY = "example-key"
DIGEST = "c018c41c1afaf2c0b66c64f97d0ee135657b699ad260f299234cd40a5d625e0e"
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "keys"},
    "stringData": {"alice": f'{{"sha256": "{DIGEST}"}}'},
}
# It goes to zero as soon as nothing happens.
FROM_ZERO = {
    "minReplicas": 0,
    "maxReplicas": 3,
    "cooldownSeconds": 1,
    "pollingIntervalSeconds": 1,
    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
}
Object = dict[str, Any]
Refused = Callable[..., tuple[int, list[str]]]


def model(name: str, **spec: Any) -> Object:
    return {
        "apiVersion": "fairlead.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": {"model": {"source": "pvc://models/tiny"}, **spec},
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a claim's folder and an environment with the stand-in."""
    return prepared(tmp_path)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRun]:
    """One run of four models, which tests leave as it is."""
    folder = prepared(tmp_path_factory.mktemp("run"))
    guarded = model("guarded", api={"auth": {"mode": "APIKey", "secretName": "keys"}})
    idle = model("idle", autoscaling=FROM_ZERO)
    make_repository(folder / "hub" / "acme/tiny", {"config.json": 70, "model.safetensors": 9000})
    with Hub(folder / "hub") as hub:
        fetched = model("fetched", model={"source": "hf://acme/tiny", "endpoint": hub.url})
        documents = (SECRET, model("open"), guarded, idle, fetched)
        with LocalRun(folder, *arguments(folder, *documents)) as running:
            yield running.wait_ready()
    assert running.process.returncode == 0
    assert running.leftovers() == []
    assert "Traceback" not in running.messages


def prepared(folder: Path) -> Path:
    (folder / "models" / "tiny").mkdir(parents=True)
    make_environment(folder / "engine")
    return folder


def written(folder: Path, *documents: Object) -> Path:
    file = folder / "models.yaml"
    file.write_text(yaml.safe_dump_all(documents))
    return file


def arguments(folder: Path, *documents: Object) -> list[str | Path]:
    volume = f"models={folder / 'models'}"
    return ["-f", written(folder, *documents), "--engine-venv", folder / "engine", "--volume", volume]


def ask(run: LocalRun, name: str, text: str = "hello", key: str = "none") -> str | None:
    with run.openai(key) as client:
        answer = client.chat.completions.create(model=name, messages=[{"role": "user", "content": text}])
        return answer.choices[0].message.content


def streamed(run: LocalRun, name: str, text: str) -> Iterator[str]:
    with run.openai() as client:
        messages: Any = [{"role": "user", "content": text}]
        for chunk in client.chat.completions.create(model=name, messages=messages, stream=True):
            yield chunk.choices[0].delta.content or ""


def test_models_answer_at_one_port(run: LocalRun) -> None:
    assert f"http://127.0.0.1:{run.port}/v1" in run.output
    assert ask(run, "open") == "hello"
    assert ask(run, "guarded", key=KEY) == "hello"


def test_weights_are_downloaded_into_the_cache(run: LocalRun) -> None:
    assert ask(run, "fetched") == "hello"
    cached = [path.name for path in (run.cache / "weights/default/fetched").rglob("*")]
    assert {"config.json", "model.safetensors"} <= {*cached}


def test_a_request_without_the_models_key_is_refused(run: LocalRun) -> None:
    with pytest.raises(openai.AuthenticationError):
        ask(run, "guarded")


def test_a_model_at_zero_is_started_by_a_request_and_goes_back(run: LocalRun) -> None:
    assert run.pids("served-model-name\0idle") == []
    assert ask(run, "idle") == "hello"
    run.wait_until("default/idle: 0 -> 1 replicas (WakeUp")
    run.wait_until("default/idle: 1 -> 0 replicas (Idle")
    wait_for(lambda: run.pids("served-model-name\0idle") == [])
    assert ask(run, "idle", "again") == "again"


def test_the_runs_folder_has_the_ports_of_the_router_and_of_each_model(run: LocalRun) -> None:
    ports = json.loads((run.run_dir / "ports.json").read_bytes())
    assert ports["router"]["api"] == run.port
    assert get_status("127.0.0.1", ports["router"]["admin"], "/readyz") == 200
    assert ports["models"].keys() == {f"default/{name}" for name in ("open", "guarded", "idle", "fetched")}
    fetched = ports["models"]["default/fetched"]
    assert get_status("127.0.0.1", fetched["api"], "/v1/models") == 200
    assert get_status("127.0.0.1", fetched["admin"], "/readyz") == 200


def test_the_runs_folder_has_the_engines_socket_its_state_and_the_logs(run: LocalRun) -> None:
    shared = run.run_dir / "pods/fetched/run"
    assert json.loads((shared / "engine.json").read_bytes())["phase"] == "Running"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(shared / "engine.sock"))
    assert "Application startup complete." in (run.run_dir / "logs/fetched/vllm.log").read_text()


def test_every_port_is_of_the_loopback_alone(run: LocalRun) -> None:
    found = listening(run)
    assert len(found) >= 5
    assert set(found.values()) == {"0100007F"}


def test_a_crashed_engine_is_started_again(run: LocalRun) -> None:
    with pytest.raises(openai.APIError):
        ask(run, "open", "crash")
    run.wait_until("vllm ended with exit code 1: EngineCrashed: RuntimeError: asked to crash")
    wait_for(lambda: answers(run, "open"))


def answers(run: LocalRun, name: str) -> bool:
    with contextlib.suppress(openai.APIError):
        return ask(run, name) == "hello"
    return False


def test_a_stream_in_progress_is_finished_after_ctrl_c(folder: Path) -> None:
    gate = folder / "gate"
    with LocalRun(folder, *arguments(folder, model("tiny"))) as run:
        run.wait_ready()
        words = streamed(run, "tiny", f"hold:{gate}")
        assert next(words) == "first "
        run.interrupt()
        run.wait_until("stopping: ")
        # The drain has begun: the engine's hook waits for this stream.
        wait_for(lambda: run.pids("drain"))
        gate.touch()
        assert [*words] == ["last"]
        assert run.wait() == 0
    assert run.leftovers() == []


def test_a_second_ctrl_c_ends_everything_at_once(folder: Path) -> None:
    with LocalRun(folder, *arguments(folder, model("tiny"))) as run:
        run.wait_ready()
        words = streamed(run, "tiny", f"hold:{folder / 'never'}")
        assert next(words) == "first "
        run.interrupt()
        wait_for(lambda: run.pids("drain"))
        run.interrupt()
        with pytest.raises(openai.APIError):
            list(words)
        assert run.wait() == 130
    assert run.leftovers() == []


def test_a_held_request_does_not_delay_the_end(folder: Path) -> None:
    # An engine that starts for ever: its socket is never there.
    (folder / ENGINE).write_text("import time; time.sleep(3600)\n")
    with LocalRun(folder, *arguments(folder, model("tiny", autoscaling=FROM_ZERO))) as run:
        run.wait_ready()
        asked = Background(ask_until_refused, run)
        run.wait_until("(WakeUp")
        run.interrupt()
        assert asked.result() is not None
        assert run.wait() == 0


def ask_until_refused(run: LocalRun) -> openai.APIError | None:
    try:
        ask(run, "tiny")
    except openai.APIError as error:
        return error
    return None


def test_the_cause_of_a_failed_start_is_shown_with_its_remedy(folder: Path) -> None:
    (folder / ENGINE).write_text(
        'raise SystemExit("api_server.py: error: unrecognized arguments: --colour")\n'
    )
    with LocalRun(folder, *arguments(folder, model("tiny"))) as run:
        run.wait_until("EngineArgumentInvalid: unrecognized arguments: --colour. ")
        run.wait_until("it starts again in 2 s; its log is ")


def test_nothing_outlives_a_supervisor_that_was_killed(folder: Path) -> None:
    with LocalRun(folder, *arguments(folder, model("tiny"))) as run:
        run.wait_ready()
        os.kill(run.process.pid, signal.SIGKILL)
        run.wait()
        wait_for(lambda: run.leftovers() == [])


def listening(run: LocalRun) -> dict[str, str]:
    """The addresses on which processes of the run listen, by port, as /proc/net has them."""
    sockets = {
        os.readlink(link)
        for pid in run.leftovers()
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink() and os.path.lexists(link)
    }
    found = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                address, port = fields[1].split(":")
                found[port] = address
    return found


@pytest.fixture
def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Exit code and messages of a run that starts nothing, for a model and further arguments."""

    def run(*documents: Object, port: int | None = None) -> tuple[int, list[str]]:
        words = ["run", "-f", str(written(folder, *documents)), "--port", str(port or free_port())]
        code = main(words)
        printed = capsys.readouterr()
        assert printed.out == ""
        return code, printed.err.splitlines()

    return run


def test_an_invalid_manifest_is_refused_as_by_validate(folder: Path, refused: Refused) -> None:
    code, messages = refused(model("tiny", replica=2))
    assert code == 1
    assert messages == [
        f"{folder}/models.yaml:8: document 1 (ModelDeployment tiny): spec.replica: Unknown field; "
        "did you mean replicas?"
    ]


def test_everything_that_a_pod_lacks_is_named(refused: Refused) -> None:
    code, messages = refused(model("tiny", api={"auth": {"mode": "APIKey", "secretName": "keys"}}))
    assert code == 2
    assert [line.partition("(ModelDeployment tiny): ")[2] for line in messages] == [
        "claim models: name the folder that stands for it: --volume models=FOLDER",
        "Secret keys is missing: add it to a file of -f, or name a folder with a file for each key: "
        "--secret keys=FOLDER",
    ]


def test_a_model_that_is_too_large_is_refused_with_its_field(refused: Refused) -> None:
    code, messages = refused(model("tiny", resources={"requests": {"memory": "9Ti"}}))
    assert (code, len(messages)) == (2, 1)
    assert "spec.resources.requests.memory: 9Ti is requested" in messages[0]


def test_a_port_that_is_in_use_is_refused(refused: Refused) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, messages = refused(model("tiny"), port=port)
    assert (code, len(messages)) == (2, 1)
    assert messages[0].startswith(f"--port {port}: Address already in use")


def test_without_models_it_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run"]) == 2
    assert capsys.readouterr().err.startswith("fairlead run needs -f FILE or --demo")
