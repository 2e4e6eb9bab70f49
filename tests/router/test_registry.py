"""The list of models, the demand, and what changes of models do to what is under way."""

from __future__ import annotations

import asyncio

import pytest

from fairlead_gateway.bounds import SERVICE_END_SECONDS
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.drain import COME_BACK_SECONDS
from fairlead_gateway.router import registry as module
from fairlead_gateway.router.dispatcher import ModelDispatcher
from fairlead_gateway.router.endpoint_slices import Address
from fairlead_gateway.router.models import read_model
from fairlead_gateway.router.pods import Pod
from fairlead_gateway.router.registry import ModelRegistry
from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION
from tests.gateway.scripted import answer, whole
from tests.gateway.wire import until
from tests.router.objects import Object, endpoint, endpoint_slice, model, scaled
from tests.router.wire import KEY, ScriptedPod, running_router

OK = answer(whole("200 OK", COMPLETION))
MODELS = "/v1/models"


async def test_all_models_are_listed_including_those_at_zero() -> None:
    adapters = {"servedName": "big", "adapters": [{"name": "poet", "source": "pvc://p"}]}
    async with running_router(model("one", model=adapters), model("two", autoscaling=scaled())) as router:
        listed = (await router.call("GET", MODELS)).json()
        poet = (await router.call("GET", f"{MODELS}/poet")).json()

    assert listed["object"] == "list"
    assert [entry["id"] for entry in listed["data"]] == ["big", "poet", "two"]
    assert {"object": "model", "owned_by": "fairlead"}.items() <= listed["data"][0].items()
    assert poet["parent"] == "big"


async def test_every_name_of_a_model_is_listed_with_the_creation_time_of_its_object() -> None:
    dated = model("one", model={"aliases": ["uno"], "adapters": [{"name": "poet", "source": "pvc://p"}]})
    dated["metadata"]["creationTimestamp"] = "2026-01-01T12:00:00Z"
    names = ["one", "uno", "poet", "team/one", "team/one/poet"]
    async with running_router(dated, model("two")) as router:
        listed = (await router.call("GET", MODELS)).json()["data"]
        own = (await router.call("GET", MODELS, headers={"host": "one.team"})).json()["data"]
        single = [(await router.call("GET", f"{MODELS}/{name}")).json() for name in names]

    assert {entry["id"]: entry["created"] for entry in listed} == {
        "one": 1767268800,
        "uno": 1767268800,
        "poet": 1767268800,
        "two": 0,
    }
    assert {entry["created"] for entry in [*own, *single]} == {1767268800}


async def test_the_list_through_a_models_own_service_has_only_that_model() -> None:
    async with running_router(model("one"), model("two")) as router:
        listed = await router.call("GET", MODELS, headers={"host": "two.team.svc.cluster.local"})

    assert [entry["id"] for entry in listed.json()["data"]] == ["two"]


async def test_a_model_is_found_by_every_name_that_serves_it() -> None:
    async with running_router() as router:
        by_path = await router.call("GET", f"{MODELS}/team/tiny")
        none = await router.call("GET", f"{MODELS}/nobody")

    assert (by_path.status, by_path.json()["id"]) == (200, "team/tiny")
    assert (none.status, none.error["code"]) == (404, "model_not_found")


async def test_the_list_of_models_follows_created_and_deleted_models() -> None:
    async with running_router(model("one")) as router:
        before = (await router.call("GET", MODELS)).json()
        router.know(model("one"), model("two"))
        after = (await router.call("GET", MODELS)).json()

    assert [entry["id"] for entry in before["data"]] == ["one"]
    assert [entry["id"] for entry in after["data"]] == ["one", "two"]


@pytest.mark.parametrize("length", [513, 12_000])
async def test_a_model_name_above_the_length_limit_is_a_404_wherever_it_stands(length: int) -> None:
    async with running_router() as router:
        by_path = await router.call("GET", f"{MODELS}/{'x' * length}")
        by_body = await router.call("POST", CHAT_PATH, CHAT | {"model": "x" * (length << 6)})

    for result in (by_path, by_body):
        assert (result.status, result.error["code"]) == (404, "model_not_found")
        assert len(result.error["message"]) < 1000


async def test_a_request_for_an_absent_model_reaches_no_other_namespace_that_claims_its_name() -> None:
    squatter = model("tiny", "evil", model={"aliases": [KEY, f"{KEY}/tiny", "former"]})
    async with ScriptedPod(OK) as pod, running_router(model("other"), squatter) as router:
        router.services.model_registry.replace_namespaces((), {"team": {}, "evil": {}})
        router.ready(pod.port, namespace="evil")
        headers = {"authorization": "Bearer sk-of-team"}
        by_name = [
            await router.call("POST", CHAT_PATH, CHAT | {"model": name}, headers)
            for name in (KEY, f"{KEY}/tiny")
        ]
        by_service = await router.call(
            "POST", CHAT_PATH, CHAT | {"model": "former"}, headers | {"host": "tiny.team.svc"}
        )
        heads = list(pod.heads)

    assert [result.status for result in by_name] == [404, 404]
    assert by_service.status == 404
    assert not heads


async def test_a_held_request_goes_to_no_other_model_when_its_model_is_deleted() -> None:
    waiting, other = model(autoscaling=scaled()), model("tiny", "evil")
    async with ScriptedPod(OK) as pod, running_router(waiting, other) as router:
        router.services.model_registry.replace_models(
            (), {KEY: model(autoscaling=scaled(), status=granted("tiny"))}
        )
        router.ready(pod.port, namespace="evil")
        call = asyncio.create_task(router.call("POST", CHAT_PATH, CHAT))
        await until(lambda: len(router.dispatcher.queue) == 1)
        router.know(other)
        result = await call
        heads = list(pod.heads)

    assert (result.status, result.error["code"]) == (404, "model_not_found")
    assert not heads


async def test_unknown_paths_and_methods_have_openai_errors() -> None:
    async with running_router() as router:
        unknown = await router.call("POST", "/v1/embeddings", CHAT)
        method = await router.call("GET", CHAT_PATH)

    assert (unknown.status, unknown.error["code"]) == (404, "unknown_url")
    assert (method.status, method.headers["allow"]) == (405, "OPTIONS, POST")
    assert unknown.headers["x-request-id"].startswith("req_")


async def test_the_demand_counts_each_request_once() -> None:
    async with ScriptedPod(OK) as pod, running_router(model(autoscaling=scaled())) as router:
        model_registry = router.services.model_registry
        call = asyncio.create_task(router.call("POST", CHAT_PATH, CHAT))
        await until(lambda: len(router.dispatcher.queue) == 1)
        waiting = model_registry.figures()[KEY]
        router.ready(pod.port)
        await call
        await until(lambda: router.dispatcher.in_flight == 0)
        served = model_registry.figures()[KEY]

    assert (waiting.queued, waiting.in_flight, waiting.arrivals) == (1, 0, 1)
    assert waiting.queued_bytes > 0
    assert waiting.last_completion_at is None
    assert (served.queued, served.completions, served.arrivals) == (0, 1, 1)
    assert served.last_completion_at is not None
    assert served.last_completion_at > 0


async def test_the_first_held_request_raises_the_demand_cursor() -> None:
    async with running_router(model(autoscaling=scaled())) as router:
        rise = router.services.model_registry.rise
        poll = asyncio.create_task(rise.wait_above(rise.cursor, 60))
        call = asyncio.create_task(router.call("POST", CHAT_PATH, CHAT))
        async with asyncio.timeout(30):
            await poll
        assert len(router.dispatcher.queue) == 1
        call.cancel()


async def test_demand_counters_do_not_decrease_when_a_model_returns() -> None:
    async with ScriptedPod(OK) as pod, running_router() as router:
        router.ready(pod.port)
        await router.call("POST", CHAT_PATH, CHAT)
        router.know()
        assert router.services.model_registry.figures() == {}
        router.know(model())
        assert router.services.model_registry.figures()[KEY].arrivals == 1
        assert (await router.call("POST", CHAT_PATH, CHAT)).status == 200


async def test_an_invalid_model_object_does_not_hide_other_models() -> None:
    async with running_router(model("strange", model=7), model("tiny")) as router:
        listed = await router.call("GET", MODELS)

    assert [entry["id"] for entry in listed.json()["data"]] == ["tiny"]


async def test_a_draining_pod_gets_no_request_while_another_pod_is_ready() -> None:
    draining = {"endpoints": [{"pod": "pod-0", "state": "Draining"}]}
    async with (
        ScriptedPod(OK) as one,
        ScriptedPod(OK) as two,
        running_router(model(status=draining)) as router,
    ):
        router.ready(one.port, two.port)
        for number in range(8):
            question = {"messages": [{"role": "user", "content": str(number)}]}
            await router.call("POST", CHAT_PATH, CHAT | question)
        assert (len(one.requests), len(two.requests)) == (0, 8)
        router.ready(one.port)
        assert (await router.call("POST", CHAT_PATH, CHAT)).status == 200


class Seated:
    """A request that notes its pod."""

    affinity, arrived, deadline, size = None, 0.0, 0.0, 0

    def __init__(self) -> None:
        self.tried: set[str] = set()
        self.pod = ""

    def assigned(self, pod: Pod) -> None:
        """There is a place at this pod."""
        self.pod = pod.address.pod

    def dismiss(self, error: ApiError) -> None:
        raise error


def test_a_pod_whose_drain_ended_long_ago_serves_again() -> None:
    now = 0.0
    status = {"endpoints": [{"pod": "pod-0", "state": "Draining"}]}
    dispatcher = ModelDispatcher(read_model(model(status=status)), lambda: now, lambda: None)
    dispatcher.set_endpoints([Address(f"pod-{number}", "10.0.0.1", 8000) for number in range(2)])

    def used() -> set[str]:
        requests = [Seated() for _ in range(4)]
        for request in requests:
            dispatcher.try_assign(request)
        return {request.pod for request in requests}

    assert used() == {"pod-1"}
    now = 300.0
    dispatcher.change(read_model(model(status=status, replicas=3)))
    assert used() == {"pod-1"}
    now = 300.0 + COME_BACK_SECONDS + 1
    assert used() == {"pod-0"}


def test_the_demand_follows_a_request_that_waits_and_leaves() -> None:
    now = 10.0
    dispatcher = ModelDispatcher(read_model(model(autoscaling=scaled())), lambda: now, lambda: None)
    request = Seated()
    request.arrived, request.size = 10.0, 7
    dispatcher.hold(request)
    assert dispatcher.figures().oldest_queued_seconds == 0
    now = 12.5
    waiting = dispatcher.figures()
    dispatcher.withdraw(request)
    left = dispatcher.figures()

    assert (waiting.queued, waiting.queued_bytes, waiting.oldest_queued_seconds) == (1, 7, 2.5)
    assert (left.queued, left.queued_bytes, left.oldest_queued_seconds) == (0, 0, 0)


@pytest.mark.parametrize("name", ["arrivals", "rejected", "in_flight", "completions"])
def test_the_demand_follows_each_counter(name: str) -> None:
    dispatcher = ModelDispatcher(read_model(model(autoscaling=scaled())), lambda: 0.0, lambda: None)
    assert getattr(dispatcher.figures(), name) == 0
    setattr(dispatcher, name, 1)
    assert getattr(dispatcher.figures(), name) == 1


async def test_the_metrics_report_held_and_running_requests() -> None:
    async with running_router(model(autoscaling=scaled())) as router:
        call = asyncio.create_task(router.call("POST", CHAT_PATH, CHAT))
        await until(lambda: len(router.dispatcher.queue) == 1)
        rendered = router.services.telemetry.render().decode()
        call.cancel()

    assert 'fairlead_router_queued{model="tiny",namespace="team"} 1.0' in rendered
    assert "fairlead_router_synced 1.0" in rendered


# What the owner of one namespace can write, and what it costs the others


def granted(*names: str) -> Object:
    return {"servedModels": list(names)}


def addresses(count: int, start: int = 0) -> list[Object]:
    return [
        endpoint(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", f"pod-{n}") for n in range(start, start + count)
    ]


def know(model_registry: ModelRegistry, document: Object, key: str = "") -> None:
    metadata = document["metadata"]
    replace = (
        model_registry.replace_models
        if document["kind"] == "ModelDeployment"
        else model_registry.replace_slices
    )
    key = key or f"{metadata['namespace']}/{metadata['name']}"
    replace({key}, {key: document})


def test_the_number_of_pods_of_a_model_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PODS", 5)
    model_registry = ModelRegistry(float, sources=0)
    know(model_registry, model())
    know(model_registry, endpoint_slice(*addresses(4)), "one")
    know(model_registry, endpoint_slice(*addresses(4, start=4)), "two")
    assert len(model_registry.addresses) == 5


def test_the_number_of_addresses_of_a_namespace_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_NAMESPACE_ADDRESSES", 20)
    model_registry = ModelRegistry(float, sources=0)
    know(model_registry, model())
    know(model_registry, model(namespace="other"))
    for number in range(50):
        know(model_registry, endpoint_slice(*addresses(3, 3 * number)), f"team/{number}")
    know(model_registry, endpoint_slice(*addresses(7, 1000), namespace="other"), "other/tiny")
    assert len(model_registry.dispatchers["other/tiny"].pods) == 7
    assert 10 < len(model_registry.dispatchers[KEY].pods) <= 20
    # What goes makes room again.
    for number in range(50):
        model_registry.replace_slices({f"team/{number}"}, {})
    know(model_registry, endpoint_slice(*addresses(9)), "team/x")
    assert len(model_registry.dispatchers[KEY].pods) == 9


def test_deleted_models_are_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_GONE_MODELS", 3)
    model_registry = ModelRegistry(float, sources=0)
    for number in range(20):
        know(model_registry, model(f"m{number}"))
        model_registry.replace_models({f"team/m{number}"}, {})
    assert len(model_registry.dispatchers) == 3
    # One of them may be made again.
    know(model_registry, model("m19"))
    assert list(model_registry.figures()) == ["team/m19"]


@pytest.mark.parametrize(("later", "served"), [(1.0, False), (SERVICE_END_SECONDS + 1, True)])
def test_a_short_host_reaches_a_moved_model_once_its_former_service_is_forgotten(
    later: float, served: bool
) -> None:
    model_registry = ModelRegistry(lambda: 0.0, sources=0)
    know(model_registry, model())
    model_registry.replace_models({KEY}, {})
    know(model_registry, model(namespace="other"))
    model_registry.sweep(later)
    assert (model_registry.resolver.by_host("tiny") is not None) == served
    # A Host with a namespace never means another one.
    with pytest.raises(ApiError):
        model_registry.resolver.resolve("tiny", "tiny.team")


def test_endpoints_of_one_namespace_are_not_used_for_a_model_in_another() -> None:
    model_registry = ModelRegistry(float, sources=0)
    know(model_registry, model())
    know(model_registry, endpoint_slice(*addresses(1), namespace="evil"))
    assert not model_registry.addresses


def test_only_the_gateways_port_and_pods_addresses_get_requests() -> None:
    model_registry = ModelRegistry(float, sources=0)
    model_registry.pod_port = 8000
    know(model_registry, model())
    know(model_registry, endpoint_slice(endpoint("169.254.169.254", "a"), endpoint("10.0.0.1", "b")), "one")
    know(model_registry, endpoint_slice(endpoint("10.0.0.2", "c"), port=443), "two")
    assert {address.host for address in model_registry.addresses} == {"10.0.0.1"}
