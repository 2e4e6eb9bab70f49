"""A number that rises with each change that the operator should see at once, and its long poll."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class ChangeCursor:
    """`cursor` counts what happened since the process started."""

    def __init__(self) -> None:
        self.cursor = 0
        self._ended = False
        self._event = asyncio.Event()

    def up(self) -> None:
        """Counts a change, and ends all long polls."""
        self.cursor += 1
        event, self._event = self._event, asyncio.Event()
        event.set()

    def end_polls(self) -> None:
        """Ends all long polls, those to come too: the process stops, and a poll would outlast it."""
        self._ended = True
        self._event.set()

    async def wait_above(self, cursor: int, seconds: float) -> None:
        """Returns when the cursor is above this one, after so many seconds, or when polls are ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                # A cursor of a former process is not comparable with this one.
                while self.cursor == cursor and not self._ended:
                    await self._event.wait()
