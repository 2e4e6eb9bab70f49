"""What the operator orders from the download of weights, as JSON in the container's environment."""

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
    """The folder of the cache."""
    state: str
    """The file for the progress."""
    capacity_bytes: int | None = None
    """What the cache may hold where the disk itself does not say, as with the size limit of an emptyDir."""
    patience_seconds: float | None = None
    """How long without a new byte until the download gives up. None: the download's own default."""
