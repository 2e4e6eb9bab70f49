"""Reads from the API server, with the token of the pod's service account: lists in pieces, and watches."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import orjson

from fairlead_gateway.bounds import MAX_PIECE_BYTES

Object = dict[str, Any]

# Objects of one piece of a list.
_PIECE = 500
_ANSWER_SECONDS = 30.0
# The API server sends a bookmark about once a minute: a longer silence is a dead connection.
_SILENCE_SECONDS = 75.0
# The server ends a watch after this time, with a fresh version to go on from.
_WATCH_SECONDS = 290
_log = logging.getLogger("fairlead.router")


class GoneError(Exception):
    """The version to continue from is too old: a new list is needed."""


class KubeError(Exception):
    """The API server refused; the message is its own."""


class KubeReader:
    """A client that only reads."""

    def __init__(self, server: str, token_file: Path, ca_file: Path) -> None:
        self._token_file = token_file
        verify: ssl.SSLContext | bool = True
        if server.startswith("https:"):
            verify = ssl.create_default_context(cafile=str(ca_file))
        timeout = httpx2.Timeout(_ANSWER_SECONDS, read=_SILENCE_SECONDS)
        # Without the environment's proxy: the API server is in the cluster.
        self._client = httpx2.AsyncClient(base_url=server, verify=verify, timeout=timeout, trust_env=False)

    async def list(
        self, path: str, query: Mapping[str, str]
    ) -> AsyncGenerator[tuple[dict[str, Object], str], None]:
        """All objects in pieces, each by `key_of`, with the version of the list. Raises GoneError, KubeError
        and what `watch` raises.
        """
        token, limit = "", _PIECE
        while True:
            params = {**query, "limit": str(limit)} | ({"continue": token} if token else {})
            content = await self._piece(path, params)
            if content is None and limit == 1:
                raise KubeError(f"an object of the list has more than {MAX_PIECE_BYTES} bytes")
            if content is None:
                limit //= 2
                continue
            document = orjson.loads(content)
            metadata = document["metadata"]
            yield {key_of(item): item for item in document["items"]}, metadata["resourceVersion"]
            token = metadata.get("continue") or ""
            if not token:
                return

    async def _piece(self, path: str, params: Mapping[str, str]) -> bytes | None:
        """The answer, None if it is too large."""
        parts, size = [], 0
        async with self._client.stream("GET", path, params=params, headers=self._headers()) as response:
            if response.status_code != 200:
                raise _refusal(response.status_code, await response.aread())
            async for data in response.aiter_bytes():
                parts.append(data)
                size += len(data)
                if size > MAX_PIECE_BYTES:
                    return None
        return b"".join(parts)

    async def watch(self, path: str, query: Mapping[str, str], version: str) -> AsyncGenerator[Object, None]:
        """The events since that version until the server ends the watch.

        Raises GoneError if they are not to be had any more, KubeError, httpx2.HTTPError and ValueError.
        """
        params = {
            **query,
            "watch": "1",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        async with self._client.stream("GET", path, params=params, headers=self._headers()) as response:
            if response.status_code != 200:
                raise _refusal(response.status_code, await response.aread())
            rest = b""
            # By bytes: text lines would also end at other line separators, which JSON strings may contain.
            async for data in response.aiter_bytes():
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    if line:
                        yield _event(orjson.loads(line))

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.aclose()

    def _headers(self) -> dict[str, str]:
        """The token is read again: the kubelet replaces it about once an hour."""
        headers = {"accept": "application/json"}
        try:
            headers["authorization"] = f"Bearer {self._token_file.read_text().strip()}"
        except OSError as error:
            _log.warning("no service-account token: %s", error)
        return headers


def key_of(document: Object) -> str:
    """NAMESPACE/NAME of an object, NAME of one that is in no namespace."""
    metadata = document["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def _event(event: Object) -> Object:
    if event.get("type") == "ERROR":
        status = event.get("object") or {}
        if status.get("code") == 410:
            raise GoneError(status.get("message"))
        raise KubeError(f"the watch failed: {status.get('message')}")
    return event


def _refusal(status: int, body: bytes) -> Exception:
    try:
        message = orjson.loads(body)["message"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        message = body[:200].decode(errors="replace")
    if status == 410:
        return GoneError(message)
    return KubeError(f"HTTP {status}: {message}")
