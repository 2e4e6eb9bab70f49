"""The examples of the documentation have valid parameters and keys, which no API server checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from fairlead_gateway.admission.keys import KeyRing
from fairlead_operator.api.parameters import check_parameters
from fairlead_operator.api.v1alpha1 import ModelDeployment

ROOT = Path(__file__).resolve().parents[1]


def examples(kind: str) -> list[dict[str, Any]]:
    texts = [path.read_text() for path in sorted((ROOT / "docs/examples").glob("*.yaml"))]
    return [body for text in texts for body in yaml.safe_load_all(text) if body["kind"] == kind]


def test_the_documentation_examples_are_valid_models() -> None:
    for document in examples("ModelDeployment"):
        spec = ModelDeployment.model_validate(document).spec
        assert spec.model.source
        assert check_parameters(spec.api) == []


def test_the_documented_api_key_secrets_have_valid_keys() -> None:
    (secret,) = examples("Secret")
    ring = KeyRing.parse({name: value.encode() for name, value in secret["stringData"].items()})
    assert ring.problems == ()
    key = ring.find(b"Bearer example-key")
    assert key is not None
    assert key.allows("guarded")
