"""`bench files`: what became of every file of a folder, and copies that must be the same motion."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.formats.write_bvh import write_bvh
from sfv.bench.files import (
    OUTCOMES,
    bench_files,
    count_readings,
    find_faults,
    list_files,
    read_all,
    read_one,
    repeat_for,
)
from sfv.bench.transformations import JOINTS, POSTURES, TRANSFORMATIONS, WRITERS, compare, place_joints, read_back
from sfv.bench.written_files import READ_ONLY
from sfv.demo.motions import load_demo_motion
from tests.samples import CHARACTER
from tests.small_skeleton import bvh, walking


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One file of each outcome but the faults of ours."""
    folder = tmp_path_factory.mktemp("files")
    humanoid = load_character("humanoid")
    write_bvh(load_demo_motion("walk", humanoid), humanoid, folder / "right.bvh")
    path, angles = walking()
    (folder / "doubtful.bvh").write_text(bvh(path, angles=angles).replace("Frame Time: 0.0333333", "Frame Time: 30"))
    (folder / "refused.fbx").write_bytes(b"Kaydara FBX Binary")
    (folder / "notes.md").write_text("no motion")
    (folder / "keypoints").mkdir()
    for t in range(12):
        people = [{"pose_keypoints_2d": [float(10 * i + t) for i in range(75)]}]
        (folder / "keypoints" / f"a_{t:03d}_keypoints.json").write_text(json.dumps({"people": people}))
    return folder


def test_each_file_has_an_outcome(folder):
    files = list_files(folder)
    assert [path.name for path in files] == ["doubtful.bvh", "keypoints", "refused.fbx", "right.bvh"]
    found = {reading.path.name: reading for reading in read_all(files, CHARACTER)}
    assert found["right.bvh"].outcome == "files_right", found["right.bvh"].note
    assert found["doubtful.bvh"].outcome == "files_told" and "taken for the rate" in found["doubtful.bvh"].note
    assert found["refused.fbx"].outcome == "files_refused" and "Blender" in found["refused.fbx"].note
    assert found["keypoints"].outcome in ("files_right", "files_told")
    rows = {row.name: row for row in count_readings(list(found.values()))}
    assert set(OUTCOMES) <= set(rows) and sum(rows[name].value or 0 for name in OUTCOMES) == 4
    assert rows["files_traceback"].value == 0


def test_a_fault_of_ours_is_counted(folder, monkeypatch):
    monkeypatch.setattr("sfv.bench.files.load_motion", lambda *args, **kwargs: 1 / 0)
    reading = read_one(folder / "right.bvh", CHARACTER)
    assert reading.outcome == "files_traceback" and "ZeroDivisionError" in reading.note


def test_what_nobody_does_is_seen_in_the_world():
    walk = load_demo_motion("walk", CHARACTER)
    rows = np.concatenate([walk.qpos[:-1]] * 3)
    ahead = walk.qpos[-1, 0] - walk.qpos[0, 0]
    rows[:, 0] += np.repeat(np.arange(3), len(walk.qpos) - 1) * ahead
    contacts = np.concatenate([walk.contacts[:-1]] * 3)
    three = replace(walk, qpos=rows, contacts=contacts, loop=False)
    assert find_faults(three, CHARACTER) == []
    back = replace(three, qpos=rows[::-1], contacts=contacts[::-1])
    assert find_faults(back, CHARACTER) == ["walks backwards all through"]
    lifted = rows + [0, 0, 1.0, *[0] * (rows.shape[1] - 3)]
    assert find_faults(replace(three, qpos=lifted), CHARACTER) == ["hangs in the air"]
    far = rows.copy()
    far[20, 0] += 5.0
    assert "m/s" in find_faults(replace(three, qpos=far), CHARACTER)[0]


COPIES = [(ending, how) for ending in WRITERS for how in TRANSFORMATIONS]
COPIES += [(e, how) for e in READ_ONLY for how in TRANSFORMATIONS if how.name in ("turned_217", "raised", "lying")]


@pytest.mark.parametrize(("ending", "how"), COPIES, ids=lambda part: getattr(part, "name", part))
def test_a_copy_is_the_same_motion(tmp_path, ending, how):
    motion = load_demo_motion("walk", load_character("humanoid"))
    deviation = read_back(motion, how, ending, tmp_path)
    assert deviation.is_same(), deviation


def test_who_lies_and_gets_up_is_on_the_ground():
    walk = repeat_for(load_demo_motion("walk", CHARACTER), 8.0)
    trunks = {}
    for name, change in POSTURES.items():
        at = place_joints(CHARACTER, change(walk).qpos)
        assert len(at) == len(walk) and -0.02 < at[..., 2].min() < 0.12
        trunks[name] = at[:, JOINTS.index("left_shoulder"), 2] - at[:, JOINTS.index("left_hip"), 2]
    assert trunks[""].min() > 0.4 and np.abs(trunks["_lying"]).max() < 0.2
    assert abs(trunks["_getting_up"][0]) < 0.2 and trunks["_getting_up"].max() > 0.4


def test_copies_that_differ_are_found():
    rng = np.random.default_rng(0)
    true = rng.normal(size=(20, 12, 3))
    assert compare(true, true + [1.0, 2.0, 3.0]).is_same()
    turned = true @ np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert compare(true, turned).is_same()
    assert not compare(true, true * [1.0, -1.0, 1.0]).is_same()  # mirrored
    assert not compare(true, true[..., [0, 2, 1]] * [1, 1, -1]).is_same()  # lies
    off = true.copy()
    off[3, 4] += [0.0, 0.002, 0.0]
    assert compare(true, off).mm == pytest.approx(2.0, abs=0.02) and not compare(true, off).is_same()
    assert not compare(true, true[:-1]).is_same() and not compare(true, true, 0.1).is_same()


def test_the_command_prints_rows(folder, printed, monkeypatch):
    monkeypatch.setattr("sfv.bench.files.TRANSFORMATIONS", TRANSFORMATIONS[:1])
    bench_files(folder, motions=("walk",), speed=False, json=True)
    rows = printed()
    assert {"files_right", "files_refused", "files_told", "files_traceback", "copies_bvh_same"} <= set(rows)
    assert rows["copies_glb_same"]["value"] == 1.0 and rows["copies_csv_mm"]["value"] < 0.01
    with pytest.raises(InputError, match="no such folder"):
        bench_files(folder / "absent")
