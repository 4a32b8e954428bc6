"""Digests of files: right after every edit, and read again only then."""

import os
from pathlib import Path

import pytest

from pipeline.data import file_digests as module
from pipeline.data.file_digests import file_digests


def test_an_edit_is_noticed_and_nothing_is_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, folder, cache = tmp_path / "a.csv", tmp_path / "images", tmp_path / ".hashes.json"
    file.write_text("1")
    (folder / "cat").mkdir(parents=True)
    (folder / "cat" / "1.png").write_text("1")
    paths = {"table": file, "images": folder}
    first = file_digests(paths, cache)
    with monkeypatch.context() as patched:
        patched.setattr(module, "sha256", lambda path: pytest.fail(f"{path} was read again"))
        assert file_digests(paths, cache) == first
    os.utime(file, ns=(0, 0))
    assert file_digests(paths, cache) == first, "content counts, and not its time"
    file.write_text("2")
    (folder / "cat" / ".hidden").write_text("")
    changed = file_digests(paths, cache)
    assert changed["table"] != first["table"] and changed["images"] == first["images"]
    (folder / "cat" / "1.png").rename(folder / "1.png")
    assert file_digests(paths, cache)["images"] != first["images"]
    cache.write_text("[1")
    assert file_digests(paths, cache)["table"] == changed["table"]
