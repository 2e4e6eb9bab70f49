"""The list of models, the demand, and what changes of models do to what is under way."""

from __future__ import annotations

import asyncio

from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION
from tests.gateway.scripted import answer, whole
from tests.gateway.wire import until
from tests.router.objects import model, scaled
from tests.router.wire import KEY, ScriptedPod, running_router

OK = answer(whole("200 OK", COMPLETION))
MODELS = "/v1/models"


async def test_all_models_are_listed_those_at_zero_too() -> None:
    adapters = {"servedName": "big", "adapters": [{"name": "poet", "source": "pvc://p"}]}
    async with running_router(model("one", model=adapters), model("two", autoscaling=scaled())) as router:
        listed = (await router.call("GET", MODELS)).json()
        poet = (await router.call("GET", f"{MODELS}/poet")).json()

    assert listed["object"] == "list"
    assert [entry["id"] for entry in listed["data"]] == ["big", "poet", "two"]
    assert {"object": "model", "created": 0, "owned_by": "fairlead"}.items() <= listed["data"][0].items()
    assert poet["parent"] == "big"


async def test_by_its_own_service_a_model_lists_itself() -> None:
    async with running_router(model("one"), model("two")) as router:
        listed = await router.call("GET", MODELS, headers={"host": "two.team.svc.cluster.local"})

    assert [entry["id"] for entry in listed.json()["data"]] == ["two"]


async def test_a_model_is_found_by_every_name_that_serves_it() -> None:
    async with running_router() as router:
        by_path = await router.call("GET", f"{MODELS}/team/tiny")
        none = await router.call("GET", f"{MODELS}/nobody")

    assert (by_path.status, by_path.json()["id"]) == (200, "team/tiny")
    assert (none.status, none.error["code"]) == (404, "model_not_found")


async def test_everything_else_has_openais_errors() -> None:
    async with running_router() as router:
        unknown = await router.call("POST", "/v1/embeddings", CHAT)
        method = await router.call("GET", CHAT_PATH)

    assert (unknown.status, unknown.error["code"]) == (404, "unknown_url")
    assert (method.status, method.headers["allow"]) == (405, "POST")
    assert unknown.headers["x-request-id"].startswith("req_")


async def test_the_demand_counts_each_request_once() -> None:
    async with ScriptedPod(OK) as pod, running_router(model(autoscaling=scaled())) as router:
        fleet = router.services.fleet
        call = asyncio.create_task(router.call("POST", CHAT_PATH, CHAT))
        await until(lambda: len(router.desk.queue) == 1)
        waiting = fleet.tell()[KEY]
        router.ready(pod.port)
        await call
        await until(lambda: router.desk.in_flight == 0)
        served = fleet.tell()[KEY]

    assert (waiting["queued"], waiting["inFlight"], waiting["arrivals"]) == (1, 0, 1)
    assert waiting["queuedBytes"] > 0
    assert waiting["lastCompletionAt"] is None
    assert (served["queued"], served["completions"], served["arrivals"]) == (0, 1, 1)
    assert served["lastCompletionAt"] > 0


async def test_the_first_that_waits_raises_the_cursor() -> None:
    async with running_router(model(autoscaling=scaled())) as router:
        rise = router.services.fleet.rise
        poll = asyncio.create_task(rise.wait_above(rise.cursor, 60))
        call = asyncio.create_task(router.call("POST", CHAT_PATH, CHAT))
        async with asyncio.timeout(30):
            await poll
        assert len(router.desk.queue) == 1
        call.cancel()


async def test_counters_do_not_go_back_when_a_model_returns() -> None:
    async with ScriptedPod(OK) as pod, running_router() as router:
        router.ready(pod.port)
        await router.call("POST", CHAT_PATH, CHAT)
        router.know()
        assert router.services.fleet.tell() == {}
        router.know(model())
        assert router.services.fleet.tell()[KEY]["arrivals"] == 1
        assert (await router.call("POST", CHAT_PATH, CHAT)).status == 200


async def test_one_strange_object_does_not_hide_the_others() -> None:
    async with running_router(model("strange", model=7), model("tiny")) as router:
        listed = await router.call("GET", MODELS)

    assert [entry["id"] for entry in listed.json()["data"]] == ["tiny"]


async def test_a_pod_that_drains_gets_nothing_while_there_is_another() -> None:
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


async def test_the_metrics_tell_what_waits_and_what_runs() -> None:
    async with running_router(model(autoscaling=scaled())) as router:
        call = asyncio.create_task(router.call("POST", CHAT_PATH, CHAT))
        await until(lambda: len(router.desk.queue) == 1)
        rendered = router.services.telemetry.render().decode()
        call.cancel()

    assert f'fairlead_router_queued{{model="{KEY}"}} 1.0' in rendered
    assert "fairlead_router_synced 1.0" in rendered
