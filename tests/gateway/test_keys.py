"""API keys: who is let in, with which models, and what a wrong file does to the others."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from fairlead_gateway.admission.key import Key
from fairlead_gateway.admission.keys import KeyRing, read_keys
from tests.support.api_keys import key_file


def bearer(key: str) -> bytes:
    return f"Bearer {key}".encode()


RING = KeyRing.parse({"alice": key_file("sk-alice"), "bob": key_file("sk-bob", models=["tiny"])})


@pytest.mark.parametrize(("key", "name"), [("sk-alice", "alice"), ("sk-bob", "bob")])
def test_a_key_is_named_after_its_file(key: str, name: str) -> None:
    found = RING.find(bearer(key))
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER ", b"Bearer   "])
def test_the_bearer_scheme_is_case_insensitive_and_accepts_extra_spaces(scheme: bytes) -> None:
    assert RING.find(scheme + b"sk-alice") == Key("alice")


@pytest.mark.parametrize(
    "authorization",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"sk-alice",
        b"Basic sk-alice",
        b"Bearersk-alice",
        b"Bearer sk-alic",
        b"Bearer sk-alice2",
        b"Bearer SK-ALICE",
        b"Bearer sk-alice sk-bob",
        b"Bearer " + sha256(b"sk-alice").hexdigest().encode(),
        b"Bearer \xff\x00",
    ],
)
def test_any_other_authorization_header_has_no_key(authorization: bytes) -> None:
    assert RING.find(authorization) is None


def test_a_key_without_models_allows_every_model() -> None:
    assert Key("alice").allows("anything")


def test_a_key_with_models_allows_only_these() -> None:
    bob = RING.find(bearer("sk-bob"))
    assert bob is not None
    assert bob.allows("tiny")
    assert not bob.allows("tiny2")


def test_a_key_with_an_empty_list_of_models_allows_none() -> None:
    carol = KeyRing.parse({"carol": key_file("k", models=[])}).find(b"Bearer k")
    assert carol is not None
    assert not carol.allows("tiny")


def test_old_and_new_key_are_both_valid_during_a_rotation() -> None:
    ring = KeyRing.parse({"alice-2025": key_file("old"), "alice-2026": key_file("new")})
    assert ring.find(bearer("old")) == Key("alice-2025")
    assert ring.find(bearer("new")) == Key("alice-2026")


def test_keys_whose_digests_share_a_prefix_are_distinguished() -> None:
    near = bytearray(sha256(b"sk-alice").digest())
    near[-1] ^= 1
    document = json.dumps({"sha256": near.hex()}).encode()
    ring = KeyRing.parse({"a-near": document, "alice": key_file("sk-alice")})
    assert len(ring) == 2
    assert ring.find(bearer("sk-alice")) == Key("alice")


def test_a_digest_in_upper_case_is_accepted() -> None:
    document = json.dumps({"sha256": sha256(b"k").hexdigest().upper()}).encode()
    assert KeyRing.parse({"a": document}).find(b"Bearer k") == Key("a")


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (b"sk-secret", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"", "is not JSON"),
        (b'["sk-secret"]', "is not a JSON object"),
        (b"{}", "64 hex digits"),
        (b'{"sha256": "sk-secret"}', "64 hex digits"),
        (b'{"sha256": 7}', "64 hex digits"),
        (b'{"sha256": "' + b"z" * 64 + b'"}', "64 hex digits"),
        (b'{"sha256": "' + b" " * 64 + b'"}', "64 hex digits"),
        (key_file("k", models="tiny"), "list of model names"),
        (key_file("k", models=None), "leave models out"),
        (key_file("k", models=[1]), "list of model names"),
        (key_file("k", modles=["tiny"]), "unknown field"),
        (key_file(""), "empty key"),
    ],
)
def test_an_invalid_key_file_is_reported_with_its_remedy_and_other_keys_stay_valid(
    content: bytes, remedy: str
) -> None:
    ring = KeyRing.parse({"wrong": content, "alice": key_file("sk-alice")})
    (problem,) = ring.problems
    assert "'wrong'" in problem
    assert remedy in problem
    assert "sk-secret" not in problem
    assert len(ring) == 1
    assert ring.find(bearer("sk-alice")) == Key("alice")


def test_an_empty_key_is_never_valid() -> None:
    assert KeyRing.parse({"empty": key_file("")}).find(b"Bearer ") is None


def test_one_key_under_two_names_counts_once_and_is_reported() -> None:
    ring = KeyRing.parse({"b": key_file("k"), "a": key_file("k", models=["tiny"])})
    assert ring.find(b"Bearer k") == Key("a", frozenset({"tiny"}))
    (problem,) = ring.problems
    assert "'b'" in problem
    assert "'a'" in problem


def test_without_key_files_every_key_is_refused() -> None:
    assert KeyRing.parse({}).find(b"Bearer k") is None


def test_the_kubelets_own_files_in_a_mounted_secret_are_not_read_as_keys(tmp_path: Path) -> None:
    snapshot = tmp_path / "..2026_11_21"
    snapshot.mkdir()
    (snapshot / "alice").write_bytes(b"1")
    (tmp_path / "..data").symlink_to(snapshot.name)
    (tmp_path / "alice").symlink_to("..data/alice")
    assert read_keys(tmp_path) == {"alice": b"1"}


def test_a_key_file_that_disappears_while_reading_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "alice").symlink_to("..data/alice")
    assert read_keys(tmp_path) == {}


def test_a_missing_key_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_keys(tmp_path / "keys")
