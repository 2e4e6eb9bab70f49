"""A ModelDeployment on a real node: Ready, both APIs, drain, scale, and nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.cases.held_stream import WHOLE, held_in, held_stream, wait_draining
from e2e.cases.sdk import Client
from e2e.cases.support import NAMESPACE, children, model, owned, staying_pods, wait_ready
from e2e.world import RELEASE_NAMESPACE, World, run, wait_until

pytestmark = pytest.mark.cluster
NAME = "first-light"


@pytest.fixture(scope="module")
def served(world: World) -> Iterator[str]:
    """The name of a model that is Ready."""
    world.apply(model(NAME), namespace=NAMESPACE)
    wait_ready(world, NAME)
    yield NAME
    world.kubectl("delete", "-n", NAMESPACE, "modeldeployment", NAME, "--ignore-not-found")


def test_a_chat_completion_works_with_the_official_sdk(served: str, client: Client) -> None:
    answer = client.run(
        served,
        """
        answer = client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "hello"}], max_tokens=16,
            extra_body={"ignore_eos": True})
        print(json.dumps({
            "tokens": answer.usage.completion_tokens, "finish": answer.choices[0].finish_reason}))
        """,
    )
    assert answer == {"tokens": 16, "finish": "length"}


def test_log_probabilities_work_on_an_image_without_a_compiler(served: str, client: Client) -> None:
    answer = client.run(
        served,
        """
        for extra in ({"prompt_logprobs": 1}, {"best_of": 2, "temperature": 1}, {"echo": True}):
            answer = client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": "hello"}], max_tokens=4,
                logprobs=True, top_logprobs=2, extra_body={"ignore_eos": True, **extra})
        print(json.dumps(len(answer.choices[0].logprobs.content)))
        """,
    )
    assert answer == 4


def test_a_streaming_chat_completion_works_with_the_official_sdk(served: str, client: Client) -> None:
    answer = client.run(
        served,
        """
        chunks = list(client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "hello"}], max_tokens=16, stream=True,
            stream_options={"include_usage": True}, extra_body={"ignore_eos": True}))
        finishes = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
        print(json.dumps({"tokens": chunks[-1].usage.completion_tokens, "finish": finishes}))
        """,
    )
    assert answer == {"tokens": 16, "finish": ["length"]}


def test_a_response_works_with_the_official_sdk(served: str, client: Client) -> None:
    answer = client.run(
        served,
        """
        answer = client.responses.create(
            model=MODEL, input="hello", max_output_tokens=16, extra_body={"ignore_eos": True})
        print(json.dumps({
            "status": answer.status, "why": answer.incomplete_details.reason,
            "tokens": answer.usage.output_tokens, "text": bool(answer.output_text)}))
        """,
    )
    assert answer == {"status": "incomplete", "why": "max_output_tokens", "tokens": 16, "text": True}


def test_a_streaming_response_works_with_the_official_sdk(served: str, client: Client) -> None:
    answer = client.run(
        served,
        """
        events = list(client.responses.create(
            model=MODEL, input="hello", max_output_tokens=16, stream=True, extra_body={"ignore_eos": True}))
        text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
        print(json.dumps({
            "first": events[0].type, "last": events[-1].type,
            "same": text == events[-1].response.output_text}))
        """,
    )
    assert answer == {"first": "response.created", "last": "response.incomplete", "same": True}


def test_an_unknown_model_is_a_404_in_openais_error_shape(served: str, client: Client) -> None:
    answer = client.run(
        served,
        """
        from openai import NotFoundError
        try:
            client.chat.completions.create(model="nobody", messages=[{"role": "user", "content": "hello"}])
        except NotFoundError as error:
            print(json.dumps({"code": error.code, "param": error.param}))
        """,
    )
    assert answer == {"code": "model_not_found", "param": "model"}


def test_requests_in_the_form_of_proxies_and_browsers_are_served(served: str, client: Client) -> None:
    answer = client.run(
        served,
        """
        import http.client, urllib.parse
        host = urllib.parse.urlsplit(URL).netloc
        def ask(method, target, **headers):
            connection = http.client.HTTPConnection(host, timeout=60)
            connection.request(method, target, headers=headers)
            return connection.getresponse().status
        preflight = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
        print(json.dumps({
            "absolute": ask("GET", f"http://{host}/v1/models"), "slash": ask("GET", "/v1/models/"),
            "head": ask("HEAD", "/v1/models"), "preflight": ask("OPTIONS", "/v1/models", **preflight),
            "dated": client.models.list().data[0].created > 0}))
        """,
    )
    assert answer == {"absolute": 200, "slash": 200, "head": 200, "preflight": 403, "dated": True}


def test_helm_test_gets_an_answer_through_the_router(served: str, world: World) -> None:
    command = ["helm", "test", "fairlead", "--namespace", RELEASE_NAMESPACE, "--logs"]
    output = run(command, env=world.env)
    assert "Phase:          Succeeded" in output
    assert f"{served} answers: " in output


def test_kubectl_get_shows_ready_reason_and_model(served: str, world: World) -> None:
    header, row = world.kubectl("get", "modeldeployment", served, "-n", NAMESPACE).splitlines()
    assert "REASON" in header.split()
    assert row.split()[0] == served
    assert "True" in row.split()


def test_a_running_stream_finishes_when_its_pod_is_deleted(served: str, world: World, client: Client) -> None:
    (found,) = staying_pods(world, served)
    pod = found["metadata"]["name"]
    # One as users have it, and one that keeps the pod.
    streams = [held_stream(client, served), held_in(client, served, found)]
    world.kubectl("delete", "pod", "-n", NAMESPACE, pod, "--wait=false")
    assert wait_draining(world, pod).in_flight >= 1
    assert all(stream.running() for stream in streams), "one was over before the deletion: it proves nothing"

    for stream in streams:
        stream.stop()
    assert [stream.result() for stream in streams] == [WHOLE, WHOLE]
    wait_until(
        "the deleted pod to be gone",
        lambda: not world.get("pod", "-n", NAMESPACE, pod),
        timeout=180,
    )
    wait_ready(world, served)


def test_a_model_can_be_scaled_to_zero_and_back(served: str, world: World, client: Client) -> None:
    world.kubectl("scale", "-n", NAMESPACE, "modeldeployment", served, "--replicas=0")
    wait_until(
        "no pod of the model",
        lambda: not owned(world, "pods", served),
        timeout=180,
    )
    world.kubectl("scale", "-n", NAMESPACE, "modeldeployment", served, "--replicas=1")
    wait_until(
        "a ready replica",
        lambda: world.get("modeldeployment", served, "-n", NAMESPACE)["status"].get("readyReplicas") == 1,
        timeout=600,
    )
    models = client.run(served, "print(json.dumps([model.id for model in client.models.list()]))")
    assert models == [served]


def test_deletion_of_a_model_leaves_no_object(served: str, world: World) -> None:
    assert children(world, served)
    world.kubectl("delete", "-n", NAMESPACE, "modeldeployment", served, "--timeout=180s")
    wait_until("no child of the model", lambda: not children(world, served), timeout=180)
