"""Images, audio and video in messages: only those that the engine may fetch are passed on.

The engine fetches remote URLs from inside the cluster, so a URL is only passed on if its host is one that the
deployment names. The form of the URL is checked strictly: whatever two parsers could read differently is
refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from .errors import invalid

# Keys of a content part that hold a URL, as a string or as {"url": ...}.
_URL_KEYS = ("image_url", "audio_url", "video_url")
# Keys of a content part with power over the engine: raw tensors, and media that another request has sent.
_ENGINE_KEYS = ("uuid", "image_embeds", "audio_embeds", "video_embeds", "prompt_embeds", "image_pil")
# No user info, no backslash, no escapes before the path: nothing that hides the host.
_REMOTE = re.compile(
    r"https?://([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)(?::[0-9]{1,5})?(?:[/?#][!-\[\]-~]*)?", re.ASCII
)


def check_media(part: Mapping[str, Any], path: str, domains: Collection[str]) -> None:
    """Raises a 400 for a content part that may make the engine fetch or read what the client must not choose.

    Whatever the type of the part is: the engine reads some of these keys in parts of any type.
    """
    for key in _ENGINE_KEYS:
        if key in part:
            message = f"'{path}.{key}' is not supported. Send the media itself, as a data: URL."
            raise invalid(message, f"{path}.{key}", "unsupported_parameter")
    for key in _URL_KEYS:
        if part.get(key) is not None:
            value, named = part[key], f"{path}.{key}"
            if isinstance(value, dict):
                value, named = value.get("url"), f"{named}.url"
            elif part.get("type") == key:
                raise invalid(f"'{named}' must be an object with a 'url'.", named, "invalid_type")
            if not isinstance(value, str):
                raise invalid(f"'{named}' must be a URL.", named, "invalid_type")
            check_url(value, named, domains)


def check_url(url: str, path: str, domains: Collection[str]) -> None:
    """Raises a 400 unless the URL is a data: URL or an http(s) URL of one of the hosts in `domains`.

    A subdomain is another host, as it is for vLLM.
    """
    if url[:5].lower() == "data:":
        return
    remote = _REMOTE.fullmatch(url)
    if remote is None:
        message = f"'{path}' must be a data: URL, or an http(s) URL without user and in plain ASCII."
        raise invalid(message, path)
    if remote.group(1).lower() not in {domain.lower() for domain in domains}:
        allowed = ", ".join(domains) if domains else "none"
        message = (
            f"'{path}' must be a data: URL, or of a host that this deployment allows ({allowed}); "
            f"got {remote.group(1)[:100]}."
        )
        raise invalid(message, path)
