"""Files with API keys, and the key pair with which routers sign identities."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from fairlead_contract.api_keys import digest_of
from fairlead_contract.paths import IDENTITY_KEY


def key_pair() -> tuple[bytes, str]:
    """A new private key as a PEM text, and its public key in base64."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return (
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        b64encode(public).decode(),
    )


def key_file(key: str, **fields: Any) -> bytes:
    """The entry of a key in a Secret, and the file that it becomes, with further fields."""
    return json.dumps({"sha256": digest_of(key), **fields}).encode()


def bearer(key: str) -> dict[str, str]:
    """The header that sends a key."""
    return {"Authorization": f"Bearer {key}"}


@dataclass(frozen=True)
class KeyFolder:
    """The files of a router with keys, in a folder."""

    path: Path
    public_key: str

    @classmethod
    def make(cls, path: Path) -> KeyFolder:
        """A new key pair, and no API key."""
        pem, public = key_pair()
        (path / "keys").mkdir()
        (path / IDENTITY_KEY).write_bytes(pem)
        return cls(path, public)

    @property
    def settings(self) -> dict[str, Any]:
        """Those of the router."""
        return {
            "auth_mode": "APIKey",
            "keys_dir": self.path / "keys",
            "identity_file": self.path / IDENTITY_KEY,
        }

    @property
    def identity(self) -> dict[str, Any]:
        """The part `identity` of gateway.json."""
        return {"required": True, "publicKeys": [self.public_key]}

    def add(self, name: str, key: str, **fields: Any) -> None:
        """Adds a key, or replaces it, with further fields of its entry."""
        new = self.path / f"{name}.new"
        new.write_bytes(key_file(key, **fields))
        new.replace(self.path / "keys" / name)

    def remove(self, name: str) -> None:
        """Removes a key."""
        (self.path / "keys" / name).unlink()
