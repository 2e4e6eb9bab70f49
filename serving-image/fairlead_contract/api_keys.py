"""One API key as it is stored: the value of an entry of a Secret; the entry's name is the key's name.

`fairlead key` writes these entries, routers and gateways read them. The key itself is in none of them: only
its SHA-256 is. A field that is absent restricts nothing.
"""

from __future__ import annotations

import re
import secrets
from hashlib import sha256
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from fairlead_contract.bounds import KEY_ENTRY_BYTES, KEY_NAMES, LARGEST_COUNTER, WORD_CHARACTERS
from fairlead_contract.document import JsonObject

EXAMPLE = '{"sha256": "<64 hex digits>"} with the digits that printf %s "$KEY" | sha256sum prints'
# What a new key begins with, so that scanners for leaked secrets find it.
KEY_PREFIX = "fl-"
_KEY_BYTES = 32
_EMPTY_KEY = sha256(b"").hexdigest()
_ENTRY_NAME = re.compile(r"[-._a-zA-Z0-9]{1,253}")


def _digest(text: str) -> str:
    if len(text) != 64 or any(digit not in "0123456789abcdefABCDEF" for digit in text):
        raise ValueError(f"needs 64 hex digits; write {EXAMPLE}")
    if text.lower() == _EMPTY_KEY:
        raise ValueError("is the digest of an empty key, which no client can send; was $KEY empty?")
    return text.lower()


_Limit = Annotated[int | None, Field(ge=1, le=LARGEST_COUNTER)]
_Names = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=512)], ...], Field(max_length=KEY_NAMES)
]
_Word = Annotated[str, Field(min_length=1, max_length=WORD_CHARACTERS, pattern=r"^[-._@:/a-zA-Z0-9]+$")]


class _Entry(JsonObject):
    # Values are hidden in errors: one could be a key in plain text.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class KeyLimits(_Entry):
    """The limits of a key; None for no limit. Tokens are those of prompts and completions together."""

    requests_per_minute: _Limit = None
    tokens_per_minute: _Limit = None
    tokens_per_day: _Limit = None
    concurrent_requests: _Limit = None
    max_output_tokens: _Limit = None
    """The most tokens of one answer."""


NO_LIMITS = KeyLimits()


class KeyEntry(_Entry):
    """The value of one entry."""

    sha256: Annotated[str, AfterValidator(_digest)]
    owner: _Word | None = None
    """Who the key belongs to: limits of owners and usage are by it. None: the key's name."""
    models: _Names | None = None
    """Names that requests may have as `model`, and NAMESPACE/NAME of ModelDeployments. None: all."""
    namespaces: _Names | None = None
    """Namespaces whose models the key may use, and to which models of other namespaces may grant access
    (`spec.api.access`). None: all.
    """
    priority_class: _Word | None = None
    """One of the router's priority classes. None: its default one."""
    limits: KeyLimits = NO_LIMITS
    expires: AwareDatetime | None = None
    """From then on the key is not valid."""

    @field_validator("models", "namespaces", mode="before")
    @classmethod
    def _is_list(cls, given: object, info: ValidationInfo) -> object:
        if not isinstance(given, list | tuple) or not all(isinstance(name, str) for name in given):
            field = info.field_name or ""
            what = field.removesuffix("s")
            raise ValueError(f"needs a list of {what} names; leave {field} out to allow every {what}")
        return tuple(given)

    def to_json(self) -> str:
        """The entry's value. Absent fields are left out."""
        return self.model_dump_json(exclude_none=True, exclude_defaults=True)


def new_key() -> str:
    """A new random key with 256 bits."""
    return KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)


def digest_of(key: str) -> str:
    """The `sha256` of a key."""
    return sha256(key.encode()).hexdigest()


def is_entry_name(name: str) -> bool:
    """Whether a Secret may have an entry of this name."""
    return _ENTRY_NAME.fullmatch(name) is not None and not name.startswith(".")


def parse_entry(content: bytes) -> KeyEntry:
    """Reads an entry's value. Raises ValueError that begins with a verb, names the field and the remedy, and
    never has a part of the content.
    """
    if len(content) > KEY_ENTRY_BYTES:
        raise ValueError(f"is larger than {KEY_ENTRY_BYTES} bytes")
    try:
        return KeyEntry.model_validate_json(content)
    except ValidationError as error:
        raise ValueError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    kinds = {problem["type"] for problem in problems}
    if "json_invalid" in kinds:
        return f"is not JSON; write {EXAMPLE}"
    if "model_type" in kinds or "model_attributes_type" in kinds:
        return f"is not a JSON object; write {EXAMPLE}"
    if "extra_forbidden" in kinds:
        # A misspelt "models" would otherwise give the key every model.
        count = sum(problem["type"] == "extra_forbidden" for problem in problems)
        fields = ", ".join(field.alias or name for name, field in KeyEntry.model_fields.items())
        return f"has {count} unknown field(s); a key file has only {fields}"
    first = problems[0]
    field = ".".join(str(part) for part in first["loc"])
    if field == "sha256" and first["type"] != "value_error":
        return f"needs {field} with 64 hex digits; write {EXAMPLE}"
    return f"has a wrong {field}: {first['msg'].removeprefix('Value error, ')}"
