"""The API key of a connection.

A client sends its key with every request on the same connection; the digest is made once for all of them. The
comparison need not take constant time, because the same client has sent both values.
"""

from __future__ import annotations

import time

from fairlead_gateway.contract.errors import unauthorized

from .failed_key_attempts import FailedKeyAttempts
from .key import Key
from .keys import KeyRing


class ConnectionAuth:
    """Checks the keys that come over one connection. `address` is the holder of its client, `holder` that of
    the key that was checked last.
    """

    __slots__ = ("_authorization", "_key", "_ring", "address", "holder")

    def __init__(self, address: str) -> None:
        self.address = self.holder = address
        self._ring: KeyRing | None = None
        self._authorization = b""
        self._key: Key | None = None

    def check(self, ring: KeyRing, authorization: bytes, attempts: FailedKeyAttempts) -> Key:
        """The key and its owner, by the value of the Authorization header.

        Raises ApiError 401, or 429 when the address has tried too many wrong keys.
        """
        if ring is not self._ring or authorization != self._authorization:
            if authorization:
                attempts.require(self.address, authorization)
            self._key = ring.find(authorization)
            self._ring, self._authorization = ring, authorization
            if self._key is not None:
                self.holder = f"key {self._key.name}"
                attempts.succeeded(authorization)
            elif authorization:
                attempts.failed(self.address)
        if self._key is None or self._key.expires_at <= time.time():
            raise unauthorized(authorization)
        return self._key
