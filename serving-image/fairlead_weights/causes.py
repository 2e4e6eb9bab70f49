"""Causes of a blocked download: a reason for machines, a message with the remedy for users.

The reasons are those of the operator's catalogue. This module maps HTTP statuses and errno to them.
"""

from __future__ import annotations

import errno
import json
from dataclasses import dataclass

# Kubernetes keeps 4096 bytes of a termination message; so many characters stay below it in any script.
MESSAGE_CHARS = 800

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
# The errors of opening a link with O_NOFOLLOW.
_LINK = {errno.ELOOP, errno.EMLINK}


@dataclass(frozen=True)
class DownloadCause:
    """`reason` is one of the catalogue."""

    reason: str
    message: str

    def as_document(self) -> dict[str, str]:
        """Its form in the progress file."""
        return {"reason": self.reason, "message": self.message}


class DownloadError(Exception):
    """A download that cannot go on now.

    `transient`: worth another try; `retry_after`: the pause in seconds that the server requested.
    """

    def __init__(
        self, reason: str, message: str, *, transient: bool = False, retry_after: float | None = None
    ) -> None:
        # One line without control characters, because it ends in conditions and events.
        line = " ".join("".join(sign if sign.isprintable() else " " for sign in message).split())
        self.cause = DownloadCause(
            reason, line if len(line) <= MESSAGE_CHARS else line[: MESSAGE_CHARS - 1] + "…"
        )
        self.transient = transient
        self.retry_after = retry_after
        super().__init__(self.cause.message)


class SourceChangedError(Exception):
    """The source no longer has the files of its listing; a new listing helps."""


def termination_message(cause: DownloadCause, exit_code: int) -> bytes:
    """The JSON that Kubernetes shows as the container's termination message."""
    return json.dumps({**cause.as_document(), "exitCode": exit_code}, ensure_ascii=False).encode()


def of_status(status: int, server: str, message: str, retry_after: float | None = None) -> DownloadError:
    """The error for an HTTP status of a weights server. `message` has the request and the answer."""
    text = f"{server} answered {message}"
    if status == 429:
        return DownloadError("WeightsRateLimited", text, transient=True, retry_after=retry_after)
    if status == 408 or status >= 500:
        return DownloadError("WeightsUnavailable", text, transient=True, retry_after=retry_after)
    reasons = {401: "WeightsUnauthorized", 403: "WeightsForbidden", 404: "WeightsNotFound"}
    return DownloadError(reasons.get(status, "WeightsUnavailable"), text)


def of_os_error(error: OSError, cache: str, owner: str = "") -> DownloadError:
    """The error for a failed operation on the cache; `owner` names the owner of the folder and this user."""
    if error.errno in _FULL:
        return DownloadError("DiskFull", f"The disk of the cache {cache} is full: {error.strerror}.")
    if error.errno in _DENIED:
        remedy = (
            "Make the volume writable for that user (fsGroup in the pod's securityContext, or chown), "
            "or give another cache in spec.model.cache."
        )
        return DownloadError("CacheNotWritable", f"The cache cannot be written: {error}. {owner} {remedy}")
    if error.errno in _LINK:
        return DownloadError(
            "WeightsCorrupt", f"The cache has a link where a file belongs: {error}. Remove it."
        )
    return DownloadError("CacheNotWritable", f"The cache {cache} fails: {error}.")


def disk_full(needed: int, free: int, cache: str) -> DownloadError:
    """`needed` further bytes do not fit into `free` bytes."""
    return DownloadError(
        "DiskFull",
        f"The weights need {human(needed)} more and the cache {cache} has {human(free)} free: "
        f"{human(needed - free)} are missing.",
    )


def human(size: float) -> str:
    """Bytes with a binary unit: "1.5 GiB"."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
