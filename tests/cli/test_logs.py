"""`fairlead logs` through a real API server, and how its lines are shown."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from fairlead_contract.log_format import log_line
from fairlead_contract.names import MODEL_LABEL
from fairlead_operator.cli.log_text import LogLine, line_document, parse_line, shown
from fairlead_operator.cli.parser import parser
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.resources import MODEL_DEPLOYMENT, NODE, POD
from tests.cli.conftest import Run
from tests.kube.support import ControlPlane, manifest
from tests.support.certificates import write_identity

Logs = Callable[..., Awaitable[tuple[int, str, str]]]

_LINE = log_line(1767268800.25, "WARNING", "fairlead_gateway", "slow", {"seconds": 3, "path": "/v1 x"})


def plain(text: str, _: str) -> str:
    return text


def line(text: str) -> LogLine:
    return LogLine("tiny-1", "gateway", datetime(2026, 1, 1, 12, 0, 0, 123456, UTC), text)


class TestText:
    def test_a_json_line_of_ours_is_shown_as_text(self) -> None:
        expected = '2026-01-01 12:00:00.123 WARNING slow seconds=3 path="/v1 x"'
        assert shown(line(_LINE), 0, plain) == expected

    def test_other_lines_stay_as_they_are(self) -> None:
        for text in ("INFO 01-01 12:00:00 [core.py:1] up", '{"a": 1}', "{", ""):
            assert shown(line(text), 0, plain) == f"2026-01-01 12:00:00.123 {text}"

    def test_the_place_is_in_a_column_of_its_own(self) -> None:
        assert shown(line("up"), 18, plain).startswith("tiny-1 gateway      2026-01-01")

    def test_an_exception_follows_on_lines_of_its_own(self) -> None:
        text = log_line(0, "ERROR", "x", "failed", {"exception": "Traceback:\n  no"})
        assert shown(line(text), 0, plain).endswith("ERROR   failed\nTraceback:\n  no")

    def test_a_line_cannot_control_the_terminal(self) -> None:
        for text in ("\x1b[2Jx", log_line(0, "INFO", "x", "\x1b[2Jx", {"y": "\x9b1m"})):
            assert "\x1b" not in shown(line(text), 0, plain)
            assert "\x9b" not in shown(line(text), 0, plain)
            assert "\x9b" not in line_document(line(text))

    def test_for_programs_each_line_is_an_object_with_its_pod_and_container(self) -> None:
        assert json.loads(line_document(line(_LINE))) == json.loads(_LINE) | {
            "pod": "tiny-1",
            "container": "gateway",
        }
        assert json.loads(line_document(line("up"))) == {
            "time": "2026-01-01T12:00:00.123456+00:00",
            "message": "up",
            "pod": "tiny-1",
            "container": "gateway",
        }

    def test_the_time_of_the_node_is_read_in_its_zone(self) -> None:
        found = parse_line("p", "c", b"2026-01-01T14:00:00.123456789+02:00 up \xff")
        assert (found.time, found.text) == (datetime(2026, 1, 1, 12, 0, 0, 123456, UTC), "up \ufffd")
        assert parse_line("p", "c", b"no time").text == "no time"

    @pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("1d", 86400)])
    def test_a_duration_has_units(self, text: str, seconds: int) -> None:
        assert parser().parse_args(["logs", "tiny", "--since", text]).since == seconds

    @pytest.mark.parametrize("text", ["10", "m", "0s", "1h x", "-5s"])
    def test_anything_else_is_no_duration(self, text: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            parser().parse_args(["logs", "tiny", f"--since={text}"])
        assert f"{text!r} is no duration; write 30s, 10m or 1h30m" in capsys.readouterr().err


class Kubelet:
    """Answers the API server's requests for logs, as the kubelet of a node does."""

    def __init__(self) -> None:
        self.logs: dict[str, str] = {}
        self.queries: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        """The log of pod/container, or what the kubelet says of a container without one."""
        self.queries.append(dict(request.query))
        pod, container = request.match_info["pod"], request.match_info["container"]
        text = self.logs.get(f"{pod}/{container}")
        if text is None:
            return web.Response(status=400, text=f'container "{container}" is waiting to start')
        return web.Response(text=text)


@pytest.fixture
async def kubelet(
    kube: KubeClient, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> AsyncIterator[Kubelet]:
    """The node `node-NAMESPACE`, whose kubelet listens on this machine."""
    identity = write_identity(tmp_path / "pki")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.server_cert, identity.server_key)
    kubelet, application = Kubelet(), web.Application()
    application.router.add_get("/containerLogs/{namespace}/{pod}/{container}", kubelet.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    node = f"node-{namespace}"
    port = runner.addresses[0][1]
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}}
    await kube.create(NODE, None, body)
    await kube.patch_status(NODE, "", node, status)
    yield kubelet
    await runner.cleanup()
    control_plane.kubectl("delete", "node", node, "--wait=false")


@pytest.fixture
async def model(kube: KubeClient, namespace: str) -> None:
    """A model with two pods."""
    await kube.create(MODEL_DEPLOYMENT, namespace, manifest())
    for name in ("tiny-1", "tiny-2"):
        containers = [{"name": "vllm", "image": "vllm:1"}]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {MODEL_LABEL: "tiny"}},
            "spec": {
                "nodeName": f"node-{namespace}",
                "initContainers": [{"name": "gateway", "image": "gateway:1", "restartPolicy": "Always"}],
                "containers": containers,
            },
        }
        await kube.create(POD, namespace, pod)


@pytest.fixture
def logs(fairlead: Run, control_plane: ControlPlane, namespace: str) -> Logs:
    async def run(*arguments: str) -> tuple[int, str, str]:
        options = ("--kubeconfig", str(control_plane.kubeconfig), "-n", namespace)
        return await asyncio.to_thread(fairlead, "logs", *options, *arguments)

    return run


def at(second: int, text: str) -> str:
    return f"2026-01-01T12:00:{second:02d}.000000000Z {text}\n"


@pytest.mark.apiserver
class TestLogs:
    async def test_the_lines_of_all_containers_are_in_the_order_of_their_times(
        self, logs: Logs, kubelet: Kubelet, model: None
    ) -> None:
        kubelet.logs = {
            "tiny-1/gateway": at(1, _LINE) + at(4, "four"),
            "tiny-1/vllm": at(2, "two"),
            "tiny-2/gateway": at(3, "three"),
            "tiny-2/vllm": "",
        }
        code, out, err = await logs("tiny")
        assert (code, err) == (0, "")
        assert out.splitlines() == [
            'tiny-1 gateway  2026-01-01 12:00:01.000 WARNING slow seconds=3 path="/v1 x"',
            "tiny-1 vllm     2026-01-01 12:00:02.000 two",
            "tiny-2 gateway  2026-01-01 12:00:03.000 three",
            "tiny-1 gateway  2026-01-01 12:00:04.000 four",
        ]

    async def test_one_container_of_one_pod_has_no_column_for_its_place(
        self, logs: Logs, kubelet: Kubelet, model: None
    ) -> None:
        kubelet.logs = {"tiny-2/vllm": at(1, "up")}
        assert await logs("tiny", "--pod", "tiny-2", "-c", "engine") == (
            0,
            "2026-01-01 12:00:01.000 up\n",
            "",
        )

    async def test_a_container_without_logs_is_named_and_the_others_are_shown(
        self, logs: Logs, kubelet: Kubelet, model: None
    ) -> None:
        kubelet.logs = {"tiny-1/gateway": at(1, "up")}
        code, out, err = await logs("tiny", "--pod", "tiny-1")
        assert code == 0
        assert out.endswith(" up\n")
        assert err == 'fairlead logs: tiny-1 vllm: container "vllm" is waiting to start\n'
        assert (await logs("tiny", "--pod", "tiny-2"))[0] == 1

    async def test_options_reach_the_kubelet(self, logs: Logs, kubelet: Kubelet, model: None) -> None:
        kubelet.logs = {"tiny-1/vllm": at(1, "up")}
        options = ("--pod", "tiny-1", "-c", "vllm", "--follow", "--previous", "--since", "10m", "--tail", "5")
        code, out, _ = await logs("tiny", *options, "-o", "json")
        assert (code, json.loads(out)["message"]) == (0, "up")
        (query,) = kubelet.queries
        assert {key: query[key] for key in ("follow", "previous", "sinceSeconds", "tailLines")} == {
            "follow": "true",
            "previous": "true",
            "sinceSeconds": "600",
            "tailLines": "5",
        }

    async def test_a_very_long_line_is_cut(self, logs: Logs, kubelet: Kubelet, model: None) -> None:
        kubelet.logs = {"tiny-1/vllm": at(1, "x" * 1_000_000) + at(2, "next")}
        _, out, _ = await logs("tiny", "--pod", "tiny-1", "-c", "vllm")
        first, second = out.splitlines()
        assert len(first) < 70_000
        assert second.endswith(" next")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("tini",), "there is no ModelDeployment tini in namespace {namespace}; did you mean tiny?"),
            (("tiny", "--pod", "other"), "tiny has no pod other; its pods are tiny-1, tiny-2"),
            (("tiny", "-c", "vlm"), "there is no container vlm; the containers are gateway, vllm"),
        ],
    )
    async def test_a_name_that_does_not_exist_is_reported_with_those_that_do(
        self,
        logs: Logs,
        model: None,
        kubelet: Kubelet,
        namespace: str,
        arguments: tuple[str, ...],
        words: str,
    ) -> None:
        expected = f"fairlead logs: {words.format(namespace=namespace)}\n"
        assert await logs(*arguments) == (1, "", expected)

    async def test_a_model_without_pods_is_to_be_explained(
        self, logs: Logs, kube: KubeClient, namespace: str
    ) -> None:
        await kube.create(MODEL_DEPLOYMENT, namespace, manifest())
        code, _, err = await logs("tiny")
        assert (code, err) == (1, "fairlead logs: tiny has no pods; `fairlead explain tiny` says why\n")
