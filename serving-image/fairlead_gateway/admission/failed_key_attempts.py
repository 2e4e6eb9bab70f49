"""Limits how often one address may try API keys that are not valid.

A key that was valid before is always let through, so that an attacker behind the same address (a proxy, a
router) does not lock the others out. While an address has used up its attempts, every other key from it is
refused without a check: otherwise valid and invalid keys would get different answers, and guessing would not
be slower.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

from fairlead_gateway.bounds import (
    MAX_COUNTED_ADDRESSES,
    MAX_REMEMBERED_KEYS,
    WRONG_KEY_SECONDS,
    WRONG_KEYS_BURST,
)
from fairlead_gateway.contract.errors import ApiError


class FailedKeyAttempts:
    """A token bucket for each source of keys: an address, or an address and a model.

    `clock` is monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # When the bucket of a source is full again; absent for a full one.
        self._full_at: OrderedDict[str, float] = OrderedDict()
        # Hashes, not keys: Python's are salted for each process, so they are of no use outside of it.
        self._valid: OrderedDict[int, None] = OrderedDict()

    def require(self, place: str, authorization: bytes, scope: str = "") -> None:
        """Raises ApiError 429 if a key from this source must wait before it is checked.

        `scope` is what the key is for, where it may be valid for one thing and not for another.
        """
        full_at = self._full_at.get(place)
        if full_at is None or hash((scope, authorization)) in self._valid:
            return
        wait = full_at - self._clock() - (WRONG_KEYS_BURST - 1) * WRONG_KEY_SECONDS
        if wait > 0:
            message = "Too many API keys from this address were not valid; try again later."
            retry = {"retry-after": str(math.ceil(wait))}
            raise ApiError(429, message, "rate_limit_exceeded", headers=retry)

    def failed(self, place: str) -> None:
        """Counts a key from this source that was not valid."""
        now = self._clock()
        self._full_at[place] = max(now, self._full_at.get(place, now)) + WRONG_KEY_SECONDS
        self._full_at.move_to_end(place)
        if len(self._full_at) > MAX_COUNTED_ADDRESSES:
            self._full_at.popitem(last=False)

    def succeeded(self, authorization: bytes, scope: str = "") -> None:
        """Remembers this value of the Authorization header as a valid key."""
        known = hash((scope, authorization))
        if known in self._valid:
            return
        self._valid[known] = None
        if len(self._valid) > MAX_REMEMBERED_KEYS:
            self._valid.popitem(last=False)
