"""Who stands behind a connection.

A client sends its key with every request on the same connection; the digest is made once for all of them.
What is compared without care for time are two things that the same client has sent.
"""

from __future__ import annotations

from fairlead_gateway.contract.errors import unauthorized

from .keys import Key, KeyRing


class Door:
    """Checks the keys that come over one connection."""

    __slots__ = ("_authorization", "_key", "_ring")

    def __init__(self) -> None:
        self._ring: KeyRing | None = None
        self._authorization = b""
        self._key: Key | None = None

    def check(self, ring: KeyRing, authorization: bytes) -> Key:
        """Whose key it is, by the value of the Authorization header. Raises ApiError 401."""
        if ring is not self._ring or authorization != self._authorization:
            self._key = ring.find(authorization)
            self._ring, self._authorization = ring, authorization
        if self._key is None:
            raise unauthorized(authorization)
        return self._key
