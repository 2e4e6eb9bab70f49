"""Who sent a request, as a router says it to a gateway: a JSON Web Token, signed with Ed25519 (RFC 8037).

Routers know the API keys and gateways do not. So a router replaces the client's key by a token that names the
key, what it may do, and the one ModelDeployment that the request is for (`aud`): the owner of a model's pods,
who can read it there, can use it at no other model. It is valid for a minute.

A signature costs as much as the rest of a request, so a router makes one token for each key and model in half
a minute, and a gateway checks it once.
"""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Annotated

import jwt
from cryptography.exceptions import InvalidKey, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from pydantic import BaseModel, Field, ValidationError

from fairlead_gateway.bounds import IDENTITY_SECONDS, MAX_IDENTITY_BYTES, MAX_REMEMBERED_IDENTITIES

from .key import Key

_ALGORITHM = "EdDSA"
_ISSUER = "fairlead-router"
# The clocks of nodes differ.
_LEEWAY_SECONDS = 10
# All tokens begin so: the header is a JSON object.
TOKEN_START = b"eyJ"


class _Claims(BaseModel):
    sub: Annotated[str, Field(min_length=1)]
    owner: str = ""
    models: list[str] | None = None
    namespaces: list[str] | None = None
    priority_class: str = ""
    rank: Annotated[int, Field(ge=0)] = 0
    exp: float


class IdentitySigner:
    """Makes tokens with the private key in a PEM text. `clock` is in Unix seconds.

    Raises ValueError if the text is no Ed25519 private key.
    """

    def __init__(self, pem: bytes, clock: Callable[[], float] = time.time) -> None:
        try:
            private = load_pem_private_key(pem, None)
        except (InvalidKey, UnsupportedAlgorithm, TypeError, ValueError):
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise ValueError("the identity key is not an Ed25519 private key in PEM (PKCS #8)")
        self._private, self._clock = private, clock
        self._key_id = _key_id(private.public_key())
        # By names: the hash of a Key would be made of all that it may do.
        self._tokens: dict[tuple[str, str], tuple[Key, float, bytes]] = {}

    def authorization(self, key: Key, model: str) -> bytes:
        """The value of the Authorization header for a request of this key to a ModelDeployment, which is
        named by NAMESPACE/NAME.
        """
        now = self._clock()
        known = self._tokens.get((key.name, model))
        if known is not None and known[0] is key and known[1] > now:
            return known[2]
        if len(self._tokens) >= MAX_REMEMBERED_IDENTITIES:
            self._tokens.clear()
        made = b"Bearer " + self._sign(key, model, now).encode()
        self._tokens[key.name, model] = (key, now + IDENTITY_SECONDS / 2, made)
        return made

    def _sign(self, key: Key, model: str, now: float) -> str:
        claims: dict[str, object] = {
            "iss": _ISSUER,
            "aud": model,
            "sub": key.name,
            "owner": key.owner,
            "priority_class": key.priority_class,
            "rank": key.rank,
            "exp": int(min(now + IDENTITY_SECONDS, key.expires_at)),
        }
        if key.models is not None:
            claims["models"] = sorted(key.models)
        if key.namespaces is not None:
            claims["namespaces"] = sorted(key.namespaces)
        return jwt.encode(claims, self._private, _ALGORITHM, headers={"kid": self._key_id})


class IdentityVerifier:
    """Checks tokens for one ModelDeployment with the public keys of its routers (base64, 32 bytes each).

    Raises ValueError for text that is no public key.
    """

    def __init__(
        self, public_keys: Sequence[str], model: str, clock: Callable[[], float] = time.time
    ) -> None:
        keys = [_public_key(text) for text in public_keys]
        self._keys = {_key_id(key): key for key in keys}
        self._model, self._clock = model, clock
        self._known: dict[bytes, Key] = {}

    def find(self, token: bytes) -> Key | None:
        """The key that a token names, or None when the token is not valid. `expires_at` is the token's."""
        known = self._known.get(token)
        if known is None:
            known = self._verify(token)
            if known is None:
                return None
            if len(self._known) >= MAX_REMEMBERED_IDENTITIES:
                self._known.clear()
            self._known[token] = known
        return known if known.expires_at > self._clock() else None

    def _verify(self, token: bytes) -> Key | None:
        if len(token) > MAX_IDENTITY_BYTES:
            return None
        try:
            public = self._keys.get(jwt.get_unverified_header(token).get("kid", ""))
            if public is None:
                return None
            decoded = jwt.decode(
                token,
                public,
                [_ALGORITHM],
                audience=self._model,
                issuer=_ISSUER,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"], "strict_aud": True},
            )
            claims = _Claims.model_validate(decoded)
        except (jwt.InvalidTokenError, ValidationError):
            return None
        return Key(
            name=claims.sub,
            models=None if claims.models is None else frozenset(claims.models),
            owner=claims.owner,
            namespaces=None if claims.namespaces is None else frozenset(claims.namespaces),
            priority_class=claims.priority_class,
            rank=claims.rank,
            expires_at=claims.exp + _LEEWAY_SECONDS,
        )


def _key_id(key: Ed25519PublicKey) -> str:
    return sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _public_key(text: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(b64decode(text, validate=True))
    except ValueError:
        raise ValueError("identity.publicKeys: a key is not 32 bytes in base64") from None
