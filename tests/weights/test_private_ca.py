"""Mirrors inside a company: a certificate authority of its own, named by an environment variable."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import Identity, write_identity
from tests.support.hub import Hub
from tests.weights.downloads import Pod, make_repository, read_folder


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    """An authority that no system knows, and a certificate for 127.0.0.1."""
    return write_identity(tmp_path / "certificates")


@pytest.fixture
def mirror(tmp_path: Path, identity: Identity) -> Iterator[Hub]:
    """A hub that speaks TLS."""
    make_repository(tmp_path / "mirror/acme/tiny", {"config.json": 100, "model.safetensors": 1000})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.server_cert, identity.server_key)
    server = Hub(tmp_path / "mirror")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with server as hub:
        yield hub


def test_a_certificate_authority_is_configured_by_an_environment_variable(
    mirror: Hub, identity: Identity, pod: Pod
) -> None:
    url = mirror.url.replace("http:", "https:")

    outcome = pod.run(pod.order(pod.job("hf://acme/tiny", url)), SSL_CERT_FILE=str(identity.authority))

    assert outcome.code == 0, outcome
    assert read_folder(pod.model) == read_folder(mirror.folder / "acme/tiny")


def test_an_unknown_certificate_authority_is_reported_as_the_cause(mirror: Hub, pod: Pod) -> None:
    url = mirror.url.replace("http:", "https:")

    outcome = pod.run(pod.order(pod.job("hf://acme/tiny", url), patienceSeconds=1))

    assert (outcome.code, outcome.reason) == (1, "WeightsUnavailable"), outcome
    assert "certificate" in outcome.message.lower()


def test_a_proxy_is_configured_by_an_environment_variable(hub: Hub, pod: Pod) -> None:
    repository = make_repository(hub.folder / "acme/tiny", {"config.json": 100})
    elsewhere = "http://hub.example"

    # The stand-in answers for any host, as a proxy does.
    outcome = pod.run(pod.order(pod.job("hf://acme/tiny", elsewhere)), HTTP_PROXY=hub.url)

    assert outcome.code == 0, outcome
    assert read_folder(pod.model) == read_folder(repository)
