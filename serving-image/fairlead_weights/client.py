"""The HTTP client that huggingface_hub and the download itself use for a hub.

It bounds what is read as a whole, keeps the token for the hub alone, and remembers nothing that a server
sets.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2
from huggingface_hub import set_client_factory

from .answers import beginning, bounded, unpacked
from .bounds import MAX_ANSWER_BYTES, MAX_ERROR_BYTES, MAX_REDIRECTS

# For the `extensions` of a request whose answer is a file: it is streamed, and bounded by the file's size.
CONTENT = {"fairlead_content": True}
_GZIP = ("gzip", "x-gzip")
_DEFAULT_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int | None]
# The hubs of this process. The token is for all of them: a pod has one.
_hubs: set[Origin] = set()


def use_hub(endpoint: str) -> None:
    """Makes this module's client the one of huggingface_hub, which may send the token to `endpoint`."""
    scheme, host, port = _origin(httpx2.URL(endpoint))
    _hubs.add((scheme, host, port))
    if (scheme, port) == ("http", _DEFAULT_PORTS["http"]):
        # A hub may send its clients to its encrypted self.
        _hubs.add(("https", host, _DEFAULT_PORTS["https"]))
    set_client_factory(_make_client)
    # The library's own handler would write each of its records a second time, as plain text.
    logging.getLogger("huggingface_hub").handlers.clear()


def _make_client() -> httpx2.Client:
    return httpx2.Client(
        # Unencoded: sizes and positions are those of the files, and nothing has to be unpacked.
        headers={"accept-encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        event_hooks={"request": [_keep_token], "response": [_bound]},
        follow_redirects=True,
        max_redirects=MAX_REDIRECTS,
        timeout=None,
    )


def _origin(url: httpx2.URL) -> Origin:
    return url.scheme, url.host, url.port or _DEFAULT_PORTS.get(url.scheme)


def _keep_token(request: httpx2.Request) -> None:
    """Only for a configured hub: not for its storage, nor for huggingface.co behind a mirror."""
    if _origin(request.url) not in _hubs:
        request.headers.pop("authorization", None)


def _bound(response: httpx2.Response) -> None:
    # huggingface_hub logs and remembers each of them.
    response.headers.pop("x-hf-warning", None)
    if response.is_success and CONTENT.items() <= response.request.extensions.items():
        return
    stream = response.stream
    assert isinstance(stream, httpx2.SyncByteStream)
    server = f"The hub {response.request.url.host}"
    chunks: Iterable[bytes] = stream
    encoding = response.headers.pop("content-encoding", "identity").strip().lower()
    if encoding in _GZIP:
        chunks = unpacked(chunks)
    elif encoding != "identity" and response.is_success:
        raise ValueError(f"a list of files packed with {encoding[:40]!r}, which was not requested")
    elif encoding != "identity":
        chunks = ()
    if response.is_success:
        response.stream = _Answer(stream, bounded(chunks, MAX_ANSWER_BYTES, server))
    else:
        response.stream = _Answer(stream, beginning(chunks, MAX_ERROR_BYTES))


class _Answer(httpx2.SyncByteStream):
    """A response's stream with other chunks."""

    def __init__(self, stream: httpx2.SyncByteStream, chunks: Iterator[bytes]) -> None:
        self._stream, self._chunks = stream, chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        self._stream.close()
