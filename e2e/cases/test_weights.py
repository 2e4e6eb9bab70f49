"""Weights that are downloaded on the real node, from a stand-in for the hub that runs in a pod.

One engine serves what comes from everywhere: the model and an adapter from the hub into a claim, an adapter
from a claim, one from an image volume. A second model shares the claim, and four fail, each in its own way.
"""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.cases.sdk import Client
from e2e.cases.support import NAMESPACE, model, owned
from e2e.models import tiny
from e2e.world import MODELS_CLAIM, ROOT, Object, World, wait_until

pytestmark = pytest.mark.cluster

FETCHED, SHARING = "fetched", "sharing"
CACHE, TOKEN, SECRET = "weights-cache", "hf_stand_in", "hub-token"
HUB = "hub"
# Slow enough to be seen on its way: the model takes half a minute.
BYTES_PER_SECOND = 300_000
REASON_SECONDS = 420

FROM_HUB = {"source": "hf://test/tiny", "revision": "main", "endpoint": f"http://{HUB}.{NAMESPACE}.svc:8080"}
WITH_TOKEN = {**FROM_HUB, "credentials": {"secretName": SECRET}}
SMALL_DISK = {"name": "weights", "emptyDir": {"medium": "Memory", "sizeLimit": "2Mi"}}


def idle(source: Object, **pod: Any) -> Object:
    """The spec of a model that only downloads its weights, and requests next to nothing of the node; `pod`
    are further fields of its pods.
    """
    little: Object = {"requests": {"cpu": "1m", "memory": "1Mi"}}
    asleep = {"name": "vllm", "command": ["sleep", "infinity"], "args": []}
    light = [{"name": name, "resources": little} for name in ("gateway", "weights")]
    template = {"spec": {"initContainers": light, "containers": [asleep], **pod}}
    return {"model": source, "resources": little, "podTemplate": template}


FAILING: dict[str, tuple[str, str, Object]] = {
    "no-token": ("WeightsUnauthorized", "401", idle(FROM_HUB)),
    "no-such-model": (
        "WeightsNotFound",
        "test/nothing",
        idle(WITH_TOKEN | {"source": "hf://test/nothing"}),
    ),
    "no-room": ("DiskFull", "MiB", idle({**WITH_TOKEN, "cache": {"size": "1Mi"}})),
    "full-disk": ("DiskFull", "MiB", idle(WITH_TOKEN, volumes=[SMALL_DISK])),
}


@pytest.fixture(scope="module")
def hub(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The stand-in, with the tiny model and an adapter as repositories; and a cache to share."""
    adapter = tiny.make_adapter(tmp_path_factory.mktemp("adapter") / "poet")
    world.store_model(adapter, "poet", namespace=NAMESPACE)
    world.apply(_code(), _secret(), _service(), _claim(), _hub(world.gateway_image), namespace=NAMESPACE)
    world.kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", f"pod/{HUB}", "--timeout=120s")
    yield
    left = [f"pod/{HUB}", f"service/{HUB}", f"persistentvolumeclaim/{CACHE}"]
    world.kubectl("delete", "-n", NAMESPACE, *left, "--now", "--wait=false")


@pytest.fixture(scope="module")
def clerk(world: World, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of an image on the node that has an adapter in its folder `adapters/clerk`."""
    folder = tmp_path_factory.mktemp("image")
    tiny.make_adapter(folder / "adapters" / "clerk", rank=4)
    return world.load_folder(folder, "fairlead/adapters")


@pytest.fixture(scope="module")
def failing(world: World, hub: None) -> Iterator[None]:
    """The models whose download fails. They do so side by side, and beside the one that succeeds."""
    models = [model(name, **spec) for name, (_, _, spec) in FAILING.items()]
    world.apply(*models, namespace=NAMESPACE)
    yield
    world.kubectl(
        "delete", "-n", NAMESPACE, "modeldeployment", *FAILING, "--ignore-not-found", "--wait=false"
    )


@pytest.fixture(scope="module")
def seen(world: World, failing: None, clerk: str) -> Iterator[dict[str, list[Object]]]:
    """The values of status.weights while the models with the shared cache started, by model."""
    cached = {**WITH_TOKEN, "cache": {"type": "PersistentVolumeClaim", "claimName": CACHE}}
    adapters = [
        {"name": "poet", "source": "hf://test/poet"},
        {"name": "mate", "source": f"pvc://{MODELS_CLAIM}/poet"},
        {"name": "clerk", "source": f"oci://{clerk}#adapters/clerk"},
    ]
    world.apply(model(FETCHED, model={**cached, "adapters": adapters}), namespace=NAMESPACE)
    seen: dict[str, list[Object]] = {FETCHED: [], SHARING: []}

    def note() -> bool:
        for name, before in seen.items():
            status = world.get("modeldeployment", name, "-n", NAMESPACE).get("status", {})
            weights = status.get("weights")
            if weights and weights not in before:
                before.append(weights)
        return bool(seen[FETCHED])

    wait_until("the download to begin", note, timeout=REASON_SECONDS)
    world.apply(model(SHARING, **idle(cached)), namespace=NAMESPACE)

    def complete() -> bool:
        note()
        return all(entries and entries[-1]["phase"] == "Complete" for entries in seen.values())

    wait_until("both models to have their weights", complete, timeout=REASON_SECONDS, every=0.5)
    yield seen
    world.kubectl("delete", "-n", NAMESPACE, "modeldeployment", FETCHED, SHARING, "--ignore-not-found")


@pytest.fixture(scope="module")
def served(world: World, seen: dict[str, list[Object]]) -> str:
    """The name of the model that answers, once it is Ready."""
    wait_reason(world, FETCHED, "Ready")
    return FETCHED


def wait_reason(world: World, name: str, reason: str) -> Object:
    """The condition Ready as soon as it has the reason."""

    def ready() -> Object | None:
        ready = world.condition(name, "Ready", namespace=NAMESPACE)
        return ready if ready.get("reason") == reason else None

    return wait_until(f"modeldeployment/{name} to have the reason {reason}", ready, timeout=REASON_SECONDS)


def answers(client: Client, name: str) -> dict[str, str]:
    """The most probable answer of the model and of each adapter."""
    found: dict[str, str] = client.run(
        name,
        """
        def ask(name):
            answer = client.chat.completions.create(
                model=name, messages=[{"role": "user", "content": "hello"}], max_tokens=24, temperature=0)
            return answer.choices[0].message.content
        print(json.dumps({entry.id: ask(entry.id) for entry in client.models.list()}))
        """,
    )
    return found


def download_log(world: World, name: str) -> str:
    """What the container that downloads has written."""
    pod = owned(world, "pods", name)[0]["metadata"]["name"]
    return world.kubectl("logs", "-n", NAMESPACE, pod, "-c", "weights")


def test_the_progress_of_a_download_is_in_the_status(seen: dict[str, list[Object]]) -> None:
    percents = [entry["percent"] for entry in seen[FETCHED] if "percent" in entry]
    assert percents == sorted(percents)
    assert [percent for percent in percents if 0 < percent < 100]
    last = seen[FETCHED][-1]
    assert last["bytes"] == last["totalBytes"] > 0


def test_a_model_that_shares_the_cache_waits_and_downloads_nothing(
    world: World, seen: dict[str, list[Object]]
) -> None:
    assert "Waiting" in {entry["phase"] for entry in seen[SHARING]}
    assert "to fetch" in download_log(world, FETCHED)
    assert "to fetch" not in download_log(world, SHARING)


def test_the_start_report_has_the_seconds_of_the_download(world: World, served: str) -> None:
    status = world.get("modeldeployment", served, "-n", NAMESPACE)["status"]
    assert status["startup"]["downloadSeconds"] >= 5
    assert status["servedModels"] == [FETCHED, "poet", "mate", "clerk"]
    weights = world.condition(served, "WeightsReady", namespace=NAMESPACE)
    assert (weights["status"], weights["reason"]) == ("True", "WeightsComplete")


def test_the_engines_environment_has_no_hub_token(world: World, served: str) -> None:
    pod = owned(world, "pods", served)[0]["metadata"]["name"]
    environment = world.exec(pod, "env", namespace=NAMESPACE, container="vllm")
    assert TOKEN not in environment


def test_adapters_of_every_source_give_their_own_answers_even_after_a_crash(
    world: World, served: str, client: Client
) -> None:
    before = answers(client, served)
    assert before.keys() == {FETCHED, "poet", "mate", "clerk"}
    assert before["mate"] == before["poet"], "the same adapter, from the hub and from a claim"
    assert len(set(before.values())) == 3

    pod = owned(world, "pods", served)[0]["metadata"]["name"]
    kill = textwrap.dedent(
        """
        import contextlib, os, pathlib, signal
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if "EngineCor" in (process / "comm").read_text():
                    os.kill(int(process.name), signal.SIGKILL)
        """
    )
    world.exec(pod, "python3", "-c", kill, namespace=NAMESPACE, container="vllm")

    def restarted() -> bool:
        (found,) = owned(world, "pods", served)
        (engine,) = found["status"]["containerStatuses"]
        return bool(engine["restartCount"] and engine["ready"])

    wait_until("the engine to be back", restarted, timeout=REASON_SECONDS)
    wait_reason(world, served, "Ready")
    assert answers(client, served) == before


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("name", FAILING)
def test_a_failed_download_is_reported_with_its_cause(world: World, name: str) -> None:
    reason, text, _ = FAILING[name]
    ready = wait_reason(world, name, reason)
    weights = world.condition(name, "WeightsReady", namespace=NAMESPACE)

    assert text in ready["message"]
    assert (weights["status"], weights["reason"]) == ("False", reason)

    def failed() -> bool:
        # The cause is known a moment before the container ends.
        status = world.get("modeldeployment", name, "-n", NAMESPACE)["status"]
        return bool(status["weights"]["phase"] == "Failed")

    wait_until("the download to be called failed", failed, timeout=REASON_SECONDS)


def _code() -> Object:
    source = (ROOT / "tests" / "support" / "hub.py").read_text()
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": HUB},
        "data": {"hub.py": source},
    }


def _secret() -> Object:
    data = {"token": base64.b64encode(TOKEN.encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "data": data}


def _service() -> Object:
    spec: Any = {"selector": {"app": HUB}, "ports": [{"port": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": HUB}, "spec": spec}


def _claim() -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CACHE},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }


def _hub(image: str) -> Object:
    rate, secret = str(BYTES_PER_SECOND), ("--token", TOKEN, "--private", "test/tiny")
    container = {
        "name": HUB,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "/hub/hub.py", "/repos", "--bytes-per-second", rate, *secret],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "volumeMounts": [
            {"name": "code", "mountPath": "/hub"},
            {"name": "repositories", "mountPath": "/repos/test", "readOnly": True},
        ],
    }
    volumes = [
        {"name": "code", "configMap": {"name": HUB}},
        {"name": "repositories", "persistentVolumeClaim": {"claimName": MODELS_CLAIM}},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": HUB, "labels": {"app": HUB}},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
            "volumes": volumes,
        },
    }
