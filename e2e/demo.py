"""`make demo`: from nothing to a model that answers on a real Kubernetes node, then how to go on.

Every step can be repeated; what is there already is kept. The last lines and `.demo/env` show how to use it.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from e2e.models import tiny
from e2e.world import ROOT, CommandError, World, close_world, open_world, wait_until

CLUSTER = "fairlead-demo"
NAMESPACE = "demo"
NODE_PORT = 30080
DEMO_DIR = ROOT / ".demo"
MANIFEST = ROOT / "docs" / "examples" / "demo.yaml"
QUESTION = "Say hello to the harbour."


class PhaseClock:
    """Prints each phase as it starts and remembers its seconds for the table at the end."""

    def __init__(self) -> None:
        self._seconds: list[tuple[str, float]] = []

    @contextmanager
    def phase(self, title: str) -> Iterator[None]:
        print(f"\n==> {title}", flush=True)
        start = time.monotonic()
        yield
        self._seconds.append((title, time.monotonic() - start))

    def table(self) -> str:
        """The phases and their seconds, one a line, and the sum."""
        rows = [*self._seconds, ("in all", sum(seconds for _, seconds in self._seconds))]
        width = max(len(title) for title, _ in rows)
        return "\n".join(f"  {title:<{width}}  {seconds:7.1f} s" for title, seconds in rows)


def up() -> None:
    """Brings everything up, sends one request of each kind, and prints how to go on."""
    if os.environ.get("FAIRLEAD_CLUSTER", "kind") != "kind":
        raise SystemExit("make demo makes a cluster of its own; for one of yours see Install in README.md")
    clock = PhaseClock()
    with clock.phase("A cluster with the project's images on its node"):
        world = open_world(CLUSTER)
    with clock.phase("Install the chart with helm"):
        world.install_chart()
    with clock.phase("Put the model where the node finds it"):
        model = _store_model(world)
    with clock.phase("Apply the ModelDeployment and wait until it is Ready"):
        _apply(world, model)
        _wait_ready(world, model)
    base_url = f"http://127.0.0.1:{os.environ.get('FAIRLEAD_DEMO_PORT', '18080')}/v1"
    with clock.phase("Ask the model: chat completions and responses, plain and streaming"):
        _ask(base_url, model)
    _write_env(world, base_url, model)
    print(f"\nSeconds:\n{clock.table()}\n")
    print(_how_to_go_on(world, base_url, model))


def down() -> None:
    """Removes the demo's cluster and files. Caches under ~/.cache/fairlead stay."""
    close_world(CLUSTER)
    shutil.rmtree(DEMO_DIR, ignore_errors=True)


def _store_model(world: World) -> str:
    """Copies MODEL_DIR, or a tiny random model made on the spot, into the cluster; returns its name."""
    given = os.environ.get("MODEL_DIR")
    folder = Path(given).expanduser().resolve() if given else DEMO_DIR / "tiny"
    if given and not (folder / "config.json").is_file():
        raise SystemExit(f"MODEL_DIR={given}: no config.json there; name a folder in Hugging Face's layout")
    if not given:
        tiny.make_model(folder)
        print(f"made a tiny Llama with random weights in {folder.relative_to(ROOT)}: its answers are noise")
    name = _object_name(folder.name)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    world.apply(namespace, namespace=NAMESPACE)
    world.store_model(folder, name, namespace=NAMESPACE)
    return name


def _object_name(folder: str) -> str:
    """A Kubernetes object name from a folder's name: Qwen3-0.6B becomes qwen3-0-6b."""
    name = "".join(char if char.isalnum() else "-" for char in folder.lower())[:40].strip("-")
    return name if name[:1].isalpha() else f"m-{name}"[:40]


def _apply(world: World, model: str) -> None:
    """Applies the example with the demo's model in it, and a NodePort Service for this host."""
    example = yaml.safe_load(MANIFEST.read_text())
    example["metadata"]["name"] = model
    example["spec"]["model"]["source"] = f"pvc://models/{model}"
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
    world.apply(example, node_port, namespace=NAMESPACE)


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

    def chat() -> str:
        answer = client.chat.completions.create(model=model, messages=messages, max_tokens=24)
        return answer.choices[0].message.content or ""

    def chat_stream() -> str:
        chunks = client.chat.completions.create(model=model, messages=messages, max_tokens=24, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    def response() -> str:
        return client.responses.create(model=model, input=QUESTION, max_output_tokens=24).output_text

    def response_stream() -> str:
        events = client.responses.create(model=model, input=QUESTION, max_output_tokens=24, stream=True)
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
        print(f"    {title}\n        {text!r}")


def _write_env(world: World, base_url: str, model: str) -> None:
    """Writes .demo/env for scripts: POSIX shell syntax, nothing secret in it."""
    DEMO_DIR.mkdir(exist_ok=True)
    values = {
        "KUBECONFIG": world.env["KUBECONFIG"],
        "OPENAI_BASE_URL": base_url,
        # Authentication is off; the SDKs want a key that is not empty.
        "OPENAI_API_KEY": "none",
        "FAIRLEAD_MODEL": model,
    }
    (DEMO_DIR / "env").write_text("".join(f"export {key}='{value}'\n" for key, value in values.items()))


def _how_to_go_on(world: World, base_url: str, model: str) -> str:
    kubectl = shutil.which("kubectl", path=world.env.get("PATH"))
    return f"""Fairlead is up. To go on:

  . .demo/env                    # KUBECONFIG, OPENAI_BASE_URL, OPENAI_API_KEY, FAIRLEAD_MODEL
  curl {base_url}/chat/completions -H 'content-type: application/json' \\
       -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "hello"}}]}}'

  base URL     {base_url}   (in the cluster: http://{model}.{NAMESPACE}.svc/v1)
  key          none, authentication is off; SDKs take any text
  kubeconfig   {world.env["KUBECONFIG"]}
  kubectl      {kubectl} -n {NAMESPACE} get modeldeployments

  kubectl -n {NAMESPACE} scale modeldeployment {model} --replicas=2
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
    except (CommandError, TimeoutError) as error:
        print(f"\nmake demo stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
