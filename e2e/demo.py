"""`make demo`: from nothing to a model that answers, on this machine and then on a real Kubernetes node.

The first stage needs no privileges: `fairlead run`, a question, an answer. The second needs a container
engine; it serves the same model on a kind cluster. Every step can be repeated; what is there already is kept.
The last lines and `.demo/env` show how to use it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import yaml
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from e2e import first_answer
from e2e.cluster import engine
from e2e.world import ROOT, CommandError, World, close_world, load_images, open_world, wait_until
from fairlead_operator.local import demo_model
from fairlead_operator.local.errors import LocalError
from fairlead_operator.progress import Progress

CLUSTER = "fairlead-demo"
NAMESPACE = "demo"
NODE_PORT = 30080
DEMO_DIR = ROOT / ".demo"
MANIFEST = ROOT / "docs" / "examples" / "demo.yaml"
QUESTION = "What is the capital of France?"

_RUN_RECORD = DEMO_DIR / "run.json"
_PROGRAMS_LOG = DEMO_DIR / "programs.log"
# So low that the first answer comes first.
_BUILD_NICENESS = 19


def up() -> None:
    """Asks a model on this machine, then on a cluster unless `CLUSTER=no`, and prints how to go on."""
    on_cluster = os.environ.get("CLUSTER", "yes") != "no"
    if on_cluster and os.environ.get("FAIRLEAD_CLUSTER", "kind") != "kind":
        raise SystemExit(
            "make demo makes a cluster of its own; for one of yours see Install in README.md. "
            "`make demo CLUSTER=no` makes none"
        )
    # Not a line that is updated: what the steps run writes to the same terminal.
    progress = Progress(sys.stdout, live=False)
    obstacle = engine.obstacle() if on_cluster else "CLUSTER=no"
    DEMO_DIR.mkdir(exist_ok=True)
    with _programs_meanwhile(needed=not obstacle) as build_programs:
        _first_stage(progress)
        if not obstacle:
            build_programs()
            _second_stage(progress)
            return
    print(f"\nSeconds:\n{progress.table()}\n")
    if on_cluster:
        print(f"There is no second stage, on a cluster: {obstacle}\n")
    print(_how_to_go_on_here())


def down() -> None:
    """Removes the demo's cluster and files, and ends what runs here. Caches under ~/.cache/fairlead stay."""
    first_answer.end_left_over(_RUN_RECORD)
    close_world(CLUSTER)
    shutil.rmtree(DEMO_DIR, ignore_errors=True)


def _first_stage(progress: Progress) -> None:
    """One question to the model on this machine."""
    given = _given_model()
    if given is None:
        arguments = ["--demo"]
    else:
        manifest = DEMO_DIR / "model.yaml"
        manifest.write_text(yaml.safe_dump(_manifest(_object_name(given.name), f"file://{given}")))
        arguments = ["-f", str(manifest)]
    command = f"fairlead run {' '.join(arguments)}"
    with ExitStack() as running:
        with progress.step(f"{command}: to the first answer"):
            base_url = running.enter_context(first_answer.served(arguments, _RUN_RECORD))
            answer = first_answer.ask(base_url, QUESTION)
        print(f"\n    Question  {QUESTION}\n    Answer    {answer}\n", flush=True)


def _second_stage(progress: Progress) -> None:
    """The same model on a cluster: chat completions and responses."""
    with progress.step("A cluster with the project's images on its node"):
        world = open_world(CLUSTER, with_engine=False)
    # The engine's image takes as long as the two steps beside it.
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load_images, CLUSTER, world.engine_image)
        with progress.step("Install the chart with helm"):
            world.install_chart()
        with progress.step("Put the model where the node finds it"):
            model = _store_model(world, progress)
        with progress.step("The rest of the engine's image"):
            loading.result()
    with progress.step("Apply the ModelDeployment and wait until it is Ready"):
        _apply(world, model)
        _wait_ready(world, model)
    base_url = f"http://127.0.0.1:{os.environ.get('FAIRLEAD_DEMO_PORT', '18080')}/v1"
    with progress.step("Ask the model: chat completions and responses, plain and streaming"):
        _ask(base_url, model)
    _write_env(world, base_url, model)
    print(f"\nSeconds:\n{progress.table()}\n")
    print(_how_to_go_on(world, base_url, model))


@contextmanager
def _programs_meanwhile(*, needed: bool) -> Iterator[Callable[[], None]]:
    """Builds the cluster's programs during the body, if they are needed, with what the first stage leaves.

    It is the longest step of all. Yields a function that has the build take its share of the processors. The
    second stage waits for the build, or builds what it has not built.
    """
    if not needed:
        yield lambda: None
        return
    with _PROGRAMS_LOG.open("wb") as log:
        # A session of its own: its compilers get signals and priorities together.
        build = subprocess.Popen(
            [sys.executable, "-u", "-m", "e2e.cluster", "prepare", "--programs"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _set_niceness(build.pid, _BUILD_NICENESS)
    try:
        yield lambda: _set_niceness(build.pid, 0)
    finally:
        if build.poll() is None:
            os.killpg(build.pid, signal.SIGTERM)
        build.wait()


def _set_niceness(session: int, niceness: int) -> None:
    """Sets the share of the processors that a session gets, as far as it is permitted.

    Linux can divide the processors among sessions first (sched_autogroup). Then the niceness of its processes
    counts within a session only, and that of the session against the others.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PGRP, session, niceness)
    with suppress(OSError):
        Path(f"/proc/{session}/autogroup").write_text(str(niceness))


def _given_model() -> Path | None:
    """The folder of MODEL_DIR, if it is set."""
    given = os.environ.get("MODEL_DIR")
    if not given:
        return None
    folder = Path(given).expanduser().resolve()
    if not (folder / "config.json").is_file():
        raise SystemExit(f"MODEL_DIR={given}: no config.json there; name a folder in Hugging Face's layout")
    return folder


def _store_model(world: World, progress: Progress) -> str:
    """Copies MODEL_DIR, or the demo's model, into the cluster; returns its name."""
    given = _given_model()
    folder = given or demo_model.ensure_demo_model(progress)
    name = _object_name(given.name) if given else demo_model.NAME
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    world.apply(namespace, namespace=NAMESPACE)
    world.store_model(folder, name, namespace=NAMESPACE)
    return name


def _object_name(folder: str) -> str:
    """A Kubernetes object name from a folder's name: Qwen3-0.6B becomes qwen3-0-6b."""
    name = re.sub(r"[^a-z0-9]", "-", folder.lower())[:40].strip("-")
    return name if name[:1].isalpha() else f"m-{name}"[:40]


def _manifest(name: str, source: str) -> dict[str, object]:
    """The example with a model's name and source in it."""
    example: dict[str, object] = yaml.safe_load(MANIFEST.read_text())
    spec = example["spec"]
    assert isinstance(spec, dict)
    return {**example, "metadata": {"name": name}, "spec": {**spec, "model": {"source": source}}}


def _apply(world: World, model: str) -> None:
    """Applies the example with the demo's model in it, and a NodePort Service for this host."""
    node_port = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "from-host"},
        "spec": {
            "type": "NodePort",
            "selector": {"fairlead.dev/model": model},
            "ports": [{"port": 80, "targetPort": "http", "nodePort": NODE_PORT}],
        },
    }
    world.apply(_manifest(model, f"pvc://models/{model}"), node_port, namespace=NAMESPACE)


def _wait_ready(world: World, model: str) -> None:
    """Waits for the condition Ready of the current generation, printing each new reason on the way."""
    shown: list[str] = []

    def ready() -> bool:
        condition = world.condition(model, "Ready", namespace=NAMESPACE)
        line = f"{condition.get('reason', 'Waiting')}: {condition.get('message', 'for the operator')}"
        if line not in shown:
            shown.append(line)
            print(f"    {line}", flush=True)
        return condition.get("status") == "True"

    wait_until(f"modeldeployment/{model} to be Ready", ready, timeout=900)


def _ask(base_url: str, model: str) -> None:
    client = OpenAI(base_url=base_url, api_key="none")
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": QUESTION}]

    # At a temperature above 0 so small a model invents things.
    def chat() -> str:
        answer = client.chat.completions.create(model=model, messages=messages, max_tokens=24, temperature=0)
        return answer.choices[0].message.content or ""

    def chat_stream() -> str:
        chunks = client.chat.completions.create(
            model=model, messages=messages, max_tokens=24, temperature=0, stream=True
        )
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    def response() -> str:
        return client.responses.create(
            model=model, input=QUESTION, max_output_tokens=24, temperature=0
        ).output_text

    def response_stream() -> str:
        events = client.responses.create(
            model=model, input=QUESTION, max_output_tokens=24, temperature=0, stream=True
        )
        return "".join(event.delta for event in events if event.type == "response.output_text.delta")

    requests: dict[str, Callable[[], str]] = {
        "POST /v1/chat/completions": chat,
        "POST /v1/chat/completions, streaming": chat_stream,
        "POST /v1/responses": response,
        "POST /v1/responses, streaming": response_stream,
    }
    for title, send in requests.items():
        text = send()
        if not text:
            raise SystemExit(f"{title}: the model answered nothing")
        print(f"    {title}\n        {text}")


def _write_env(world: World, base_url: str, model: str) -> None:
    """Writes .demo/env for scripts: POSIX shell syntax, nothing secret in it."""
    values = {
        "KUBECONFIG": world.env["KUBECONFIG"],
        "OPENAI_BASE_URL": base_url,
        # Authentication is off; the SDKs want a key that is not empty.
        "OPENAI_API_KEY": "none",
        "FAIRLEAD_MODEL": model,
    }
    (DEMO_DIR / "env").write_text("".join(f"export {key}='{value}'\n" for key, value in values.items()))


def _how_to_go_on_here() -> str:
    return """To go on, without a cluster:

  .venv/bin/fairlead run --demo              # the model stays up until Ctrl-C
  .venv/bin/fairlead run -f model.yaml       # a model of yours; the same manifest serves it on a cluster
  make demo CLUSTER=no MODEL_DIR=~/models/Qwen3-0.6B
"""


def _how_to_go_on(world: World, base_url: str, model: str) -> str:
    kubectl = shutil.which("kubectl", path=world.env.get("PATH"))
    return f"""Fairlead is up. To go on:

  . .demo/env                    # KUBECONFIG, OPENAI_BASE_URL, OPENAI_API_KEY, FAIRLEAD_MODEL
  curl {base_url}/chat/completions -H 'content-type: application/json' \\
       -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "hello"}}]}}'

  base URL     {base_url}   (in the cluster: http://{model}.{NAMESPACE}.svc/v1)
  key          none, authentication is off; SDKs take any text
  kubeconfig   {world.env["KUBECONFIG"]}
  kubectl      {kubectl} -n {NAMESPACE} get mdep

  kubectl -n {NAMESPACE} scale mdep {model} --replicas=2
  make demo MODEL_DIR=~/models/Qwen3-0.6B    # a model of yours
  make demo-down                             # removes all of this
"""


def main(arguments: list[str]) -> int:
    """Runs `up` or `down`; failures print their cause, not a traceback."""
    commands = {"up": up, "down": down}
    if len(arguments) != 1 or arguments[0] not in commands:
        print("usage: python -m e2e.demo up|down", file=sys.stderr)
        return 2
    try:
        commands[arguments[0]]()
    except (CommandError, LocalError, TimeoutError) as error:
        print(f"\nmake demo stopped: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
