"""The download order, as the operator writes it into the container's environment."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from pydantic import ValidationError

from fairlead_contract.download_order import DownloadJob, DownloadOrder
from fairlead_contract.names import DOWNLOAD_ORDER_VARIABLE
from fairlead_contract.paths import GGUF_ENDING

# Without a new byte for so long, the container ends; kubelet starts it again, with its own growing pauses.
PATIENCE_SECONDS = 600

_REPOSITORY = re.compile(r"hf://([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:/(.+[.]gguf))?")
_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]+)(?:/(.*))?")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class JobError(ValueError):
    """The environment variable is not what the operator writes."""


@dataclass(frozen=True)
class Job:
    """One folder of weights, or a GGUF file in a folder with what belongs to it.

    `target` becomes a link to the folder. `endpoint` is the URL of another hub or of an S3 service.
    """

    name: str
    source: str
    target: str
    revision: str | None = None
    endpoint: str | None = None
    region: str | None = None

    def __post_init__(self) -> None:
        if not (_REPOSITORY.fullmatch(self.source) or _BUCKET.fullmatch(self.source)):
            forms = "hf://ORG/NAME, hf://ORG/NAME/FILE.gguf nor s3://BUCKET/PATH"
            raise JobError(f"source {self.source!r} is neither {forms}")
        # Both become paths below the cache.
        if ".." in self.source.split("/") or ".." in (self.revision or ""):
            raise JobError(f"{self.source!r} at revision {self.revision!r} leads out of the cache")
        if not self.target.startswith("/"):
            raise JobError(f"target {self.target!r} is not an absolute path")

    @property
    def repository(self) -> str | None:
        """ORG/NAME of a hub's repository; None for other sources."""
        match = _REPOSITORY.fullmatch(self.source)
        return match.group(1) if match else None

    @property
    def bucket(self) -> tuple[str, str]:
        """Bucket and path (no slash at its ends) of an S3 source, without its file. Raises JobError for
        others.
        """
        match = _BUCKET.fullmatch(self.source)
        if not match:
            raise JobError(f"source {self.source!r} is not s3://BUCKET/PATH")
        path = match.group(2) or ""
        return match.group(1), path.removesuffix(self.file).strip("/")

    @property
    def file(self) -> str:
        """The GGUF file that is chosen, as a path in the repository or in the folder; "" for none. A slash at
        the end of an S3 path makes it a folder, whatever its name.
        """
        if match := _REPOSITORY.fullmatch(self.source):
            return match.group(2) or ""
        match = _BUCKET.fullmatch(self.source)
        last = (match.group(2) or "").rpartition("/")[2] if match else ""
        return last if last.endswith(GGUF_ENDING) else ""

    @property
    def pinned(self) -> bool:
        """Whether the revision is a commit, whose content can never change."""
        return self.repository is not None and bool(_COMMIT.fullmatch(self.revision or ""))

    @property
    def key(self) -> str:
        """The same for all pods with the same order; part of file names in the cache."""
        order = json.dumps([self.source, self.revision, self.endpoint]).encode()
        return f"{re.sub(r'[^A-Za-z0-9]+', '-', self.source)[:60]}-{hashlib.sha256(order).hexdigest()[:16]}"


@dataclass(frozen=True)
class Order:
    """All jobs of one pod.

    `state` is the progress file. `capacity_bytes` bounds what the cache may hold where the disk itself does
    not show it (the size limit of an emptyDir).
    """

    jobs: tuple[Job, ...]
    cache: str
    state: str
    capacity_bytes: int | None = None
    patience_seconds: float = PATIENCE_SECONDS

    @property
    def source(self) -> str:
        """Of the model; adapters come after it."""
        return self.jobs[0].source


def parse(text: str) -> Order:
    """Reads the order; raises JobError. Ignores unknown keys: the operator may be newer than this image."""
    try:
        document = DownloadOrder.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise JobError(f"{DOWNLOAD_ORDER_VARIABLE} cannot be read: {place}: {first['msg']}") from None
    patience = document.patience_seconds
    return Order(
        jobs=tuple(map(_job, document.jobs)),
        cache=document.cache,
        state=document.state,
        capacity_bytes=document.capacity_bytes,
        patience_seconds=PATIENCE_SECONDS if patience is None else patience,
    )


def _source(text: str) -> str:
    """Without slashes at its end, but for one that keeps a folder from being taken for a GGUF file."""
    bare = text.rstrip("/")
    return f"{bare}/" if bare != text and bare.endswith(GGUF_ENDING) else bare


def _job(job: DownloadJob) -> Job:
    return Job(
        name=job.name,
        source=_source(job.source),
        target=job.target,
        revision=job.revision or None,
        endpoint=(job.endpoint or "").rstrip("/") or None,
        region=job.region or None,
    )
