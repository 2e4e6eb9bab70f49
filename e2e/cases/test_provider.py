"""A provider's dialect behind API keys: access, defaults, and changes without a restart."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.cases.sdk import Client
from e2e.cases.support import NAMESPACE, model, owned, wait_ready
from e2e.world import Object, World, wait_until
from tests.support.api_keys import key_file

pytestmark = pytest.mark.cluster
NAME = "provider"
SECRET = "provider-keys"
RESIDENT = "residents-key"
REFUSED = {"status": 401, "code": "invalid_api_key"}
# A cluster that is not ours may renew mounted Secrets and ConfigMaps every minute only, from a cache as old.
PROPAGATION_SECONDS = 300


def keys(**given: str) -> Object:
    """The Secret with the digests of these keys, by whose they are, and of one that stays."""
    # Not stringData: what is left out there later stays in the Secret.
    entries = {
        name: b64encode(key_file(key)).decode() for name, key in {"resident": RESIDENT, **given}.items()
    }
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "data": entries}


@pytest.fixture(scope="module")
def served(world: World) -> Iterator[str]:
    """The name of a model that is Ready, with the keys `first-key` and RESIDENT."""
    api = {"dialect": "PolarGrid", "auth": {"mode": "APIKey", "secretName": SECRET}}
    world.apply(keys(alice="first-key"), model(NAME, api=api), namespace=NAMESPACE)
    wait_ready(world, NAME)
    yield NAME
    world.kubectl("delete", "-n", NAMESPACE, "modeldeployment", NAME, "--ignore-not-found")
    world.kubectl("delete", "-n", NAMESPACE, "secret", SECRET, "--ignore-not-found")


@pytest.fixture
def undisturbed(served: str, world: World) -> Iterator[None]:
    """Fails when the model's pod is another one afterwards, or one of its containers was restarted."""
    before = pods(world, served)
    yield
    assert pods(world, served) == before


def pods(world: World, name: str) -> dict[str, list[int]]:
    """How often each container was restarted, by the pod's uid."""
    return {
        pod["metadata"]["uid"]: [
            container["restartCount"]
            for kind in ("initContainerStatuses", "containerStatuses")
            for container in pod["status"][kind]
        ]
        for pod in owned(world, "pods", name)
    }


def ask(client: Client, name: str, key: str) -> dict[str, Any]:
    """What a request without max_tokens and without an end of its own gives: its tokens, or the refusal."""
    found: dict[str, Any] = client.run(
        name,
        f"""
        from openai import AuthenticationError
        try:
            answer = client.with_options(api_key={key!r}).chat.completions.create(
                model=MODEL, messages=[{{"role": "user", "content": "hello"}}],
                extra_body={{"ignore_eos": True}})
            print(json.dumps({{"tokens": answer.usage.completion_tokens}}))
        except AuthenticationError as error:
            print(json.dumps({{"status": error.status_code, "code": error.code}}))
        """,
    )
    return found


def test_a_request_without_a_key_is_refused(served: str, client: Client) -> None:
    answer = client.run(
        served,
        """
        from urllib.error import HTTPError
        from urllib.request import urlopen
        try:
            urlopen(f"http://{MODEL}/v1/models")
        except HTTPError as error:
            print(json.dumps({"status": error.code, "code": json.load(error)["error"]["code"]}))
        """,
    )
    assert answer == REFUSED


def test_a_wrong_key_is_refused(served: str, client: Client) -> None:
    assert ask(client, served, "another-key") == REFUSED


def test_a_key_gets_an_answer_with_the_dialects_default_length(served: str, client: Client) -> None:
    assert ask(client, served, RESIDENT) == {"tokens": 150}


@pytest.mark.usefixtures("undisturbed")
def test_a_rotated_key_takes_effect_without_a_restart(served: str, world: World, client: Client) -> None:
    world.apply(keys(alice="first-key", alice2="second-key"), namespace=NAMESPACE)
    wait_until(
        "the second key to be valid",
        lambda: "tokens" in ask(client, served, "second-key"),
        timeout=PROPAGATION_SECONDS,
    )
    assert "tokens" in ask(client, served, "first-key"), "both are valid during the rotation"

    world.apply(keys(alice2="second-key"), namespace=NAMESPACE)
    wait_until(
        "the first key to be refused",
        lambda: ask(client, served, "first-key") == REFUSED,
        timeout=PROPAGATION_SECONDS,
    )
    assert "tokens" in ask(client, served, "second-key")


@pytest.mark.usefixtures("undisturbed")
def test_a_changed_default_takes_effect_without_a_restart(served: str, world: World, client: Client) -> None:
    patch = {"spec": {"api": {"defaults": {"max_tokens": 7}}}}
    world.kubectl(
        "patch", "-n", NAMESPACE, "modeldeployment", served, "--type=merge", "-p", json.dumps(patch)
    )
    wait_until(
        "the new default to be in effect",
        lambda: ask(client, served, RESIDENT) == {"tokens": 7},
        timeout=PROPAGATION_SECONDS,
    )
