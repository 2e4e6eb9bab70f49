"""Settings and keys follow their files: the kubelet replaces them under a running gateway.

So a changed default, limit or key restarts neither gateway nor engine. Files that are unreadable or invalid
are logged and change nothing.
"""

from __future__ import annotations

import logging

from pydantic import ValidationError

from fairlead_contract.gateway_settings import GatewaySettings

from .admission.identity import IdentityVerifier
from .admission.keys import KeyRing, read_keys
from .gateway_context import GatewayContext
from .settings import ProcessSettings, load_settings
from .watched_files import WatchedFiles

_log = logging.getLogger("fairlead.gateway")


class SettingsError(Exception):
    """The settings on disk cannot be used; the message has the cause."""


def load(process: ProcessSettings) -> tuple[GatewaySettings, KeyRing]:
    """Settings and keys as they are on disk. Raises SettingsError."""
    try:
        settings = load_settings(process.config, process.pinned)
        files = read_keys(process.keys_dir) if settings.auth.mode == "APIKey" else {}
        identities = identities_of(settings)
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"{process.config}: {'; '.join(problems)}") from None
    except OSError as error:
        raise SettingsError(str(error)) from None
    except ValueError as error:
        raise SettingsError(f"{process.config}: {error}") from None
    return settings, KeyRing.parse(files, identities)


def identities_of(settings: GatewaySettings) -> IdentityVerifier | None:
    """What checks routers' identities; None without public keys. Raises ValueError for a key that is none."""
    resource, identity = settings.resource, settings.identity
    if not identity.public_keys:
        return None
    return IdentityVerifier(identity.public_keys, f"{resource.namespace}/{resource.name}")


class Reloader:
    """Notices changed files and applies them."""

    def __init__(self, services: GatewayContext) -> None:
        self._services = services
        process = services.process
        self._files = WatchedFiles(process.config, process.keys_dir)

    def check(self) -> None:
        """Applies what changed since the last call."""
        if not self._files.changed():
            return
        services = self._services
        try:
            services.apply(*load(services.process))
        except (SettingsError, ValueError) as error:
            services.telemetry.settings_current = False
            services.problems = (f"changed settings are not in effect: {error}",)
        else:
            services.telemetry.settings_current = True
            _log.info("changed settings are in effect")
        for problem in services.problems:
            _log.error("%s", problem)
