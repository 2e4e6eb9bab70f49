"""Settings and keys follow their files: the kubelet replaces them under a running gateway.

So a changed default, limit or key restarts neither gateway nor engine. Files that are unreadable or invalid
are logged and change nothing.
"""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import ValidationError

from fairlead_contract.gateway_settings import GatewaySettings

from .admission.keys import KeyRing, read_keys
from .gateway_context import GatewayContext
from .settings import ProcessSettings, load_settings

_log = logging.getLogger("fairlead.gateway")
State = tuple[tuple[str, int, int], ...]


class SettingsError(Exception):
    """The settings on disk cannot be used; the message has the cause."""


def load(process: ProcessSettings) -> tuple[GatewaySettings, KeyRing]:
    """Settings and keys as they are on disk. Raises SettingsError."""
    try:
        settings = load_settings(process.config, process.pinned)
        files = read_keys(process.keys_dir) if settings.auth.mode == "APIKey" else {}
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"{process.config}: {'; '.join(problems)}") from None
    except OSError as error:
        raise SettingsError(str(error)) from None
    except ValueError as error:
        raise SettingsError(f"{process.config}: {error}") from None
    return settings, KeyRing.parse(files)


class Reloader:
    """Notices changed files and applies them."""

    def __init__(self, services: GatewayContext) -> None:
        self._services = services
        self._seen = self._state()

    def check(self) -> None:
        """Applies what changed since the last call."""
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
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

    def _state(self) -> State:
        """An identity of the files' present version. The kubelet swaps whole folders by a link."""
        process = self._services.process
        paths = [process.config]
        if process.keys_dir.is_dir():
            paths += sorted(process.keys_dir.iterdir())
        return tuple(_stamp(path) for path in paths)


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (str(path), 0, 0)
    return (str(path), status.st_ino, status.st_mtime_ns)
