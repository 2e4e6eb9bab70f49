"""The router's API keys and its identity key follow their files: the kubelet replaces mounted Secrets.

So a new or revoked key needs no restart. Files that cannot be read are logged and change nothing.
"""

from __future__ import annotations

import logging

from fairlead_gateway.admission.identity import IdentitySigner
from fairlead_gateway.admission.keys import KeyRing, read_keys
from fairlead_gateway.watched_files import WatchedFiles

from .router_context import RouterContext
from .settings import RouterSettings

_log = logging.getLogger("fairlead.router")


class KeyFiles:
    """Puts the keys on disk into effect. Raises ValueError or OSError where the router cannot start.

    A missing key folder is an error; one without a key is not, and admits no client.
    """

    def __init__(self, services: RouterContext) -> None:
        self._services = services
        settings = services.settings
        self._files = WatchedFiles(settings.keys_dir, settings.identity_file)
        self._apply(*_load(settings))

    def check(self) -> None:
        """Applies what has changed since the last call."""
        if not self._files.changed():
            return
        try:
            loaded = _load(self._services.settings)
        except (OSError, ValueError) as error:
            _log.error("changed API keys are not in effect: %s", error)
            return
        self._apply(*loaded)
        _log.info("changed API keys are in effect")

    def _apply(self, keys: KeyRing, signer: IdentitySigner) -> None:
        self._services.keys, self._services.signer = keys, signer
        for problem in keys.problems:
            _log.error("%s", problem)


def _load(settings: RouterSettings) -> tuple[KeyRing, IdentitySigner]:
    keys = KeyRing.parse(read_keys(settings.keys_dir), classes=settings.classes)
    try:
        return keys, IdentitySigner(settings.identity_file.read_bytes())
    except ValueError as error:
        raise ValueError(f"{settings.identity_file}: {error}") from None
