"""The lock of a cache, on a disk that has none."""

from __future__ import annotations

import errno
import fcntl
from pathlib import Path

import pytest

from fairlead_weights.locks import CacheLock
from fairlead_weights.reporter import Reporter


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_cache_on_a_file_system_without_locks_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(number, "no locks here")

    # No such disk can be had everywhere; what they answer is documented in flock(2).
    monkeypatch.setattr(fcntl, "flock", refuse)
    lock = CacheLock(tmp_path, "key")

    lock.acquire(Reporter(tmp_path / "weights.json", "hf://acme/tiny"))

    assert lock.held
    assert "no locks here" in capsys.readouterr().err
    lock.release()
    assert not lock.held
