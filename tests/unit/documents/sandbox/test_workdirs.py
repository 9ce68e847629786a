import os
from pathlib import Path

from documents.sandbox import workdirs


def test_a_folder_is_private_and_its_name_is_its_own(tmp_path: Path) -> None:
    first, second = workdirs.create(tmp_path), workdirs.create(tmp_path)
    assert first != second and first.stat().st_mode & 0o777 == 0o700


def test_the_sweep_erases_what_documents_left_and_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "a" / "work"
    workdirs.sweep(root)
    left = workdirs.create(root)
    (left / "picture.png").write_bytes(b"x")
    (root / "probe-x").mkdir()
    (root / "kept").mkdir()
    (root / "doc-file").write_bytes(b"x")
    workdirs.sweep(root)
    assert sorted(path.name for path in root.iterdir()) == ["doc-file", "kept"]


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_bytes(b"x")
    folder = workdirs.create(tmp_path)
    (folder / "inner").mkdir()
    for place in (folder, folder / "inner"):
        (place / "link").symlink_to(outside)
        (place / "dangling").symlink_to("nowhere")
    workdirs.erase(folder)
    assert not folder.exists() and (outside / "kept").exists()


def test_depth_beyond_the_longest_path_does_not_matter(tmp_path: Path, monkeypatch) -> None:
    folder = workdirs.create(tmp_path)
    monkeypatch.chdir(folder)
    for _ in range(1500):
        os.mkdir("deep")
        os.chdir("deep")
    Path("file").write_bytes(b"x")
    os.chdir(tmp_path)
    workdirs.erase(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_closed_is_erased(tmp_path: Path) -> None:
    folder = workdirs.create(tmp_path)
    (folder / "closed").mkdir()
    (folder / "closed" / "file").write_bytes(b"x")
    (folder / "closed").chmod(0)
    workdirs.erase(folder)
    assert not folder.exists()
