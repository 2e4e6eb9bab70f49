"""A number that rises when the operator should look at once, and how its long poll waits for that."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class ChangeCursor:
    """`cursor` counts what happened since the process started."""

    def __init__(self) -> None:
        self.cursor = 0
        self._event = asyncio.Event()

    def up(self) -> None:
        """Something happened: whoever waits is told at once."""
        self.cursor += 1
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def wait_above(self, cursor: int, seconds: float) -> None:
        """Returns when the cursor is above this one, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                # A cursor of a former process says nothing about this one.
                while self.cursor == cursor:
                    await self._event.wait()
