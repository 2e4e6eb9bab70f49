"""CORS at the router: which pages may call, on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_gateway.router.settings import RouterSettings
from tests.gateway.asgi import Answer
from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION, STREAM
from tests.gateway.scripted import HEAD, Script, answer, chunked, whole
from tests.router.objects import model, scaled
from tests.router.wire import Router, ScriptedPod, running_router

PAGE, OTHER = "https://page.example", "https://other.example"
EXPOSED = "access-control-expose-headers"
PREFLIGHT = {
    "origin": PAGE,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,openai-organization,x-stainless-os,x-evil",
}
STREAMED = answer(HEAD + chunked(STREAM) + b"0\r\n\r\n")
REFUSED = answer(whole("400 Bad Request", b'{"error": {"message": "no", "code": "x"}}'))


def cors_of(result: Answer) -> dict[str, str]:
    """The answer's headers that concern CORS."""
    return {n: v for n, v in result.headers.items() if n.startswith("access-control-") or n == "vary"}


async def ask(router: Router, origin: str | None = PAGE, **more: Any) -> Answer:
    return await router.call("POST", CHAT_PATH, CHAT | more, headers={"origin": origin} if origin else None)


async def test_a_preflight_of_an_allowed_page_is_answered_by_the_router_without_demand() -> None:
    stopped = model(autoscaling=scaled(), replicas=0)
    async with running_router(stopped, cors_allowed_origins=PAGE) as router:
        result = await router.call("OPTIONS", CHAT_PATH, headers=PREFLIGHT)
        figures = router.dispatcher.figures()
        assert (figures.queued, figures.arrivals) == (0, 0)

    assert (result.status, result.body) == (204, b"")
    assert {n: v for n, v in cors_of(result).items() if n not in (EXPOSED, "vary")} == {
        "access-control-allow-origin": PAGE,
        "access-control-allow-methods": "GET, HEAD, POST",
        "access-control-allow-headers": "authorization, content-type, openai-organization, x-stainless-os",
        "access-control-max-age": "600",
    }


async def test_a_preflight_of_another_page_is_a_403_that_names_the_setting() -> None:
    async with running_router(cors_allowed_origins=PAGE) as router:
        result = await router.call("OPTIONS", CHAT_PATH, headers=PREFLIGHT | {"origin": OTHER})

    assert (result.status, result.error["code"]) == (403, "cross_origin_not_allowed")
    assert "router.cors.allowedOrigins" in result.error["message"]
    assert cors_of(result) == {"vary": "Origin"}


async def test_a_preflight_for_an_unknown_path_is_answered_so_that_the_page_sees_the_404() -> None:
    async with running_router(cors_allowed_origins=PAGE) as router:
        before = await router.call("OPTIONS", "/v1/embeddings", headers=PREFLIGHT)
        result = await router.call("POST", "/v1/embeddings", CHAT, headers={"origin": PAGE})

    assert (before.status, result.status) == (204, 404)
    assert cors_of(result)["access-control-allow-origin"] == PAGE


async def test_options_without_a_preflights_headers_lists_the_methods_as_without_cors() -> None:
    async with running_router(cors_allowed_origins=PAGE) as router:
        result = await router.call("OPTIONS", CHAT_PATH)

    assert (result.status, result.headers["allow"]) == (204, "OPTIONS, POST")


@pytest.mark.parametrize(
    ("script", "more", "status"),
    [
        (answer(whole("200 OK", COMPLETION)), {}, 200),
        (STREAMED, {"stream": True}, 200),
        (REFUSED, {}, 400),
        (STREAMED, {"model": "unknown"}, 404),
    ],
    ids=["whole", "stream", "a pod's error", "the router's error"],
)
async def test_every_answer_to_an_allowed_page_can_be_read_by_it(
    script: Script, more: dict[str, Any], status: int
) -> None:
    async with ScriptedPod(script) as pod, running_router(cors_allowed_origins=f"{PAGE}, {OTHER}") as router:
        router.ready(pod.port)
        result = await ask(router, **more)

    assert result.status == status
    found = cors_of(result)
    assert (found["access-control-allow-origin"], found["vary"]) == (PAGE, "Origin")
    assert {"x-request-id", "retry-after"} < set(found[EXPOSED].split(", "))
    assert "access-control-allow-credentials" not in found


@pytest.mark.parametrize("origin", [None, OTHER])
async def test_caches_do_not_give_the_answer_for_one_page_to_another(origin: str | None) -> None:
    async with ScriptedPod(STREAMED) as pod, running_router(cors_allowed_origins=PAGE) as router:
        router.ready(pod.port)
        asked = await ask(router, origin, stream=True)
        listed = await router.call("GET", "/v1/models", headers={"origin": origin} if origin else None)

    assert cors_of(asked) == cors_of(listed) == {"vary": "Origin"}


async def test_the_list_of_models_can_be_read_by_an_allowed_page() -> None:
    async with running_router(cors_allowed_origins=PAGE) as router:
        result = await router.call("GET", "/v1/models", headers={"origin": PAGE})

    assert (result.status, cors_of(result)["access-control-allow-origin"]) == (200, PAGE)


async def test_with_an_asterisk_all_pages_may_call_and_answers_do_not_depend_on_the_origin() -> None:
    async with ScriptedPod(STREAMED) as pod, running_router(cors_allowed_origins="*") as router:
        router.ready(pod.port)
        before = await router.call("OPTIONS", CHAT_PATH, headers=PREFLIGHT)
        result = await ask(router, stream=True)

    assert before.headers["access-control-allow-origin"] == "*"
    assert cors_of(result)["access-control-allow-origin"] == "*"
    assert "vary" not in cors_of(result)


async def test_credentials_are_allowed_on_request() -> None:
    settings: Any = {"cors_allowed_origins": PAGE, "cors_allow_credentials": True}
    async with ScriptedPod(STREAMED) as pod, running_router(**settings) as router:
        router.ready(pod.port)
        before = await router.call("OPTIONS", CHAT_PATH, headers=PREFLIGHT)
        result = await ask(router, stream=True)

    assert before.headers["access-control-allow-credentials"] == "true"
    assert result.headers["access-control-allow-credentials"] == "true"


async def test_without_the_setting_no_answer_has_a_header_of_cors() -> None:
    async with ScriptedPod(STREAMED) as pod, running_router() as router:
        router.ready(pod.port)
        before = await router.call("OPTIONS", CHAT_PATH, headers=PREFLIGHT)
        result = await ask(router, stream=True)

    assert (before.status, result.status) == (403, 200)
    assert cors_of(before) == cors_of(result) == {}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"cors_allowed_origins": "*", "cors_allow_credentials": True},
            "allowCredentials needs named origins",
        ),
        ({"cors_allowed_origins": "https://page.example/"}, r"allowedOrigins has 'https://page.example/'"),
        ({"cors_allowed_origins": "page.example"}, r"allowedOrigins has 'page.example'"),
        ({"cors_allowed_origins": "https://Page.example"}, r"allowedOrigins has 'https://Page.example'"),
        ({"cors_allowed_origins": PAGE, "cors_allowed_headers": "x:y"}, r"allowedHeaders has 'x:y'"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _ = RouterSettings(**settings).cors
