"""The Hugging Face Hub, or another server with its API (a mirror inside the company).

Listings, addresses, headers and errors are huggingface_hub's. Plain HTTP instead of Xet, because an
unfinished Xet transfer cannot be continued by another process, and because mirrors do not support it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError
from huggingface_hub.utils import (
    build_hf_headers,
    get_session,
    hf_raise_for_status,
    parse_ratelimit_headers,
)

from .backoff import retry_after
from .bounds import MAX_PAUSE_SECONDS
from .causes import DownloadError, of_status
from .client import CONTENT, use_hub
from .fetch import CONNECT_SECONDS, READ_SECONDS, Body
from .listing import (
    GIT_OBJECT,
    Item,
    Listing,
    check_number,
    check_path,
    check_revision,
    checked,
    select_paths,
)

_TIMEOUT = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")
_LIBRARY = "fairlead"
# Errors of a server without HTTP, or without the hub's API. The next try would have the same result.
_NOT_A_HUB = (
    *(ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError),
    *(httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.TooManyRedirects, httpx2.DecodingError),
)


class HubSource:
    """One repository at one revision, or one GGUF file of it with what belongs to it. `token` may be empty,
    `endpoint` None for huggingface.co.
    """

    def __init__(
        self, repository: str, revision: str, endpoint: str | None, token: str, file: str = ""
    ) -> None:
        self._repository, self._revision, self._endpoint = repository, revision, endpoint
        self._file = file
        # False, not None: no token of some file, only the one that was given.
        self._token: str | bool = token or False
        self._api = HfApi(endpoint=endpoint, token=self._token, library_name=_LIBRARY)
        use_hub(self._api.endpoint)
        self._commit = revision

    def listing(self) -> Listing:
        """The files that the revision holds now."""
        with self._errors("the repository"):
            info = self._api.model_info(
                self._repository, revision=self._revision, files_metadata=True, timeout=READ_SECONDS
            )
            self._commit = self._check_commit(info.sha)
            check_number(len(info.siblings or ()), self._server)
            siblings = {check_path(file.rfilename, self._server): file for file in info.siblings or ()}
            items = [self._item(siblings[path]) for path in self._select(siblings)]
        if not items:
            raise DownloadError("WeightsNotFound", f"The repository {self._repository} has no files.")
        return checked(items, self._server, self._commit)

    def _select(self, paths: Iterable[str]) -> list[str]:
        return select_paths(paths, f"hf://{self._repository}", self._file)

    def _check_commit(self, commit: object) -> str:
        """The commit becomes a folder's name. A commit in the spec must be the one that is downloaded."""
        found = check_revision(commit, self._server)
        if GIT_OBJECT.fullmatch(self._revision) and found != self._revision:
            message = f"{self._server} answers with the commit {found} where {self._revision} was requested."
            raise DownloadError("WeightsCorrupt", message)
        return found

    def _item(self, file: Any) -> Item:
        if file.lfs is not None:
            digest = self._check_digest(file.lfs.sha256, _SHA256, file.rfilename)
            return Item(file.rfilename, file.lfs.size, digest, ("sha256", digest))
        if file.size is not None and file.blob_id:
            digest = self._check_digest(file.blob_id, GIT_OBJECT, file.rfilename)
            algorithm = "git-sha1" if _SHA1.fullmatch(digest) else "git-sha256"
            return Item(file.rfilename, file.size, digest, (algorithm, digest))
        return self._item_from_headers(file.rfilename)

    def _check_digest(self, digest: object, form: re.Pattern[str], path: str) -> str:
        """Contents are shared by their digests, so nothing else may become a content's name."""
        if not isinstance(digest, str) or not form.fullmatch(digest):
            message = f"{self._server} gives {path} the digest {digest!r:.200}, which is none."
            raise DownloadError("WeightsCorrupt", message)
        return digest

    def _item_from_headers(self, path: str) -> Item:
        # Some mirrors list names only.
        metadata = get_hf_file_metadata(
            self._url(path), token=self._token, timeout=READ_SECONDS, endpoint=self._endpoint
        )
        if metadata.etag is None or metadata.size is None:
            raise ValueError(f"an answer for {path} without ETag or size")
        kinds = (("sha256", _SHA256), ("git-sha1", _SHA1))
        digest = next(((kind, metadata.etag) for kind, form in kinds if form.fullmatch(metadata.etag)), None)
        return Item(path, metadata.size, metadata.etag, digest)

    @contextmanager
    def open(self, item: Item, offset: int) -> Iterator[Body]:
        """The content from a byte on."""
        headers = build_hf_headers(token=self._token, library_name=_LIBRARY)
        # Positions must be those of the file itself.
        headers["accept-encoding"] = "identity"
        if offset:
            headers["range"] = f"bytes={offset}-"
        with (
            self._errors(item.path),
            get_session().stream(
                "GET", self._url(item.path), headers=headers, timeout=_TIMEOUT, extensions=CONTENT
            ) as response,
        ):
            if response.is_error:
                response.read()
            hf_raise_for_status(response)
            start = offset if response.status_code == 206 else 0
            # Unbuffered: bytes gathered for larger chunks would be lost when the connection breaks.
            yield Body(start, response.iter_raw())

    def _url(self, path: str) -> str:
        return hf_hub_url(self._repository, path, revision=self._commit, endpoint=self._endpoint)

    @contextmanager
    def _errors(self, subject: str) -> Iterator[None]:
        try:
            yield
        except HfHubHTTPError as error:
            raise self._of_answer(error, subject) from error
        except _NOT_A_HUB as error:
            message = f"{self._server} does not answer as a hub does: {type(error).__name__}: {error}"
            raise DownloadError("WeightsUnavailable", message) from error
        except httpx2.RequestError as error:
            message = f"{self._server} cannot be reached: {type(error).__name__}: {error}"
            raise DownloadError("WeightsUnavailable", message, transient=True) from error

    @property
    def _server(self) -> str:
        return f"The hub {self._api.endpoint}"

    def _of_answer(self, error: HfHubHTTPError, subject: str) -> DownloadError:
        status, headers = error.response.status_code, error.response.headers
        limits = parse_ratelimit_headers(headers) if status == 429 else None
        pause = retry_after(headers, time.time())
        if pause is None and limits is not None and limits.remaining == 0:
            pause = float(min(limits.reset_in_seconds, MAX_PAUSE_SECONDS))
        where = f"{self._repository} at revision {self._revision}"
        server_text = error.server_message or headers.get("x-error-message") or ""
        text = f"HTTP {status} for {subject} ({where}). {self._remedy(error, status)} {server_text}"
        return of_status(status, self._server, text, pause)

    def _remedy(self, error: HfHubHTTPError, status: int) -> str:
        if status == 401 and not self._token:
            return "It does not exist, or it needs a token, and spec.model.credentials names none."
        if status == 401:
            return "The token was refused."
        if isinstance(error, GatedRepoError):
            return "The token's account must accept the model's licence first."
        return ""
