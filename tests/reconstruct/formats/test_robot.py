"""Joint angles of robots: our own table, Unitree's, BeyondMimic's archives; joints by name, quaternions either way."""

from typing import Any

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.formats.open_motion import open_motion
from reconstruct.formats.read_motion import load_motion
from reconstruct.formats.robot import breadth_first, hinge_names
from reconstruct.formats.write_csv import write_csv
from reconstruct.retargeting import retarget
from sfv.demo.motions import load_demo_motion


@pytest.fixture(scope="module")
def g1():
    try:
        return load_character("g1")
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def walk(g1):
    humanoid = load_character("humanoid")
    return retarget(load_demo_motion("walk", humanoid), humanoid, g1).motion


def test_our_table_comes_back(tmp_path):
    humanoid = load_character("humanoid")
    known = load_demo_motion("walk", humanoid)
    write_csv(known, humanoid, tmp_path / "a.csv")
    found = open_motion(tmp_path / "a.csv").motion  # pyright: ignore
    np.testing.assert_allclose(found.qpos, known.qpos, atol=1e-6)
    assert found.fps == pytest.approx(known.fps, abs=1e-3) and found.character == "humanoid"
    lines = (tmp_path / "a.csv").read_text().splitlines()
    swapped = [",".join(reversed(line.split(","))) for line in lines]
    (tmp_path / "b.csv").write_text("\n".join(swapped))
    again = open_motion(tmp_path / "b.csv").motion  # pyright: ignore
    np.testing.assert_array_equal(again.qpos, found.qpos)
    (tmp_path / "c.csv").write_text("\n".join(line.replace("knee", "tail") for line in lines))
    with pytest.raises(InputError, match="no character has the joints"):
        open_motion(tmp_path / "c.csv")


@pytest.mark.parametrize("order", ["xyzw", "wxyz"])
def test_unitree_tables(tmp_path, g1, walk, order):
    columns = [0, 1, 2, *((4, 5, 6, 3) if order == "xyzw" else (3, 4, 5, 6)), *range(7, 36)]
    np.savetxt(tmp_path / "a.csv", walk.qpos[:, columns], delimiter=",")
    found = open_motion(tmp_path / "a.csv")
    assert found.motion.fps == 30.0 and found.motion.character == "g1"  # pyright: ignore
    np.testing.assert_allclose(found.motion.qpos, walk.qpos, atol=1e-9)  # pyright: ignore
    motion = load_motion(tmp_path / "a.csv", g1, loop="no").motion
    assert motion.contacts.any(axis=1).mean() > 0.5 and motion.qpos[-1, 0] - motion.qpos[0, 0] > 0.3


@pytest.mark.parametrize("named", [False, True])
def test_beyond_mimic_archives(tmp_path, g1, walk, named):
    names = breadth_first(g1.model)
    assert names[:3] == ("left_hip_pitch_joint", "right_hip_pitch_joint", "waist_yaw_joint")
    angles = walk.qpos[:, 7:][:, [hinge_names(g1.model).index(name) for name in names]]
    place = np.repeat(walk.qpos[:, None, :3], 30, axis=1)
    turn = np.repeat(walk.qpos[:, None, 3:7], 30, axis=1)
    more: dict[str, Any] = {"joint_names": np.array(names)} if named else {}
    np.savez(tmp_path / "a.npz", fps=[50], joint_pos=angles, body_pos_w=place, body_quat_w=turn, **more)
    found = open_motion(tmp_path / "a.npz").motion  # pyright: ignore
    np.testing.assert_allclose(found.qpos, walk.qpos, atol=1e-9)
    assert found.fps == 50.0


def test_gmr_archives_and_what_is_missing(tmp_path, walk):
    arrays: dict[str, Any] = {
        "fps": 30,
        "dof_pos": walk.qpos[:, 7:],
        "root_pos": walk.qpos[:, :3],
        "root_rot": walk.qpos[:, [4, 5, 6, 3]],
    }
    np.savez(tmp_path / "a.npz", **arrays)
    np.testing.assert_allclose(open_motion(tmp_path / "a.npz").motion.qpos, walk.qpos, atol=1e-9)  # pyright: ignore
    np.savez(tmp_path / "b.npz", joint_pos=walk.qpos[:, 7:])
    with pytest.raises(InputError, match=r"without the root's path; keys are joint_pos \(\d+, 29\)"):
        open_motion(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", **(arrays | {"dof_pos": walk.qpos[:, 7:20]}))  # pyright: ignore
    with pytest.raises(InputError, match="13 joint angles without names; name the robot with --character"):
        open_motion(tmp_path / "c.npz")
    np.savez(tmp_path / "d.npz", **(arrays | {"joint_names": np.array(["a"] * 29)}))  # pyright: ignore
    with pytest.raises(InputError, match="no character has the joints a, a"):
        open_motion(tmp_path / "d.npz")


def test_a_robots_motion_on_a_person(tmp_path, walk):
    np.savetxt(tmp_path / "a.csv", walk.qpos[:, [0, 1, 2, 4, 5, 6, 3, *range(7, 36)]], delimiter=",")
    found = load_motion(tmp_path / "a.csv", load_character("humanoid"), loop="no")
    assert found.motion.character == "humanoid" and "retargeted from g1" in found.summary
    assert found.motion.qpos[-1, 0] - found.motion.qpos[0, 0] > 0.4
