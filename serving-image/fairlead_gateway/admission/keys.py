"""API keys and what they may do; only the digests of keys are known.

A mounted Secret holds one file per key: the file's name is the key's name, its content an entry as
`fairlead_contract.api_keys` describes it. The key itself is nowhere in the cluster. Two files are two keys,
both valid: that is how a key is rotated.

A key of sufficient length does not need a slow hash, and this runs before every request: one SHA-256, one
dictionary look-up by the first bytes of the digest, and a comparison of the rest that takes the same time
wherever it differs. The look-up can reveal bytes of a digest, never of a key.

Mistakes are found when the files are read, each with its file's name. A wrong file admits no client and does
not affect the other keys. A message never repeats a file's content: it could be a key in plain text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path

from fairlead_contract.api_keys import KeyEntry, parse_entry

from .identity import TOKEN_START, IdentityVerifier
from .key import Key
from .priority_classes import PriorityClasses

_SCHEME = b"bearer "
_PREFIX_BYTES = 8
# The fields of a key that belongs to one model.
_OF_GATEWAY = {"sha256", "models", "expires"}


class KeyRing:
    """The valid keys, and the problems of invalid files. With `identities` their tokens are valid too."""

    def __init__(
        self,
        keys: Mapping[bytes, Key],
        problems: tuple[str, ...] = (),
        identities: IdentityVerifier | None = None,
    ) -> None:
        self.problems, self._identities = problems, identities
        self._keys: dict[bytes, list[tuple[bytes, Key]]] = {}
        for digest, key in keys.items():
            self._keys.setdefault(digest[:_PREFIX_BYTES], []).append((digest, key))
        self._size = len(keys)

    def __len__(self) -> int:
        return self._size

    @classmethod
    def parse(
        cls,
        files: Mapping[str, bytes],
        identities: IdentityVerifier | None = None,
        classes: PriorityClasses | None = None,
    ) -> KeyRing:
        """The ring made of these files (name -> content). Never raises; `problems` names every wrong file.

        Without `classes` the keys are a model's own, in its gateways: these have no limits and no class.
        """
        keys: dict[bytes, Key] = {}
        problems: list[str] = []
        for name in sorted(files):
            try:
                entry = parse_entry(files[name])
                digest, key = bytes.fromhex(entry.sha256), _key(name, entry, classes)
                if digest in keys:
                    raise ValueError(f"has the same key as file {keys[digest].name!r}; remove one of them")
                keys[digest] = key
            except ValueError as error:
                problems.append(f"API key file {name!r} {error}")
        return cls(keys, tuple(problems), identities)

    def find(self, authorization: bytes) -> Key | None:
        """The key in the value of an Authorization header (`Bearer KEY`), or None when it is not valid."""
        if authorization[:7].lower() != _SCHEME:
            return None
        given = authorization[7:].strip()
        if self._identities is not None and given.startswith(TOKEN_START):
            return self._identities.find(given)
        digest = sha256(given).digest()
        for known, key in self._keys.get(digest[:_PREFIX_BYTES], ()):
            if compare_digest(known, digest):
                return key
        return None


def _key(name: str, entry: KeyEntry, classes: PriorityClasses | None) -> Key:
    """Raises ValueError with the problem and the remedy."""
    expires = math.inf if entry.expires is None else entry.expires.timestamp()
    models = None if entry.models is None else frozenset(entry.models)
    if classes is None:
        if unused := sorted(entry.model_fields_set - _OF_GATEWAY):
            raise ValueError(
                f"has fields that only a router enforces ({', '.join(unused)}); a model's own key has only "
                f"{', '.join(sorted(_OF_GATEWAY))}"
            )
        return Key(name, models, expires_at=expires)
    priority_class = entry.priority_class or classes.default
    return Key(
        name=name,
        models=models,
        owner=entry.owner or name,
        namespaces=None if entry.namespaces is None else frozenset(entry.namespaces),
        priority_class=priority_class,
        rank=classes.rank(priority_class),
        limits=entry.limits,
        expires_at=expires,
    )


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
