"""The source of the previous version, which upgrades start from."""

from __future__ import annotations

import io
import tarfile

import pytest

from e2e.cluster import previous
from e2e.cluster.shell import ClusterError


def test_a_clone_without_the_commit_is_an_error_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previous, "PREVIOUS_COMMIT", "0" * 40)
    with pytest.raises(ClusterError, match="git fetch --unshallow"):
        previous.archive()


def test_the_source_has_the_chart_and_what_its_images_are_built_from() -> None:
    try:
        content = previous.archive()
    except ClusterError as error:
        pytest.skip(str(error))
    with tarfile.open(fileobj=io.BytesIO(content)) as files:
        names = set(files.getnames())
    assert names >= {"charts/fairlead/Chart.yaml", *(image.dockerfile for image in previous.IMAGES)}
