"""The router's own TLS: answers, certificates that change, bounds, and the end of connections."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket as sockets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn

from fairlead_gateway.bounds import LINGER_SECONDS
from fairlead_gateway.router.app import create_api
from fairlead_gateway.router.request_cycle import router_protocol
from fairlead_gateway.server import tls
from fairlead_gateway.server.listen import listener
from fairlead_gateway.server.tls import Certificate
from tests.gateway.bodies import CHAT_PATH, COMPLETION, STREAM
from tests.gateway.fronts import BODY
from tests.gateway.process import free_port
from tests.gateway.scripted import HEAD, Script, answer, chunked, whole
from tests.gateway.wire import post, sweep_until, until
from tests.router.wire import Router, ScriptedPod, running_router
from tests.support.certificates import write_identity

# It fits into the kernel's buffer of a connection to this machine, but not into the client's part of it.
LENGTH, RECEIVE_BYTES = 100_000, 4096
LONG = json.loads(COMPLETION)
LONG["choices"][0]["message"]["content"] = "x" * LENGTH
LONG_ANSWER = answer(whole("200 OK", json.dumps(LONG).encode()))
CLOSE = "connection: close"


async def test_answers_and_streams_arrive_with_tls(tmp_path: Path) -> None:
    async with serving(tmp_path, answer(HEAD + chunked(STREAM) + b"0\r\n\r\n")) as server:
        reader, writer = await server.connect()
        writer.write(post(CHAT_PATH, BODY, CLOSE))
        received = await reader.read()
        writer.close()

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"data: [DONE]" in received


@pytest.mark.parametrize("headers", [[CLOSE], []], ids=["closed", "kept"])
async def test_a_server_that_stops_waits_until_a_client_with_tls_has_the_answer(
    headers: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path, LONG_ANSWER) as server:
        client = await asyncio.to_thread(server.slow_client, post(CHAT_PATH, BODY, *headers))
        await until(server.is_answered)
        await server.stop(caplog)
        assert server.waits

        received = await asyncio.to_thread(read, client)
        client.close()
        await until(lambda: not server.waits)
    assert received >= LENGTH


async def test_a_server_that_stops_does_not_wait_for_the_end_of_tls_from_its_clients(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path, LONG_ANSWER) as server:
        client = await asyncio.to_thread(server.slow_client, post(CHAT_PATH, BODY))
        await asyncio.to_thread(read, client)
        await server.stop(caplog)
        clock = server.router.services.clock
        monkeypatch.setattr(server.router.services, "clock", lambda: clock() + LINGER_SECONDS + 1)
        await sweep_until(server.router, lambda: not server.waits)
        client.close()


async def test_new_connections_get_a_changed_certificate(tmp_path: Path) -> None:
    async with serving(tmp_path, LONG_ANSWER) as server:
        before = await server.certificate()
        write_secret(server.folder, tmp_path / "next")
        server.refresh()
        after = await server.certificate()

    assert before != after


async def test_while_a_changed_certificate_is_not_usable_the_former_one_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path, LONG_ANSWER) as server:
        before = await server.certificate()
        next_one = tmp_path / "next"
        write_secret(next_one, tmp_path / "pki")
        shutil.copy(next_one / "tls.crt", server.folder / "tls.crt")  # not yet its key
        server.refresh()
        between = await server.certificate()
        shutil.copy(next_one / "tls.key", server.folder / "tls.key")
        server.refresh()
        after = await server.certificate()

    assert before == between != after
    assert f"{server.folder}/tls.crt" in caplog.text


async def test_one_address_cannot_take_all_handshakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "MAX_HANDSHAKES", 3)
    async with serving(tmp_path, LONG_ANSWER) as server:
        first, first_writer = await asyncio.open_connection("127.0.0.1", server.port)
        second, second_writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await second.read() == b""
        assert not first.at_eof()
        first_writer.close()
        second_writer.close()


async def test_what_is_no_tls_ends_only_its_own_connection(tmp_path: Path) -> None:
    async with serving(tmp_path, LONG_ANSWER) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.read()
        writer.close()
        assert await server.certificate()


def test_a_folder_without_a_certificate_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{tmp_path}/tls.crt.*router.tls.secretName"):
        Certificate(tmp_path)


class Serving:
    """A router as the program serves it, with TLS."""

    def __init__(self, router: Router, folder: Path, authority: Path) -> None:
        self.router, self.folder, self.port = router, folder, free_port()
        services, certificate = router.services, Certificate(folder)
        self.refresh = certificate.refresh
        self.server: uvicorn.Server = listener(
            create_api(services),
            router_protocol(services),
            "127.0.0.1",
            free_port(),
            "info",
            drain_seconds=3600,
            tls=(self.port, certificate.context),
        )
        self._client = ssl.create_default_context(cafile=str(authority))
        self._task = asyncio.create_task(self.server.serve())

    @property
    def waits(self) -> bool:
        """Whether it is not over."""
        return not self._task.done()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self._client)

    async def certificate(self) -> bytes:
        """The one that a new connection gets."""
        insecure = ssl.create_default_context()
        insecure.check_hostname, insecure.verify_mode = False, ssl.CERT_NONE
        _, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=insecure)
        found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return found

    def slow_client(self, request: bytes) -> ssl.SSLSocket:
        """A client that has sent a request and reads nothing."""
        plain = sockets.socket()
        plain.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, RECEIVE_BYTES)
        plain.settimeout(60)
        plain.connect(("127.0.0.1", self.port))
        client = self._client.wrap_socket(plain, server_hostname="127.0.0.1")
        client.sendall(request)
        return client

    def is_answered(self) -> bool:
        """Whether the one request is over, and the client's machine does not have all of the answer."""
        services = self.router.services
        return not self.router.dispatcher.in_flight and services.unread_bytes() > LENGTH // 2

    async def stop(self, caplog: pytest.LogCaptureFixture) -> None:
        """Returns when the server waits for its connections, or is over."""
        self.server.should_exit = True
        with caplog.at_level("INFO", "uvicorn.error"):
            await until(lambda: "Waiting for connections" in caplog.text or not self.waits)


@asynccontextmanager
async def serving(folder: Path, script: Script) -> AsyncIterator[Serving]:
    """A router in front of a pod with this script."""
    secret = folder / "secret"
    write_secret(secret, folder / "pki")
    async with ScriptedPod(script) as pod, running_router() as router:
        router.ready(pod.port)
        running = Serving(router, secret, folder / "pki" / "ca.crt")
        await until(lambda: running.server.started)
        try:
            yield running
        finally:
            running.server.should_exit = running.server.force_exit = True
            await until(lambda: not running.waits)


def write_secret(folder: Path, pki: Path) -> None:
    """Writes a new certificate as a mounted Secret has it."""
    identity = write_identity(pki)
    folder.mkdir(exist_ok=True)
    shutil.copy(identity.server_cert, folder / "tls.crt")
    shutil.copy(identity.server_key, folder / "tls.key")


def read(client: ssl.SSLSocket) -> int:
    """Reads the long answer; how many bytes came."""
    received = 0
    while received < LENGTH and (part := client.recv(LENGTH)):
        received += len(part)
    return received
