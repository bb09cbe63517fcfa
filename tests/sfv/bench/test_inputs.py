"""Where the input of a bench comes from, and that what was measured is not measured again."""

import json

import numpy as np
import pytest

from pose.errors import InputError
from sfv.bench import inputs
from sfv.bench.inputs import find_recordings, list_motion_files, read_motions
from sfv.bench.resume import measure_once
from sfv.demo.motions import load_demo_motion
from tests.samples import CHARACTER, standing


def test_files_and_folders_of_motions(tmp_path):
    (tmp_path / "walk.txt").touch()
    (tmp_path / "notes.md").touch()
    assert [path.name for path in list_motion_files((tmp_path,))] == ["walk.txt"]
    with pytest.raises(InputError, match="two motions are called walk"):
        list_motion_files((tmp_path, tmp_path / "walk.txt"))
    with pytest.raises(InputError, match="no such file or folder"):
        list_motion_files((tmp_path / "run.txt",))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no motions in it"):
        list_motion_files((tmp_path / "empty",))


def test_own_motions_take_the_place_of_the_shipped_ones(tmp_path):
    standing().save(tmp_path / "stand.npz")
    own = read_motions((tmp_path,), CHARACTER, ("walk",))
    assert list(own) == ["stand"]
    np.testing.assert_array_equal(own["stand"].qpos, standing().qpos)
    shipped = read_motions((), CHARACTER, ("walk", "jump"))
    assert list(shipped) == ["walk", "jump"]
    np.testing.assert_array_equal(shipped["jump"].qpos, load_demo_motion("jump", CHARACTER).qpos)


def test_recordings_that_are_absent_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(inputs, "RECORDINGS", tmp_path)
    assert find_recordings("videos/*.mp4") == []
    written = capsys.readouterr()
    assert "videos/*.mp4" in written.err and written.out == ""  # standard output belongs to the rows
    (tmp_path / "videos").mkdir()
    for name in ("b.mp4", "a.mp4"):
        (tmp_path / "videos" / name).touch()
    assert [path.name for path in find_recordings("videos/*.mp4")] == ["a.mp4", "b.mp4"]


def test_a_measurement_is_kept_until_its_settings_change(tmp_path):
    kept, calls = tmp_path / "out" / "bench.json", []

    def measure() -> dict[str, int]:
        calls.append(1)
        return {"value": len(calls)}

    settings = {"folder": tmp_path, "rate": 0.5}  # a path becomes text, as in the file
    assert measure_once(kept, settings, measure)["value"] == 1
    assert measure_once(kept, settings, measure)["value"] == 1
    assert measure_once(kept, settings | {"rate": 0.25}, measure)["value"] == 2
    kept.write_text("{ damaged")
    assert measure_once(kept, settings, measure)["value"] == 3
    assert json.loads(kept.read_text())["settings"] == {"folder": str(tmp_path), "rate": 0.5}
