"""Identities: a router signs who the client is, a gateway checks it, and nothing else passes for one."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fairlead_gateway.admission.identity import IdentitySigner, IdentityVerifier
from fairlead_gateway.admission.key import Key
from fairlead_gateway.admission.keys import KeyRing
from fairlead_gateway.bounds import IDENTITY_SECONDS
from tests.support.api_keys import key_file, key_pair
from tests.support.clock import Clock

PEM, PUBLIC = key_pair()
MODEL = "team/tiny"
ALICE = Key(
    "alice",
    models=frozenset({"tiny"}),
    owner="team-a",
    namespaces=frozenset({"team"}),
    priority_class="batch",
    rank=2,
)


def token_of(key: Key = ALICE, model: str = MODEL, pem: bytes = PEM) -> bytes:
    return IdentitySigner(pem).authorization(key, model).removeprefix(b"Bearer ")


def found(token: bytes, public: str = PUBLIC, model: str = MODEL) -> Key | None:
    return IdentityVerifier([public], model).find(token)


def test_a_gateway_learns_the_key_and_what_it_may_do() -> None:
    key = found(token_of())
    assert key is not None
    assert (key.name, key.owner) == ("alice", "team-a")
    assert (key.models, key.namespaces) == (frozenset({"tiny"}), frozenset({"team"}))
    assert (key.priority_class, key.rank) == ("batch", 2)


def test_a_key_without_restrictions_stays_without_them() -> None:
    key = found(token_of(Key("root")))
    assert key is not None
    assert (key.models, key.namespaces) == (None, None)


def test_the_owner_of_one_model_cannot_use_an_identity_at_another_one() -> None:
    assert found(token_of(model="team/tiny"), model="team/other") is None
    assert found(token_of(model="team/tiny"), model="other/tiny") is None


def test_an_identity_is_valid_for_a_minute() -> None:
    clock = Clock(time.time())
    verifier = IdentityVerifier([PUBLIC], MODEL, clock)
    token = token_of()
    assert verifier.find(token) is not None
    clock.now += IDENTITY_SECONDS + 11
    assert verifier.find(token) is None


def test_an_identity_ends_with_its_key() -> None:
    clock = Clock(time.time())
    expiring = Key("brief", expires_at=clock.now + 5)
    key = found(IdentitySigner(PEM, clock).authorization(expiring, MODEL).removeprefix(b"Bearer "))
    assert key is not None
    assert key.expires_at <= clock.now + 5 + 10


def test_a_router_signs_once_for_each_key_and_model_in_half_a_minute() -> None:
    clock = Clock(time.time())
    signer = IdentitySigner(PEM, clock)
    first = signer.authorization(ALICE, MODEL)
    clock.now += 20
    assert signer.authorization(ALICE, MODEL) is first
    assert signer.authorization(ALICE, "team/other") != first
    clock.now += 11
    assert signer.authorization(ALICE, MODEL) != first


def _unsigned(token: bytes) -> bytes:
    head = urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=")
    return head + b"." + token.split(b".")[1] + b"."


def _with_public_key_as_secret(token: bytes) -> bytes:
    claims = jwt.decode(token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(token)["kid"]
    return jwt.encode(claims, PUBLIC.ljust(64), "HS256", headers={"kid": kid}).encode()


def _other_claims(token: bytes) -> bytes:
    head, _, signature = token.split(b".")
    claims = jwt.decode(token, options={"verify_signature": False}) | {"sub": "mallory"}
    return b".".join([head, urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"="), signature])


@pytest.mark.parametrize(
    "change",
    [
        _unsigned,
        _with_public_key_as_secret,
        _other_claims,
        lambda token: token[:-4] + b"AAAA",
        lambda token: token + b"x" * 30_000,
        lambda token: b"eyJ",
        lambda token: b"eyJ.eyJ.\xff\xfe",
        lambda token: b"eyJ" + b"." * 100,
    ],
    ids=["unsigned", "HS256", "claims", "signature", "huge", "short", "bytes", "dots"],
)
def test_a_changed_identity_is_refused(change: Callable[[bytes], bytes]) -> None:
    assert found(change(token_of())) is None


def test_an_identity_of_another_installation_is_refused() -> None:
    other_pem, _ = key_pair()
    assert found(token_of(pem=other_pem)) is None


def test_several_public_keys_are_valid_at_once_while_the_key_is_replaced() -> None:
    old_pem, old_public = key_pair()
    verifier = IdentityVerifier([old_public, PUBLIC], MODEL)
    assert verifier.find(token_of(pem=old_pem)) is not None
    assert verifier.find(token_of()) is not None


def test_a_gateways_own_keys_are_valid_beside_identities() -> None:
    ring = KeyRing.parse({"own": key_file("k")}, IdentityVerifier([PUBLIC], MODEL))
    own, routed = ring.find(b"Bearer k"), ring.find(b"Bearer " + token_of())
    assert (own and own.name, routed and routed.name) == ("own", "alice")


def test_without_public_keys_an_identity_is_no_key() -> None:
    assert KeyRing.parse({}).find(b"Bearer " + token_of()) is None


def test_a_key_of_another_kind_is_refused_at_the_start() -> None:
    private = rsa.generate_private_key(65537, 2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for wrong in (pem, b"", b"-----BEGIN"):
        with pytest.raises(ValueError, match="Ed25519"):
            IdentitySigner(wrong)


@pytest.mark.parametrize("text", ["", "AAAA", "not base64"])
def test_a_public_key_that_is_none_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(ValueError, match=r"identity\.publicKeys"):
        IdentityVerifier([text], MODEL)


def test_a_router_whose_clock_is_ahead_is_believed() -> None:
    ahead = Clock(time.time())
    ahead.now += 30
    assert found(IdentitySigner(PEM, ahead).authorization(ALICE, MODEL).removeprefix(b"Bearer ")) is not None
