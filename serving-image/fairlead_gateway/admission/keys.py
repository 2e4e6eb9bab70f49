"""API keys and the models they may use; only the digests of keys are known.

A mounted Secret holds one file per key. The file's name is the owner of the key; its content is `{"sha256":
"<64 hex digits>", "models": ["name", ...]}`, where `models` may be absent for all of them. The key itself is
nowhere in the cluster. Two files are two keys, both valid: that is how a key is rotated.

A key of sufficient length does not need a slow hash, and this runs before every request: one SHA-256, one
dictionary look-up by the first bytes of the digest, and a comparison of the rest that takes the same time
wherever it differs. The look-up can reveal bytes of a digest, never of a key.

Mistakes are found when the files are read, each with its file's name. A wrong file admits no client and does
not affect the other keys. A message never repeats a file's content: it could be a key in plain text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Any

import orjson

_SCHEME = b"bearer "
_PREFIX_BYTES = 8
_FIELDS = {"sha256", "models"}
_EMPTY_KEY = sha256(b"").digest()
_EXAMPLE = '{"sha256": "<64 hex digits>"} with the digits that printf %s "$KEY" | sha256sum prints'


@dataclass(frozen=True, slots=True)
class Key:
    """The owner of a key, and the models it may use; None means all of them."""

    name: str
    models: frozenset[str] | None = None

    def allows(self, model: str) -> bool:
        """Whether this key may use the model of this name."""
        return self.models is None or model in self.models


class KeyRing:
    """The valid keys, and the problems of invalid files."""

    def __init__(self, keys: Mapping[bytes, Key], problems: tuple[str, ...] = ()) -> None:
        self.problems = problems
        self._keys: dict[bytes, list[tuple[bytes, Key]]] = {}
        for digest, key in keys.items():
            self._keys.setdefault(digest[:_PREFIX_BYTES], []).append((digest, key))
        self._size = len(keys)

    def __len__(self) -> int:
        return self._size

    @classmethod
    def parse(cls, files: Mapping[str, bytes]) -> KeyRing:
        """The ring made of these files (name -> content). Never raises; `problems` names every wrong file."""
        keys: dict[bytes, Key] = {}
        problems: list[str] = []
        for name in sorted(files):
            try:
                digest, key = _parse_file(name, files[name])
                if digest in keys:
                    raise ValueError(f"has the same key as file {keys[digest].name!r}; remove one of them")
                keys[digest] = key
            except ValueError as error:
                problems.append(f"API key file {name!r} {error}")
        return cls(keys, tuple(problems))

    def find(self, authorization: bytes) -> Key | None:
        """The key in the value of an Authorization header (`Bearer KEY`), or None when it is not valid."""
        if authorization[:7].lower() != _SCHEME:
            return None
        digest = sha256(authorization[7:].strip()).digest()
        for known, key in self._keys.get(digest[:_PREFIX_BYTES], ()):
            if compare_digest(known, digest):
                return key
        return None


def read_keys(folder: Path) -> dict[str, bytes]:
    """The files of a mounted Secret, name -> content. Raises OSError when the folder cannot be read.

    Dot-files are the kubelet's own (`..data`). A file that disappears during the read has been removed.
    """
    files: dict[str, bytes] = {}
    for path in folder.iterdir():
        if path.name.startswith(".") or not path.is_file():
            continue
        try:
            files[path.name] = path.read_bytes()
        except FileNotFoundError:
            continue
    return files


def _parse_file(name: str, content: bytes) -> tuple[bytes, Key]:
    """Digest and key. Raises ValueError with the problem and the remedy."""
    try:
        document: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise ValueError(f"is not JSON; write {_EXAMPLE}") from None
    if not isinstance(document, dict):
        raise ValueError(f"is not a JSON object; write {_EXAMPLE}")
    # A misspelt "models" would otherwise give the key every model.
    if unknown := document.keys() - _FIELDS:
        raise ValueError(f"has {len(unknown)} unknown field(s); a key file has only sha256 and models")
    digest = _parse_digest(document.get("sha256"))
    if "models" not in document:
        return digest, Key(name)
    models = document["models"]
    if not isinstance(models, list) or not all(isinstance(model, str) for model in models):
        raise ValueError("needs a list of model names in models; leave models out to allow every model")
    return digest, Key(name, frozenset(models))


def _parse_digest(value: object) -> bytes:
    try:
        digest = bytes.fromhex(value) if isinstance(value, str) and len(value) == 64 else b""
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise ValueError(f"needs sha256 with 64 hex digits; write {_EXAMPLE}")
    if digest == _EMPTY_KEY:
        raise ValueError("holds the digest of an empty key, which no client can send; was $KEY empty?")
    return digest
