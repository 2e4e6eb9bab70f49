"""CORS: pages of which origins may call the API from a browser (the Fetch standard, "CORS protocol").

Off by default. The browser enforces it, so it protects the users of pages, and does not control access to
the API.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .bounds import MAX_PREFLIGHT_CHARACTERS
from .contract.errors import ApiError

Headers = list[tuple[bytes, bytes]]

# What OpenAI's SDKs and Fairlead's own headers need. A name that ends in * means all that begin so.
DEFAULT_HEADERS = (
    *("authorization", "content-type", "x-api-key", "x-request-id"),
    *("openai-*", "x-stainless-*", "x-fairlead-*"),
)
# Headers of answers that a page's code may read. A list cannot have beginnings of names.
DEFAULT_EXPOSED_HEADERS = (
    *("x-request-id", "retry-after", "x-should-retry", "x-expected-ready-seconds"),
    "x-fairlead-ignored-params",
    *("x-ratelimit-limit-requests", "x-ratelimit-limit-tokens", "x-ratelimit-remaining-requests"),
    *("x-ratelimit-remaining-tokens", "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens"),
)
_ANY = b"*"
# As browsers write it: a scheme, and a host perhaps with a port. Applications have schemes of their own.
_ORIGIN = re.compile(rb"[a-z][a-z0-9+.\-]*://[^\s/?#,*A-Z]+")
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VARY_OF_PREFLIGHT = "Access-Control-Request-Method, Access-Control-Request-Headers"


@dataclass(frozen=True, slots=True)
class CorsPolicy:
    """What pages may do. `origins` are exact, or `*` for all; `headers` are names in lower case, or
    beginnings of names that end in `*`.
    """

    origins: frozenset[bytes]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed_headers: tuple[str, ...]
    credentials: bool
    max_age_seconds: int

    def __post_init__(self) -> None:
        """Raises ValueError that names the chart's value."""
        if _ANY in self.origins and self.credentials:
            raise ValueError(
                "router.cors.allowCredentials needs named origins in allowedOrigins: browsers refuse *"
            )
        for origin in sorted(self.origins - {_ANY}):
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"router.cors.allowedOrigins has {origin.decode()!r}: write an origin as the browser "
                    "sends it, in lower case and without a path or a slash at its end: https://a.example"
                )
        lists = (
            ("allowedMethods", self.methods),
            ("allowedHeaders", self.headers),
            ("exposedHeaders", self.exposed_headers),
        )
        for field, names in lists:
            if wrong := [name for name in names if not _NAME.fullmatch(name)]:
                raise ValueError(f"router.cors.{field} has {wrong[0]!r}, which cannot be a name in HTTP")

    def answer_headers(self, origin: bytes | None) -> Headers:
        """The headers of every answer to a request with this `Origin`, None if it has none.

        `Vary` also where the origin is not allowed: else a cache could give that answer to an allowed page.
        """
        if _ANY in self.origins:
            return [(b"access-control-allow-origin", _ANY), *self._exposed()]
        vary = (b"vary", b"Origin")
        if origin is None or origin not in self.origins:
            return [vary]
        credentials = [(b"access-control-allow-credentials", b"true")] if self.credentials else []
        return [(b"access-control-allow-origin", origin), vary, *credentials, *self._exposed()]

    def preflight(self, origin: str, requested: str) -> dict[str, str]:
        """Further headers of the answer to a preflight with this Origin and Access-Control-Request-Headers.
        Names that are not allowed are left out; the browser's error then has them. Raises ApiError 403.
        """
        if not (_ANY in self.origins or origin.encode("latin-1") in self.origins):
            raise _refusal(origin)
        names = [name for name in split(requested.lower()) if self._takes(name)]
        answer = {
            "access-control-allow-methods": ", ".join(self.methods),
            "access-control-max-age": str(self.max_age_seconds),
            "vary": _VARY_OF_PREFLIGHT,
        }
        return answer | ({"access-control-allow-headers": ", ".join(names)} if names else {})

    def _takes(self, name: str) -> bool:
        return any(
            name.startswith(allowed[:-1]) if allowed.endswith("*") else name == allowed
            for allowed in self.headers
        )

    def _exposed(self) -> Headers:
        names = ", ".join(self.exposed_headers).encode()
        return [(b"access-control-expose-headers", names)] if names else []


def _refusal(origin: str) -> ApiError:
    message = (
        f"Pages of the origin {origin[:MAX_PREFLIGHT_CHARACTERS]!r} may not call this API. The chart's value "
        "router.cors.allowedOrigins lists those that may."
    )
    return ApiError(403, message, "cross_origin_not_allowed")


def split(text: str) -> tuple[str, ...]:
    """The parts between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
