"""TLS on a port of its own: a certificate that may change, and handshakes that are bounded."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from fairlead_gateway.admission.fair_shares import FairShares, address_holder
from fairlead_gateway.bounds import HANDSHAKE_SECONDS, MAX_HANDSHAKES, STALLED_READER_SECONDS

# uvicorn's.
_BACKLOG = 2048
# Without a free descriptor none can be accepted; one may be free a moment later.
_PAUSE_SECONDS = 0.1
_log = logging.getLogger("fairlead.router")


class Certificate:
    """The certificate and key in a folder, as a mounted Secret of the type kubernetes.io/tls has them."""

    def __init__(self, folder: Path) -> None:
        """Raises ValueError, which names the files, unless they are a certificate and its key."""
        self._files = folder / "tls.crt", folder / "tls.key"
        self.context = _server_context()
        """For new connections; `refresh` changes the certificate in it."""
        self._seen: object = None
        try:
            self._seen = self._state()
            self._load()
        except (OSError, ssl.SSLError) as error:
            message = f"{self._problem(error)} router.tls.secretName must name a TLS Secret."
            raise ValueError(message) from None

    def refresh(self) -> None:
        """Takes a changed certificate. While it is not usable, the former one stays."""
        try:
            state = self._state()
            if state == self._seen:
                return
            self._seen = state
            self._load()
        except (OSError, ssl.SSLError) as error:
            _log.error("%s The former certificate stays in use.", self._problem(error))
        else:
            _log.info("The TLS certificate has changed")

    def _state(self) -> object:
        return [(found.st_ino, found.st_mtime_ns) for found in (file.stat() for file in self._files)]

    def _load(self) -> None:
        # A certificate without its key would leave a context that completes no handshake.
        _server_context().load_cert_chain(*self._files)
        self.context.load_cert_chain(*self._files)

    def _problem(self, error: Exception) -> str:
        certificate, key = self._files
        return f"{certificate} and {key} are not a certificate and its key: {error}."


class TlsAcceptor:
    """Accepts the connections of one bound socket. The HTTP protocol gets them after their handshake.

    asyncio's own server begins a handshake for every connection, however many there are. Its `close` and
    `wait_closed` are those of asyncio's server.
    """

    def __init__(
        self, listening: socket.socket, context: ssl.SSLContext, make: Callable[[], asyncio.Protocol]
    ) -> None:
        self._listening, self._context, self._make = listening, context, make
        self._shares = FairShares(MAX_HANDSHAKES)
        self._handshakes: set[asyncio.Task[None]] = set()
        listening.setblocking(False)
        listening.listen(_BACKLOG)
        self._task = asyncio.create_task(self._accept())

    def close(self) -> None:
        """Accepts no more connections."""
        self._task.cancel()

    async def wait_closed(self) -> None:
        """Returns when the handshakes are over."""
        await asyncio.gather(self._task, *self._handshakes, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    connection, address = await loop.sock_accept(self._listening)
                except OSError:
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                holder = address_holder(str(address[0]))
                if not self._shares.take(holder, 1):
                    connection.close()
                    continue
                task = loop.create_task(self._shake_hands(connection, holder))
                self._handshakes.add(task)
                task.add_done_callback(self._handshakes.discard)
        finally:
            self._listening.close()

    async def _shake_hands(self, connection: socket.socket, holder: str) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make,
                connection,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                # The protocol itself ends a connection whose client does not read.
                ssl_shutdown_timeout=STALLED_READER_SECONDS,
            )
        except OSError:
            # No TLS, a client that does not trust the certificate, or one that is gone.
            connection.close()
        finally:
            self._shares.give_back(holder, 1)


def _server_context() -> ssl.SSLContext:
    """Python's secure defaults for servers: TLS 1.2 and newer."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    return context
