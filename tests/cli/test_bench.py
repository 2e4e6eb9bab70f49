"""`fairlead bench`: its figures on known sequences, its requests before a server, its output."""

from __future__ import annotations

import asyncio
import json
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from fairlead_operator.cli.bench_statistics import Load, Sample, summarize
from fairlead_operator.cli.chart import Line, Panel, chart
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.resources import MODEL_DEPLOYMENT
from tests.cli.conftest import Run
from tests.gateway.conftest import gateway as gateway
from tests.gateway.process import Gateway
from tests.kube.support import ControlPlane, manifest

ONE = Load(concurrency=1)
Bench = Callable[..., Awaitable[tuple[int, str, str]]]


def sample(start: float, *events: float, end: float | None = None, tokens: int | None = None) -> Sample:
    count = tokens if tokens is not None else len(events)
    return Sample(start, events[-1] if end is None else end, events, prompt_tokens=10, output_tokens=count)


class TestStatistics:
    def test_the_times_of_one_request(self) -> None:
        step = summarize(ONE, [sample(100.0, 100.5, 100.6, 100.8, 101.0)])
        assert step.ttft is not None
        assert step.ttft.p50 == pytest.approx(500)
        assert step.itl is not None
        assert (step.itl.mean, step.itl.p50, step.itl.p99) == pytest.approx((500 / 3, 200, 200))
        assert step.tpot is not None
        assert step.tpot.mean == pytest.approx(500 / 3)
        assert step.latency is not None
        assert step.latency.mean == pytest.approx(1000)

    def test_quantiles_lie_between_values_in_proportion_as_in_numpy(self) -> None:
        samples = [sample(0.0, number / 10, number / 10 + 1) for number in range(1, 12)]
        step = summarize(ONE, samples)
        assert step.ttft is not None
        assert (step.ttft.p50, step.ttft.p90, step.ttft.p99) == pytest.approx((600, 1000, 1090))

    def test_throughput_is_over_the_time_of_all_requests(self) -> None:
        step = summarize(Load(concurrency=2), [sample(0.0, 1.0, 2.0), sample(1.0, 2.0, 4.0, tokens=6)])
        assert step.seconds == 4
        assert step.requests_per_second == 0.5
        assert step.output_tokens_per_second == 2
        assert step.total_tokens_per_second == 7

    def test_several_tokens_in_one_event_count_by_the_usage(self) -> None:
        step = summarize(ONE, [sample(0.0, 1.0, 2.0, end=2.0, tokens=11)])
        assert step.tpot is not None
        assert step.tpot.mean == pytest.approx(100)
        assert step.output_tokens == 11

    def test_a_failed_request_has_no_times_and_is_counted_by_its_error(self) -> None:
        step = summarize(
            ONE, [sample(0.0, 1.0), Sample(0.0, 9.0, error="429: busy"), Sample(1.0, 10.0, error="x")]
        )
        assert (step.requests, step.failed, step.errors) == (3, 2, {"429: busy": 1, "x": 1})
        assert step.latency is not None
        assert step.latency.p99 == pytest.approx(1000)
        assert step.requests_per_second == pytest.approx(0.1)

    def test_an_answer_of_one_token_has_no_time_between_tokens(self) -> None:
        step = summarize(ONE, [sample(0.0, 1.0)])
        assert (step.itl, step.tpot) == (None, None)
        assert step.document()["itlMilliseconds"] is None


class TestChart:
    def test_a_chart_is_xml_with_a_line_and_the_points_of_each_series(self) -> None:
        lines = [Line("a <b>", [(1, 10), (2, 20), (8, 15)]), Line("c", [(1, 5)], colour=1, dashed=True)]
        text = chart(
            "<&>", "below", [Panel("left", "x", lines), Panel("right", "x", lines, logarithmic=True)]
        )
        tree = ET.fromstring(text)
        names = [element.tag.rpartition("}")[2] for element in tree.iter()]
        assert (names.count("polyline"), names.count("circle")) == (4, 8)
        shown = {element.text for element in tree.iter() if element.tag.endswith("text")}
        assert {"<&>", "a <b>", "1", "2", "8"} <= shown

    @pytest.mark.parametrize("logarithmic", [False, True])
    @pytest.mark.parametrize("values", [[0.0], [3.0, 3.0], [0.002, 7_000.0], [1e-9, 2e-9], [99.9, 100.1]])
    def test_all_points_are_within_their_panel(self, values: list[float], logarithmic: bool) -> None:
        line = Line("a", list(enumerate(values)))
        tree = ET.fromstring(chart("t", "s", [Panel("p", "x", [line], logarithmic)]))
        heights = [float(element.get("cy", "")) for element in tree.iter() if element.tag.endswith("circle")]
        assert all(0 <= height <= 220 for height in heights)
        assert len(heights) == len([value for value in values if value or not logarithmic])


@dataclass
class Server:
    """Streams the same answer to everybody, and keeps what was asked."""

    url: str = ""
    status: int = 200
    together: int = 1
    """Answers begin when so many requests have come."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    running: int = 0
    most_running: int = 0

    async def models(self, _: web.Request) -> web.Response:
        """The list of models."""
        return web.json_response({"data": [{"id": "served"}]})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Three tokens in two events, between those that have none."""
        self.requests.append(await request.json())
        self.keys.append(request.headers.get("Authorization"))
        if self.status != 200:
            return web.json_response({"error": {"message": "ignore_eos: unknown"}}, status=self.status)
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if len(self.requests) >= self.together:
            self.arrived.set()
        await self.arrived.wait()
        deltas: list[dict[str, Any]] = [
            {"delta": {"role": "assistant", "content": ""}, "finish_reason": None},
            {"delta": {"content": "a"}, "finish_reason": None},
            {"delta": {"content": "bc"}, "finish_reason": None},
            {"delta": {}, "finish_reason": "length"},
        ]
        for delta in deltas:
            await response.write(f"data: {json.dumps({'choices': [delta]})}\n\n".encode())
        usage = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
        await response.write(f": ping\n\ndata: {json.dumps(usage)}\n\ndata: [DONE]\n\n".encode())
        self.running -= 1
        return response


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server, application = Server(), web.Application()
    application.router.add_get("/v1/models", server.models)
    application.router.add_post("/v1/chat/completions", server.chat)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
def bench(fairlead: Run, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.delenv("FAIRLEAD_API_KEY", raising=False)

    async def run(*arguments: str) -> tuple[int, str, str]:
        return await asyncio.to_thread(fairlead, "bench", *arguments)

    return run


class TestRequests:
    async def test_each_step_has_its_requests_after_a_warm_up_that_does_not_count(
        self, bench: Bench, server: Server
    ) -> None:
        options = ("--concurrency", "1,3", "--requests", "6", "--warmup", "2", "-o", "json")
        code, out, _ = await bench(server.url, *options)
        document = json.loads(out)
        assert code == 0
        assert [(step["concurrency"], step["requests"], step["failed"]) for step in document["steps"]] == [
            (1, 6, 0),
            (3, 6, 0),
        ]
        assert len(server.requests) == 2 + 6 + 6
        step = document["steps"][0]
        assert (step["promptTokensPerRequest"], step["outputTokensPerRequest"]) == (7, 3)
        assert step["ttftMilliseconds"]["p50"] > 0

    async def test_a_request_asks_for_a_fixed_length_and_a_prompt_of_its_own(
        self, bench: Bench, server: Server
    ) -> None:
        await bench(server.url, "--concurrency", "1", "--input-tokens", "20", "--output-tokens", "9")
        first, second, *_ = server.requests
        expected = {"model": "served", "max_tokens": 9, "ignore_eos": True, "stream": True}
        assert expected.items() <= first.items()
        prompts = [request["messages"][0]["content"].split() for request in (first, second)]
        assert prompts[0][0] != prompts[1][0]
        assert {len(prompt) for prompt in prompts} == {19}

    async def test_prompts_differ_between_runs_unless_the_seed_is_the_same(
        self, bench: Bench, server: Server
    ) -> None:
        few = ("--concurrency", "1", "--requests", "1", "--warmup", "0", "-o", "json")
        _, out, _ = await bench(server.url, *few)
        await bench(server.url, *few)
        await bench(server.url, *few, "--seed", str(json.loads(out)["seed"]))
        first, other, again = (request["messages"] for request in server.requests)
        assert first != other
        assert first == again

    async def test_so_many_requests_run_at_once(self, bench: Bench, server: Server) -> None:
        server.together = 4
        await bench(server.url, "--concurrency", "4", "--requests", "12", "--warmup", "0", "--timeout", "60")
        assert server.most_running == 4

    async def test_requests_at_a_rate_do_not_wait_for_answers(self, bench: Bench, server: Server) -> None:
        server.together = 8
        code, out, _ = await bench(
            server.url, "--rate", "400", "--requests", "8", "--warmup", "0", "--timeout", "60", "-o", "yaml"
        )
        (step,) = yaml.safe_load(out)["steps"]
        assert (code, step["concurrency"], step["requestsPerSecondSent"]) == (0, None, 400)
        assert server.most_running == 8

    async def test_the_key_is_from_the_environment_or_a_file(
        self, bench: Bench, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        few = ("--concurrency", "1", "--requests", "1", "--warmup", "0")
        monkeypatch.setenv("FAIRLEAD_API_KEY", "one")
        await bench(server.url, *few)
        (tmp_path / "key").write_text("two\n")
        await bench(server.url, *few, "--api-key-file", str(tmp_path / "key"))
        assert server.keys == ["Bearer one", "Bearer two"]

    async def test_a_server_that_refuses_everything_ends_it_with_the_reason(
        self, bench: Bench, server: Server
    ) -> None:
        server.status = 400
        code, out, err = await bench(server.url)
        assert (code, out, len(server.requests)) == (2, "", 2)
        assert "no request was answered: 400: ignore_eos: unknown; is it --no-ignore-eos" in err

    async def test_a_server_out_of_reach_is_named(self, bench: Bench) -> None:
        code, _, err = await bench("http://127.0.0.1:9/v1")
        assert code == 2
        assert err.startswith("fairlead bench: http://127.0.0.1:9/v1 cannot be reached: ")

    async def test_the_table_has_a_row_for_each_load_and_the_drawing_a_point(
        self, bench: Bench, server: Server, tmp_path: Path
    ) -> None:
        svg = tmp_path / "bench.svg"
        _, out, _ = await bench(server.url, "--concurrency", "1,2", "--requests", "4", "--svg", str(svg))
        title, _, head, *rows = out.splitlines()
        assert title == f"served at {server.url}: 7 tokens in, 128 out; times in ms"
        assert head.split()[:3] == ["LOAD", "REQ/S", "TOKENS/S"]
        assert [row.split("  ")[0] for row in rows] == ["1 at once", "2 at once"]
        circles = [element for element in ET.parse(svg).iter() if element.tag.endswith("circle")]
        assert len(circles) == 2 * 5

    @pytest.mark.parametrize(
        ("option", "words"),
        [
            ("--concurrency=0", "'0' must be a number from 1 to 1024"),
            ("--concurrency=1,x", "'x' must be a number"),
            ("--rate=0", "'0' must be a number from 0.001 to 500"),
            ("--rate=nan", "'nan' must be a number"),
        ],
    )
    def test_a_load_that_cannot_be_is_refused(
        self, fairlead: Run, capsys: pytest.CaptureFixture[str], option: str, words: str
    ) -> None:
        with pytest.raises(SystemExit):
            fairlead("bench", "http://localhost", option)
        assert words in capsys.readouterr().err


class TestPortForward:
    @pytest.fixture
    def options(self, control_plane: ControlPlane, namespace: str) -> tuple[str, ...]:
        return ("--kubeconfig", str(control_plane.kubeconfig), "-n", namespace)

    @pytest.mark.apiserver
    async def test_a_model_is_measured_through_kubectl(
        self,
        bench: Bench,
        server: Server,
        kube: KubeClient,
        namespace: str,
        options: tuple[str, ...],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # There is no kubelet here that could forward a port: the server is on this machine already.
        port = server.url.rpartition(":")[2]
        kubectl = tmp_path / "kubectl"
        kubectl.write_text(
            f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\n'
            f'echo "Forwarding from 127.0.0.1:{port} -> 8000"\nexec sleep 600\n'
        )
        kubectl.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        await kube.create(
            MODEL_DEPLOYMENT, namespace, manifest(model={"source": "pvc://m", "servedName": "chat"})
        )
        code, out, _ = await bench("tiny", *options, "--concurrency", "1", "--requests", "1", "-o", "json")
        assert code == 0
        assert (json.loads(out)["target"], json.loads(out)["model"]) == (f"{namespace}/tiny", "chat")
        assert (tmp_path / "arguments").read_text().endswith("service/tiny :80\n")

    @pytest.mark.apiserver
    async def test_what_kubectl_says_is_the_reason(
        self,
        bench: Bench,
        kube: KubeClient,
        control_plane: ControlPlane,
        namespace: str,
        options: tuple[str, ...],
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        (tmp_path / "kubectl").symlink_to(control_plane.kubectl_path)  # type: ignore[attr-defined]
        monkeypatch.setenv("PATH", str(tmp_path))
        await kube.create(MODEL_DEPLOYMENT, namespace, manifest())
        code, _, err = await bench("tiny", *options)
        assert code == 2
        assert err == (
            'fairlead bench: kubectl port-forward: Error from server (NotFound): services "tiny" not found\n'
        )

    @pytest.mark.apiserver
    async def test_without_kubectl_the_remedy_is_named(
        self,
        bench: Bench,
        kube: KubeClient,
        namespace: str,
        options: tuple[str, ...],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        await kube.create(MODEL_DEPLOYMENT, namespace, manifest())
        code, _, err = await bench("tiny", *options)
        assert code == 2
        assert err.endswith("is not installed; install it, or give the URL\n")


@pytest.mark.engine
def test_a_real_engine_behind_its_gateway_gives_answers_of_the_length_that_was_asked_for(
    fairlead: Run, gateway: Gateway
) -> None:
    gateway_url = f"http://127.0.0.1:{gateway.api_port}/v1"
    options = ("--concurrency", "1,4", "--requests", "4", "--input-tokens", "50", "--output-tokens", "20")
    code, out, _ = fairlead("bench", gateway_url, *options, "-o", "json")
    assert code == 0
    for step in json.loads(out)["steps"]:
        assert (step["failed"], step["outputTokensPerRequest"]) == (0, 20)
        assert 0 < step["ttftMilliseconds"]["p50"] < step["latencyMilliseconds"]["p50"]
