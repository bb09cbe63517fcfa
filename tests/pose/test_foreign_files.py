"""Whatever is wrong with somebody's file is said in one line that names it."""

import json
import zipfile

import numpy as np
import pytest

from pose.archive import LARGEST, load_array, load_as, save_arrays
from pose.errors import InputError
from pose.foreign_files import read_json, read_table, read_toml, refuse_damaged
from sfv.bench.campaign.hostile_archives import header_of


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff\xfe", b"", b'{"a": 1', b"nonsense"])
def test_json_that_is_none_is_refused(content, tmp_path):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.json: not .*(mend it|save it)"):
        read_json(tmp_path / "a.json", "a note", "mend it")


def test_a_table_is_no_list(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"a": 1}))
    assert read_table(tmp_path / "a.json", "a note", "mend it") == {"a": 1}
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')  # as Windows programs write it
    assert read_table(tmp_path / "a.json", "a note", "mend it") == {"a": 1}
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(InputError, match="no values by name"):
        read_table(tmp_path / "a.json", "a note", "mend it")


def test_toml_that_is_none_is_refused(tmp_path):
    (tmp_path / "a.toml").write_text("a = [")
    with pytest.raises(InputError, match=r"a\.toml: not TOML"):
        read_toml(tmp_path / "a.toml")


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("x"), IndexError("x"), RecursionError("x"), MemoryError()])
def test_what_a_reader_stumbles_over_is_one_line(error, tmp_path):
    with (
        pytest.raises(InputError, match="a: not a thing, or damaged") as caught,
        refuse_damaged(tmp_path / "a", "a thing", "mend"),
    ):
        raise error
    assert caught.value.__cause__ is error and "\n" not in str(caught.value)


def test_a_fault_of_the_program_keeps_its_traceback(tmp_path):
    with pytest.raises(AssertionError), refuse_damaged(tmp_path / "a", "a thing", "mend"):
        raise AssertionError


@pytest.mark.parametrize("shape", [(1 << 33,), (1000,), (-1, 3)])
def test_an_array_that_claims_more_than_it_has_is_never_allocated(shape, tmp_path):
    (tmp_path / "a.npy").write_bytes(header_of(shape) + bytes(64))
    with pytest.raises((InputError, ValueError)):
        load_array(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", np.arange(3.0))
    np.testing.assert_array_equal(load_array(tmp_path / "b.npy"), np.arange(3.0))
    assert LARGEST < 8 << 33


def test_an_array_under_the_name_of_an_archive_is_refused(tmp_path):
    with open(tmp_path / "a.npz", "wb") as file:
        np.save(file, np.arange(3.0))
    with pytest.raises(InputError, match=r"a\.npz: damaged or not a thing archive \(a single array"):
        load_as(tmp_path / "a.npz", "thing", 1, lambda arrays: arrays["x"])


def test_an_archive_of_other_files_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("data.pkl", b"no array")
    with pytest.raises(InputError, match=r"a\.npz: damaged or not a thing archive"):
        load_as(tmp_path / "a.npz", "thing", 1, lambda arrays: arrays["x"])


def test_arrays_that_make_nothing_are_refused(tmp_path):
    save_arrays(tmp_path / "a.npz", "thing", 1, {"x": np.arange(3)})
    assert load_as(tmp_path / "a.npz", "thing", 1, lambda arrays: int(arrays["x"].sum())) == 3
    with pytest.raises(InputError, match="KeyError"):
        load_as(tmp_path / "a.npz", "thing", 1, lambda arrays: arrays["y"])
    save_arrays(tmp_path / "b.npz", "thing", 1, {"x": np.array([1j])})
    with pytest.raises(InputError, match="complex"):
        load_as(tmp_path / "b.npz", "thing", 1, lambda arrays: arrays["x"])
