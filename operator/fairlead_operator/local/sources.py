"""The objects that a pod refers to by name: Secrets, ConfigMaps and claims. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Sources:
    """Secrets and ConfigMaps by name with their keys, and the folder of each claim."""

    secrets: Mapping[str, Files] = field(default_factory=dict)
    config_maps: Mapping[str, Files] = field(default_factory=dict)
    claims: Mapping[str, str] = field(default_factory=dict)

    def with_config_maps(self, more: Mapping[str, Files]) -> Sources:
        """The same, and the ConfigMaps that are rendered for a model."""
        return Sources(self.secrets, {**self.config_maps, **more}, self.claims)


def contents(document: Object) -> Files:
    """The keys of a Secret or ConfigMap as the files that they become. Raises ValueError."""
    texts = {**(document.get("stringData") or {})}
    encoded = dict(document.get("binaryData") or {})
    plain = dict(document.get("data") or {})
    if document.get("kind") == "Secret":
        encoded, plain = plain, {}
    found = {key: _decoded(key, value) for key, value in encoded.items()}
    for key, value in {**plain, **texts}.items():
        if not isinstance(value, str):
            raise ValueError(f"the value of {key} must be a string; put quotes around it")
        found[key] = value.encode()
    return found


def _decoded(key: str, value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise ValueError(f"the value of {key} must be base64; use stringData for plain text") from None
