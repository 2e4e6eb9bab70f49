"""Logs of containers, line by line, as they come."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import ApiClient

from fairlead_operator.bounds import ERROR_CHARACTERS, LOG_LINE_BYTES
from fairlead_operator.kube.errors import UnavailableError, error_of

_CONNECT_SECONDS = 30.0


async def log_lines(api: ApiClient, path: str, query: dict[str, str]) -> AsyncGenerator[bytes]:
    """The lines of an answer, without their ends and cut at LOG_LINE_BYTES. It may never end.

    Raises KubeError's subclasses.
    """
    headers = {"Accept": "*/*"}
    # With `follow` there is nothing to read while the container writes nothing.
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
    url = f"{api.configuration.host}{path}?{urlencode(query)}"
    try:
        await api.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
        answer = await api.rest_client.request(  # type: ignore[no-untyped-call]
            "GET", url, headers=headers, _request_timeout=timeout
        )
        response: aiohttp.ClientResponse = answer.response
        try:
            if response.status != 200:
                body = await response.content.read(4 * ERROR_CHARACTERS)
                raise error_of(response.status, body, response.headers.get("Retry-After"))
            async with aclosing(_lines(response.content)) as lines:
                async for line in lines:
                    yield line
        finally:
            response.close()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise UnavailableError(f"GET {path}: {error or type(error).__name__}") from error


async def _lines(content: aiohttp.StreamReader) -> AsyncGenerator[bytes]:
    line = bytearray()
    async for part in content.iter_any():
        *ended, rest = part.split(b"\n")
        for text in ended:
            line += text[: LOG_LINE_BYTES - len(line)]
            yield bytes(line)
            line.clear()
        line += rest[: LOG_LINE_BYTES - len(line)]
    if line:
        yield bytes(line)
