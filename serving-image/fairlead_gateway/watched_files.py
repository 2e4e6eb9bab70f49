"""Notices that files were replaced: the kubelet changes mounted ConfigMaps and Secrets under a process."""

from __future__ import annotations

from pathlib import Path

State = tuple[tuple[str, int, int], ...]


class WatchedFiles:
    """Files, and folders with all files in them. They may be absent."""

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._seen = self._state()

    def changed(self) -> bool:
        """Whether anything is different since the last call."""
        state = self._state()
        changed, self._seen = state != self._seen, state
        return changed

    def _state(self) -> State:
        """An identity of the present versions. The kubelet swaps whole folders by a link."""
        files: list[Path] = []
        for path in self._paths:
            files += sorted(path.iterdir()) if path.is_dir() else [path]
        return tuple(_stamp(path) for path in files)


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (str(path), 0, 0)
    return (str(path), status.st_ino, status.st_mtime_ns)
