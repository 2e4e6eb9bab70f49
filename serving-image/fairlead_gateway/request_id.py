"""The id that a request has in the answer's `x-request-id`, and in the logs and spans of router, gateway and
engine.

It is the client's, if the client sent one that is fit for headers and logs. An unfit one is replaced, and
never refused: the id is no part of what the client asked for.
"""

from __future__ import annotations

import string

from .bounds import MAX_REQUEST_ID_BYTES

REQUEST_ID_HEADER = b"x-request-id"
# Letters, digits and the punctuation of UUIDs, ULIDs, base64 and URNs. Nothing that separates words in the
# plain text of the engine's log, or that JSON, a shell or a query language gives a meaning to.
_FIT = (string.ascii_letters + string.digits + "-._~:/+=@").encode()
_LINE = b"x-request-id: %b\r\n"
# With an id made of a token, which is unique.
OWN_LINE = b"x-request-id: req_%b\r\n"
# Of a token: enough of the random part and of the number for ids that are unique in the pods of a model.
_SUFFIX_DIGITS = 8


def header_line(given: bytes, token: str) -> bytes:
    """The header line with the client's id; with one of the token if the client's is unfit."""
    if not given or len(given) > MAX_REQUEST_ID_BYTES or given.translate(None, _FIT):
        return OWN_LINE % token.encode()
    return _LINE % given


def id_in(line: bytes) -> str:
    """The id in such a header line."""
    return line[len(REQUEST_ID_HEADER) + 2 : -2].decode()


def engine_line(line: bytes, token: str) -> bytes:
    """The header line for the engine, where two requests must not have the same id at once.

    A client may use its id again, for a retry or for all requests of a conversation. So what the engine gets
    is the id and a part of the token behind it.
    """
    return b"%b-%b%b\r\n" % (line[:-2], token[:_SUFFIX_DIGITS].encode(), token[-_SUFFIX_DIGITS:].encode())
