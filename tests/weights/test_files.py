"""Paths of the cache: which of them are inside, whatever links lead there."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead_weights.causes import DownloadError
from fairlead_weights.files import inside, read_small, replace_file, size_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of a cache, with a folder of a model, beside a folder outside of the cache."""
    (tmp_path / "outside/folder").mkdir(parents=True)
    root = tmp_path / "cache/root"
    (root / "model/folder").mkdir(parents=True)
    (root / "other/folder").mkdir(parents=True)
    return root


@pytest.mark.parametrize("path", ["file", "model/file", "model/folder/file", "new/folder/file", "model/..x"])
def test_a_path_below_the_root_is_inside_the_root(root: Path, path: str) -> None:
    assert inside(root, root / path) == root / path


@pytest.mark.parametrize("path", ["", "..", "../file", "model/../file", "model/../../file", "/etc/file"])
def test_a_path_that_leads_out_is_not_inside_the_root(root: Path, path: str) -> None:
    with pytest.raises(DownloadError, match="is not a path inside"):
        inside(root, root / path)


@pytest.mark.parametrize(
    "target", ["{root}/../../outside", "{root}/other", "../other", "loop", "/", "absent"]
)
@pytest.mark.parametrize("below", ["file", "folder/file", "new/folder/file"])
def test_a_path_through_a_linked_folder_is_not_inside_the_root(root: Path, target: str, below: str) -> None:
    (root / "loop").symlink_to(target.format(root=root))
    with pytest.raises(DownloadError, match=f"{root}/loop is a link"):
        inside(root, root / "loop" / below)


def test_the_last_part_of_a_path_may_be_a_link(root: Path) -> None:
    (root / "model/file").symlink_to("/etc/passwd")
    assert inside(root, root / "model/file")


def test_the_root_may_be_a_link_to_a_sibling(root: Path) -> None:
    link = root.with_name("link")
    link.symlink_to("root")
    assert inside(link, link / "model/file")


@pytest.mark.parametrize("target", ["../outside", "/", "..", "."])
def test_the_root_may_not_be_a_link_elsewhere(root: Path, target: str) -> None:
    link = root.with_name("link")
    link.symlink_to(target)
    with pytest.raises(DownloadError, match="link is a link"):
        inside(link, link / "folder/file")


def test_links_above_the_cache_do_not_matter(root: Path, tmp_path: Path) -> None:
    (tmp_path / "mount").symlink_to("cache")
    assert inside(tmp_path / "mount/folder", tmp_path / "mount/folder/model/file")


def test_only_a_regular_file_has_a_size(root: Path) -> None:
    (root / "file").write_bytes(b"12345")
    (root / "link").symlink_to("file")
    found = {name: size_of(root / name) for name in ("file", "link", "model", "absent", "file/below")}
    assert found == {"file": 5, "link": None, "model": None, "absent": None, "file/below": None}


def test_only_a_small_regular_file_is_read(root: Path) -> None:
    (root / "file").write_bytes(b"12345")
    (root / "link").symlink_to("file")
    assert read_small(root / "file", 5) == b"12345"
    assert [read_small(root / "file", 4), read_small(root / "link", 5), read_small(root / "model", 5)] == [
        None
    ] * 3


def test_writing_a_file_replaces_a_link_and_not_its_target(root: Path) -> None:
    (root / "file").write_bytes(b"old")
    (root / "link").symlink_to("file")
    replace_file(root / "link", b"new")
    assert [(root / name).read_bytes() for name in ("file", "link")] == [b"old", b"new"]
    assert sorted(path.name for path in root.iterdir()) == ["file", "link", "model", "other"]
