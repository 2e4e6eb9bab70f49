"""The meaning of the request line and the Host in all their forms (RFC 9112, 3.2).

Path and Host decide which model is meant. So an ambiguous request is refused, and every valid form of target
becomes a path.
"""

from __future__ import annotations

import re

from fairlead_gateway.contract.errors import ApiError, invalid
from fairlead_gateway.routes import ALL_METHODS

Headers = list[tuple[bytes, bytes]]
Fields = dict[bytes, bytes]

# A name, an IPv4 address or an IPv6 address in brackets, and perhaps a port (RFC 3986, 3.2.2). No user.
_HOST = re.compile(rb"(?:\[[0-9A-Za-z:.%]+\]|[0-9A-Za-z\-._~%!$&'()*+,;=]*)(?::[0-9]*)?")
_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+\-.]*://([^/?#]*)(.*)", re.DOTALL)
_SINGLE = {b"host": "Host", b"authorization": "Authorization"}
# These versions have no Host header.
_OLD_VERSIONS = ("0.9", "1.0")


def fields_of(headers: Headers) -> Fields:
    """The values by name. Values of one name are joined, as HTTP understands them (RFC 9110, 5.3).

    Raises ApiError 400 if there are several of a header that decides about model or access: programs differ
    in which of them counts.
    """
    fields = dict(headers)
    if len(fields) != len(headers):
        fields = {}
        for name, value in headers:
            if name in fields and name in _SINGLE:
                raise _refused(f"The request has several {_SINGLE[name]} headers. Send one.")
            fields[name] = b"%b, %b" % (fields[name], value) if name in fields else value
    return fields


def check_host(host: bytes | None, version: str) -> None:
    """Raises ApiError 400 unless the Host is valid. HTTP/1.0 may have none."""
    if host is None and version not in _OLD_VERSIONS:
        raise _refused(f"The request has no Host header. HTTP/{version} requires one.")
    if host is not None and not _HOST.fullmatch(host):
        raise _refused("The Host header is not valid. It must be HOST or HOST:PORT.")


def read_target(method: bytes, target: bytes) -> tuple[bytes, bytes | None]:
    """The target as a path with its query, or `*`; and the host of an absolute one, which replaces the Host
    header (RFC 9112, 3.2.2).

    A slash at the end of the path is dropped: some clients add it, and few repeat a POST after a redirect.
    Other spellings of a path stay as they are, because proxies may decide by them who has access.

    Raises ApiError 400, and 405 for CONNECT.
    """
    if method == b"CONNECT":
        message = "CONNECT is not supported: this is not a proxy."
        raise ApiError(405, message, "method_not_allowed", headers={"allow": ALL_METHODS})
    host = None
    if not target.startswith(b"/"):
        if target != b"*":
            target, host = _read_absolute(target)
        if target in (b"*", b"") and method == b"OPTIONS":
            return b"*", host
        if target == b"*":
            raise _refused("The target * is for OPTIONS only. Send a path, such as /v1/models.")
        if not target.startswith(b"/"):
            target = b"/" + target
    if b"#" in target:
        target = target.partition(b"#")[0]
    if target.endswith(b"/") or b"/?" in target:
        path, mark, query = target.partition(b"?")
        target = (path.rstrip(b"/") or b"/") + mark + query
    return target, host


def with_host(headers: Headers, host: bytes) -> Headers:
    """The headers with this Host."""
    return [(b"host", host), *(header for header in headers if header[0] != b"host")]


def _read_absolute(target: bytes) -> tuple[bytes, bytes]:
    found = _ABSOLUTE.fullmatch(target)
    if found is None or not found[1] or not _HOST.fullmatch(found[1]):
        raise _refused("The target of the request has no valid host. Send a path, or http://HOST:PORT/PATH.")
    return found[2], found[1]


def _refused(message: str) -> ApiError:
    return invalid(message, code="invalid_request")
