"""The status of a model that does not run has the cause and the remedy: in `kubectl get modeldeployments` and
its conditions.

Each cause is provoked on the real node. All models are applied at once, so that they fail side by side; each
test waits for its own and takes it away.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from e2e.cases.support import NAMESPACE, engine, model, owned
from e2e.world import CommandError, Object, World, wait_until
from fairlead_operator.plan.catalogue.reasons import CATALOGUE

pytestmark = pytest.mark.cluster

REGISTRY = "registry-stand-in"
PORT = 5999
# Only on the node itself: the container runtime speaks HTTP without TLS to its own machine alone.
ANSWERING, SILENT = f"127.0.0.1:{PORT}", "127.0.0.1:5998"
# Two shared cores start several engines at once, and some of them again and again.
REASON_SECONDS = 420


@dataclass(frozen=True)
class Cause:
    """How to provoke a cause, and the expected status."""

    reason: str
    text: str
    spec: dict[str, Any] = field(default_factory=dict)
    stalled: bool = False


# Many pods wait side by side, so their requests must be next to nothing.
_LITTLE = {"cpu": "1m", "memory": "16Mi"}


def _light(*command: str) -> Object:
    """spec.podTemplate with a gateway of small requests, and another command for the engine if given."""
    spec: Object = {"initContainers": [{"name": "gateway", "resources": {"requests": _LITTLE}}]}
    if command:
        spec["containers"] = [{"name": "vllm", "command": list(command)}]
    return {"spec": spec}


def _image(name: str) -> Object:
    return {**engine(), "image": name}


CAUSES = {
    "bad-default": Cause(
        "InvalidSpec",
        "spec.api.defaults.temperature",
        {"api": {"defaults": {"temperature": 3}}},
        stalled=True,
    ),
    "bad-template": Cause(
        "InvalidSpec",
        "line 2, column 14",
        {"engine": {**engine(), "chatTemplate": {"inline": "{% for m in messages %}\n{{ m.content }"}}},
        stalled=True,
    ),
    "no-runtime-class": Cause(
        "RuntimeClassMissing",
        'RuntimeClass "absent" not found',
        {"scheduling": {"runtimeClassName": "absent"}},
        stalled=True,
    ),
    "no-priority": Cause(
        "PriorityClassMissing",
        "no PriorityClass with name absent",
        {"scheduling": {"priorityClassName": "absent"}},
        stalled=True,
    ),
    "bad-tag": Cause(
        "ImageNotFound", f"{ANSWERING}/vllm:absent", {"engine": _image(f"{ANSWERING}/vllm:absent")}, True
    ),
    "no-pull-right": Cause(
        "ImagePullUnauthorized",
        f"{ANSWERING}/private/vllm:1",
        {"engine": _image(f"{ANSWERING}/private/vllm:1")},
        stalled=True,
    ),
    "no-registry": Cause("ImagePullFailed", "connection refused", {"engine": _image(f"{SILENT}/vllm:1")}),
    "bad-image-volume": Cause(
        "ImageNotFound",
        f"{ANSWERING}/weights:absent",
        {"model": {"source": f"oci://{ANSWERING}/weights:absent"}},
        stalled=True,
    ),
    "no-claim": Cause("VolumeNotReady", "missing", {"model": {"source": "pvc://missing/tiny"}}),
    "no-keys": Cause(
        "ContainerConfigError",
        'secret "missing-keys" not found',
        {"api": {"auth": {"mode": "APIKey", "secretName": "missing-keys"}}},
    ),
    "no-template": Cause(
        "ContainerConfigError",
        'configmap "missing-template" not found',
        {
            "engine": {
                **engine(),
                "chatTemplate": {"configMapKeyRef": {"name": "missing-template", "key": "template"}},
            }
        },
    ),
    "no-python": Cause("ContainerStartFailed", "no-such-program", {"podTemplate": _light("no-such-program")}),
    "no-memory": Cause(
        "HostOutOfMemory", "memory limit", {"resources": {"requests": _LITTLE, "limits": {"memory": "150Mi"}}}
    ),
    "bad-flag": Cause(
        "EngineArgumentInvalid", "--no-such-flag", {"engine": engine("--no-such-flag")}, stalled=True
    ),
    "long-context": Cause(
        "ContextTooLong", "2048", {"engine": {**engine(), "maxModelLen": 1_000_000}}, stalled=True
    ),
    "no-compiler": Cause(
        "CompilerMissing", "C++ compiler", {"engine": {**engine(), "args": []}}, stalled=True
    ),
    "failing-template": Cause(
        "ChatTemplateInvalid",
        "'nofunc' is undefined",
        {"engine": {**engine(), "chatTemplate": {"inline": "{{ nofunc() }}"}}},
        stalled=True,
    ),
}
CRASHING, HANGING = "crash-loop", "hang"


@pytest.fixture(scope="module")
def applied(world: World) -> Iterator[None]:
    """All the models that cannot run, and the one that is going to hang."""
    world.apply(_registry(world.gateway_image), namespace=NAMESPACE)
    world.kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", f"pod/{REGISTRY}", "--timeout=120s")
    specs = {name: cause.spec for name, cause in CAUSES.items()} | {
        CRASHING: {"podTemplate": _light("sh", "-c", "exit 3")},
        "no-vllm": {"engine": _image(world.gateway_image)},
        HANGING: {"engine": {**engine(), "unresponsive": {"action": "Restart", "afterSeconds": 10}}},
    }
    models = (
        model(name, **{"podTemplate": _light(), "resources": {"requests": _LITTLE}, **spec})
        for name, spec in specs.items()
    )
    world.apply(*models, namespace=NAMESPACE)
    yield
    world.kubectl("delete", "-n", NAMESPACE, "modeldeployment", *specs, "--ignore-not-found")
    world.kubectl("delete", "-n", NAMESPACE, f"pod/{REGISTRY}", "--now", "--wait=false")


def condition(world: World, name: str, kind: str) -> Object:
    """One condition of a model."""
    return world.condition(name, kind, namespace=NAMESPACE)


def wait_reason(world: World, name: str, reason: str) -> Object:
    """The condition Ready as soon as it has the reason, which `kubectl get` shows too."""

    def reported() -> Object | None:
        ready = condition(world, name, "Ready")
        return ready if ready.get("reason") == reason else None

    ready = wait_until(
        f"modeldeployment/{name} to have the reason {reason}", reported, timeout=REASON_SECONDS
    )
    row = world.kubectl("get", "modeldeployment", name, "-n", NAMESPACE, "--no-headers")
    assert reason in row.split()
    return ready


def take_away(world: World, name: str) -> None:
    """Deletes a model, so that the others have the cores for themselves."""
    world.kubectl("delete", "-n", NAMESPACE, "modeldeployment", name, "--wait=false")


@pytest.mark.usefixtures("applied")
@pytest.mark.parametrize("name", CAUSES)
def test_a_failure_cause_is_reported_with_its_remedy(world: World, name: str) -> None:
    cause = CAUSES[name]
    ready = wait_reason(world, name, cause.reason)
    stalled = condition(world, name, "Stalled")["status"]
    take_away(world, name)

    assert cause.text in ready["message"]
    assert ready["message"].endswith(_remedy(cause.reason))
    # One that counts as Stalled only after some restarts may have had them by now.
    if not CATALOGUE[cause.reason].stalled_if_repeated:
        assert stalled == str(cause.stalled)


@pytest.mark.usefixtures("applied")
def test_an_image_without_vllm_is_reported_as_engineimageinvalid(world: World) -> None:
    ready = wait_reason(world, "no-vllm", "EngineImageInvalid")
    take_away(world, "no-vllm")
    assert "No module named 'vllm'" in ready["message"]


@pytest.mark.usefixtures("applied")
def test_a_crash_loop_is_finally_stalled_and_reported_as_one_event(world: World) -> None:
    message = wait_reason(world, CRASHING, "CrashLoop")["message"]
    wait_until(
        "the crash loop to be Stalled",
        lambda: condition(world, CRASHING, "Stalled").get("status") == "True",
        timeout=REASON_SECONDS,
    )
    reasons = [
        event
        for event in world.get("events.events.k8s.io", "-n", NAMESPACE)["items"]
        if event.get("regarding", {}).get("kind") == "ModelDeployment"
        and event["regarding"]["name"] == CRASHING
        and event["reason"] == "CrashLoop"
    ]
    restarts = owned(world, "pods", CRASHING)[0]["status"]["containerStatuses"][0]["restartCount"]
    after = condition(world, CRASHING, "Ready")["message"]
    take_away(world, CRASHING)

    assert restarts >= 3
    assert after == message, "a message that changes with each crash is a write with each crash"
    assert len(reasons) == 1


@pytest.mark.usefixtures("applied")
def test_a_hanging_engine_is_detected_and_restarted(world: World) -> None:
    wait_reason(world, HANGING, "Ready")
    pod = owned(world, "pods", HANGING)[0]["metadata"]["name"]
    asked = _in_engine(world, pod, ASK_FOR_MANY_TOKENS)
    assert asked == "asked"
    _in_engine(world, pod, STOP_THE_ENGINE)

    hanging = wait_reason(world, HANGING, "EngineUnresponsive")
    assert "unresponsive.action Restart" in hanging["message"]
    wait_reason(world, HANGING, "Ready")
    again = owned(world, "pods", HANGING)[0]
    assert again["metadata"]["name"] == pod, "the engine was restarted, not the pod"
    assert again["status"]["containerStatuses"][0]["restartCount"] == 1
    status = world.get("modeldeployment", HANGING, "-n", NAMESPACE)["status"]
    failure = status["lastFailure"]
    assert (status["restarts"], failure["container"], failure["pod"]) == (1, "vllm", pod)
    assert failure["reason"] == "EngineUnresponsive"


def test_an_invalid_manifest_is_refused_with_its_field(world: World) -> None:
    manifest = model("bad-source", model={"source": "ftp://somewhere"})
    with pytest.raises(CommandError, match=r"spec\.model\.source"):
        world.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(manifest))


# A request that outlives the script; its answer goes nowhere.
ASK_FOR_MANY_TOKENS = """
    import json, subprocess, sys
    body = {"model": "hang", "max_tokens": 1900, "ignore_eos": True, "stream": True,
            "messages": [{"role": "user", "content": "hello"}]}
    sender = '''
    import sys, urllib.request
    request = urllib.request.Request("http://127.0.0.1:8000/v1/chat/completions", sys.argv[1].encode(),
                                     {"content-type": "application/json"})
    stream = urllib.request.urlopen(request)
    stream.readline()
    print("asked", flush=True)
    stream.read()
    '''
    import textwrap
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(sender), json.dumps(body)],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    print(child.stdout.readline().decode().strip())
"""
STOP_THE_ENGINE = """
    import os, pathlib, signal
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        if "EngineCor" in (process / "comm").read_text():
            os.kill(int(process.name), signal.SIGSTOP)
            print("stopped")
"""


def _in_engine(world: World, pod: str, script: str) -> str:
    """What a Python script prints in the engine's container."""
    program = textwrap.dedent(script)
    return world.exec(pod, "python3", "-c", program, namespace=NAMESPACE, container="vllm").strip()


def _remedy(reason: str) -> str:
    """The end of the documented remedy of the reason."""
    return CATALOGUE[reason].remedy


def _registry(image: str) -> Object:
    """A pod that answers on the node as a registry: it has no image, and /private is not for everybody."""
    script = f"""
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        class Registry(BaseHTTPRequestHandler):
            # What is no HTTP at all (TLS is tried first) gets an answer that shows that this is HTTP.
            default_request_version = "HTTP/1.1"
            def do_GET(self):
                private = self.path.startswith("/v2/private/")
                code = "UNAUTHORIZED" if private else "MANIFEST_UNKNOWN"
                body = b'{{"errors": [{{"code": "%s"}}]}}' % code.encode()
                self.send_response(200 if self.path == "/v2/" else 401 if private else 404)
                if private:
                    self.send_header("www-authenticate", 'Basic realm="registry"')
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)
            do_HEAD = do_GET
        ThreadingHTTPServer(("127.0.0.1", {PORT}), Registry).serve_forever()
    """
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": REGISTRY},
        "spec": {
            "hostNetwork": True,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": "registry",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python3", "-u", "-c", textwrap.dedent(script)],
                    "readinessProbe": {
                        "exec": {
                            "command": [
                                "python3",
                                "-c",
                                f"import socket; socket.create_connection(('127.0.0.1', {PORT}))",
                            ]
                        },
                        "periodSeconds": 1,
                    },
                }
            ],
        },
    }
