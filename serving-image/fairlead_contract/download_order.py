"""The order for the download of weights: JSON that the operator writes into the container's environment."""

from __future__ import annotations

from pydantic import Field

from fairlead_contract.document import OperatorDocument


class DownloadJob(OperatorDocument):
    """One folder of weights, or one GGUF file: the model, or an adapter by its name."""

    name: str
    source: str
    revision: str | None = None
    endpoint: str | None = None
    """The URL of another hub or of an S3 service."""
    region: str | None = None
    target: str
    """The absolute path that becomes a link to the downloaded folder."""


class DownloadOrder(OperatorDocument):
    """All jobs of one pod, the model first."""

    jobs: tuple[DownloadJob, ...] = Field(min_length=1)
    cache: str
    """The absolute path of the cache's folder."""
    state: str
    """The absolute path of the file for the progress."""
    capacity_bytes: int | None = None
    """Bytes that the cache may hold, where its disk does not show that, as with the size limit of an
    emptyDir. None: as much as the disk has room for.
    """
    patience_seconds: float | None = None
    """Seconds without a new byte after which the download gives up. None: the download's own default."""
