"""A file is replaced whole or not at all."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pose.files import replace_file, sha256_of


def test_a_file_is_replaced_at_the_end_of_the_block(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    for text in ("first", "second"):
        with replace_file(path) as temporary:
            temporary.write_text(text)
            assert temporary.parent == path.parent and str(os.getpid()) in temporary.name
            assert not path.exists() or path.read_text() == "first"
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_exception_the_old_file_is_there_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), replace_file(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replace_file(tmp_path / "a.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom pose.files import replace_file\n"
        "with replace_file(Path(sys.argv[1])) as temporary:\n    temporary.write_text('half')\n    os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode == 9
    assert path.read_text() == "old"


def test_sha256_of_a_known_text(tmp_path: Path) -> None:
    """FIPS 180-2, example 1: the hash of `abc`."""
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    path.write_bytes(b"ab" * 3_000_000)  # longer than one read
    assert sha256_of(path) == hashlib.sha256(b"ab" * 3_000_000).hexdigest()


@pytest.mark.parametrize("path", [".", "folder"])
def test_a_folder_is_replaced_by_no_file(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError), replace_file(Path(path)):
        raise AssertionError("no work may begin")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]
