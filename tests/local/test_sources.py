"""Secrets, ConfigMaps and claims from manifests and options."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead_operator.bounds import LOCAL_SECRET_BYTES
from fairlead_operator.cli.documents import parse_documents
from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.manifests import read_input
from fairlead_operator.local.sources import Sources
from fairlead_operator.local.sources_of_options import claim_of_option, secret_of_folder

MODEL = """
---
apiVersion: fairlead.dev/v1alpha1
kind: ModelDeployment
metadata: {name: tiny}
spec: {model: {source: "pvc://models/tiny"}}
"""


def sources(text: str, secrets: tuple[str, ...] = ()) -> Sources:
    return read_input(parse_documents("m.yaml", text + MODEL), secrets, ())[1]


def test_a_secret_of_a_manifest_has_plain_and_encoded_keys() -> None:
    text = "kind: Secret\nmetadata: {name: s}\ndata: {a: aGVsbG8=}\nstringData: {b: text}\n"
    assert sources(text).secrets == {"s": {"a": b"hello", "b": b"text"}}


def test_a_config_map_of_a_manifest_has_plain_and_encoded_keys() -> None:
    text = "kind: ConfigMap\nmetadata: {name: c}\ndata: {a: text}\nbinaryData: {b: aGVsbG8=}\n"
    assert sources(text).config_maps == {"c": {"a": b"text", "b": b"hello"}}


@pytest.mark.parametrize(
    ("value", "problem"),
    [("data: {a: no base64}", "must be base64; use stringData"), ("stringData: {a: 1}", "must be a string")],
)
def test_a_value_of_the_wrong_form_is_named(value: str, problem: str) -> None:
    with pytest.raises(LocalError, match=rf"m\.yaml:1: document 1 \(Secret s\): the value of a {problem}"):
        sources(f"kind: Secret\nmetadata: {{name: s}}\n{value}\n")


def test_a_folder_is_a_secret_with_a_key_for_each_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hf_x\n")
    (tmp_path / ".hidden").touch()
    (tmp_path / "folder").mkdir()
    assert secret_of_folder(f"s={tmp_path}") == ("s", {"token": b"hf_x"})


def test_the_option_wins_over_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("option")
    text = "kind: Secret\nmetadata: {name: s}\nstringData: {a: manifest, b: manifest}\n"
    assert sources(text, (f"s={tmp_path}",)).secrets == {"s": {"a": b"option"}}


def test_secrets_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="must be NAME=FOLDER"):
        secret_of_folder("s")
    with pytest.raises(LocalError, match="No such file or directory"):
        secret_of_folder(f"s={tmp_path}/none")
    with pytest.raises(LocalError, match="no file is in"):
        secret_of_folder(f"s={tmp_path}")
    (tmp_path / "large").write_bytes(bytes(LOCAL_SECRET_BYTES + 1))
    with pytest.raises(LocalError, match="large has more than 1048576 bytes"):
        secret_of_folder(f"s={tmp_path}")


def test_a_claim_is_an_existing_folder(tmp_path: Path) -> None:
    assert claim_of_option(f"models={tmp_path}") == ("models", str(tmp_path))
    with pytest.raises(LocalError, match="must be CLAIM=FOLDER"):
        claim_of_option("models")
    with pytest.raises(LocalError, match="there is no folder"):
        claim_of_option(f"models={tmp_path}/none")
