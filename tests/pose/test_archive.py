"""Archives: the same arrays come back, and everything else is one line that says what to do."""

from pathlib import Path

import numpy as np
import pytest

from pose.archive import load_arrays, save_arrays
from pose.errors import InputError


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.npz"
    arrays = {"x": np.arange(6.0).reshape(2, 3), "names": np.array(["left", "right"]), "fps": 29.97, "flag": True}
    save_arrays(path, "thing", 3, arrays)
    found = load_arrays(path, "thing", 3)
    assert set(found) == set(arrays)
    for name, value in arrays.items():
        np.testing.assert_array_equal(found[name], value)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("kind", "version", "says"),
    [("other", 3, "holds thing, expected other"), ("thing", 4, "thing format 3, this program reads 4")],
)
def test_other_kinds_and_versions_are_refused(tmp_path: Path, kind: str, version: int, says: str) -> None:
    path = tmp_path / "a.npz"
    save_arrays(path, "thing", 3, {"x": 1.0})
    with pytest.raises(InputError, match=says):
        load_arrays(path, kind, version)


def test_missing_damaged_and_foreign_files_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with pytest.raises(InputError, match="no such file"):
        load_arrays(path, "thing", 3)
    save_arrays(path, "thing", 3, {"x": np.arange(1000)})
    whole = path.read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2], whole[:40] + b"\0" * 40 + whole[80:]):
        path.write_bytes(content)
        with pytest.raises(InputError, match="damaged or not a thing archive") as error:
            load_arrays(path, "thing", 3)
        assert str(path) in str(error.value) and "\n" not in str(error.value)
    np.savez(path, x=np.arange(3))
    with pytest.raises(InputError, match="holds nothing, expected thing"):
        load_arrays(path, "thing", 3)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, kind=np.array("thing"), x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="damaged or not a thing archive"):
        load_arrays(path, "thing", 3)


def test_a_failed_write_leaves_the_old_archive(tmp_path: Path) -> None:
    class Broken:
        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            raise RuntimeError("disk full")

    path = tmp_path / "a.npz"
    save_arrays(path, "thing", 3, {"x": 1.0})
    with pytest.raises(RuntimeError):
        save_arrays(path, "thing", 3, {"x": Broken()})
    assert load_arrays(path, "thing", 3)["x"] == 1.0
    assert list(tmp_path.iterdir()) == [path]


def test_a_version_that_is_no_number_is_damage(tmp_path):
    np.savez(tmp_path / "a.npz", kind=np.array("thing"), format_version=np.array(np.inf))
    with pytest.raises(InputError, match="damaged"):
        load_arrays(tmp_path / "a.npz", "thing", 1)


def test_what_may_not_be_read_is_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.npz"
    save_arrays(path, "thing", 3, {"x": 1.0})

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(np, "load", refuse)
    with pytest.raises(InputError, match=r"Permission denied.*check its permissions"):
        load_arrays(path, "thing", 3)
