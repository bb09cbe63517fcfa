"""A robot's motion in the words of other programs: root by angles, joints by numbers, coordinates in other orders."""

from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose.errors import InputError
from reconstruct.formats.open_motion import open_motion
from reconstruct.formats.robot_joints import hinge_names
from reconstruct.rotations import to_rotvec


@pytest.fixture(scope="module")
def qpos(g1):
    """G1 that stands, turns and leans, (T, 36)."""
    t = np.linspace(0.0, 1.0, 40)
    known = np.tile(g1.model.qpos0, (40, 1))
    known[:, 0] += 0.5 * t
    turns = Rotation.from_euler("ZYX", np.stack([1.5 * t, 0.3 * t, -0.2 * t], axis=1))
    known[:, 3:7] = turns.as_quat()[:, [3, 0, 1, 2]]
    known[:, 7:] += 0.4 * np.sin(3.0 * t[:, None] + np.arange(29))
    return known


def write_named(path, names, table):
    np.savetxt(path, table, delimiter=",", header=",".join(names), comments="", fmt="%.10g")
    return path


@pytest.mark.parametrize(
    ("places", "angles", "metres", "radians"),
    [
        ("root_{}", ("root_roll", "root_pitch", "root_yaw"), 1.0, 1.0),
        ("root_translate{}", ("root_rotateX", "root_rotateY", "root_rotateZ"), 0.01, np.pi / 180),
        ("base_pos_{}", ("base_roll_deg", "base_pitch_deg", "base_yaw_deg"), 1.0, np.pi / 180),
        ("pelvis_{}", ("pelvis_rot_x", "pelvis_rot_y", "pelvis_rot_z"), 1.0, 1.0),
    ],
)
def test_roots_that_are_turned_by_angles(tmp_path, g1, qpos, places, angles, metres, radians):
    """Roll, pitch and yaw about fixed axes, as URDF has them; joints in degrees say that the root is, too."""
    rpy = Rotation.from_quat(qpos[:, [4, 5, 6, 3]]).as_euler("xyz") / radians
    small = radians if angles[0] == "root_rotateX" else 1.0
    table = np.concatenate([qpos[:, :3] / metres, rpy, (qpos[:, 7:]) / small], axis=1)
    names = [*(places.format(axis.upper() if metres < 1 else axis) for axis in "xyz"), *angles, *hinge_names(g1.model)]
    found = open_motion(write_named(tmp_path / "a.csv", names, table), asked="g1")
    np.testing.assert_allclose(found.motion.qpos[:, 7:], qpos[:, 7:], atol=1e-7)  # pyright: ignore
    np.testing.assert_allclose(found.motion.qpos[:, :3], qpos[:, :3], atol=1e-7)  # pyright: ignore
    same = np.abs(np.sum(found.motion.qpos[:, 3:7] * qpos[:, 3:7], axis=1))  # pyright: ignore
    assert same.min() > 1.0 - 1e-9
    text = f"about fixed x, y and z, in {'degrees' if radians < 1 else 'radians'}"
    assert any(text in said.text and said.doubtful for said in found.findings)


@pytest.mark.parametrize("word", ["dof_{}", "joint_{}", "q{}_pos", "motor{}"])
def test_joints_by_their_numbers(tmp_path, qpos, word):
    for first in (0, 1):
        names = ["x", "y", "z", "qw", "qx", "qy", "qz", *(word.format(first + i) for i in range(29))]
        found = open_motion(write_named(tmp_path / "a.csv", names, qpos), asked="g1")
        np.testing.assert_allclose(found.motion.qpos, qpos, atol=1e-7)  # pyright: ignore
        assert any("joints by their numbers, in g1's order" in said.text for said in found.findings)
    with pytest.raises(InputError, match="no character has the joints"):
        open_motion(write_named(tmp_path / "a.csv", names[:-3], qpos[:, :-3]), asked="g1")


def test_coordinates_in_the_orders_of_other_programs(tmp_path, qpos):
    quats, lying = qpos[:, [4, 5, 6, 3]], np.tile([0.5, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0], (40, 1))
    np.save(tmp_path / "bare.npy", qpos)
    np.save(tmp_path / "drake.npy", qpos[:, [3, 4, 5, 6, 0, 1, 2, *range(7, 36)]])
    archives: dict[str, dict[str, Any]] = {
        "mimickit": {"loop_mode": 0, "frames": np.concatenate([qpos[:, :3], to_rotvec(qpos[:, 3:7]), qpos[:, 7:]], 1)},
        "thing": {"qpos": np.concatenate([qpos, lying], axis=1)},
        "proto": {
            "dof_pos": qpos[:, 7:],
            "rigid_body_pos": np.repeat(qpos[:, None, :3], 30, axis=1),
            "rigid_body_rot": np.repeat(quats[:, None], 30, axis=1),
        },
    }
    for name, arrays in archives.items():
        np.savez(tmp_path / f"{name}.npz", fps=30, **arrays)
    for file in ("bare.npy", "drake.npy", "mimickit.npz", "thing.npz", "proto.npz"):
        found = open_motion(tmp_path / file, asked="g1")
        same = np.abs(np.sum(found.motion.qpos[:, 3:7] * qpos[:, 3:7], axis=1))  # pyright: ignore
        np.testing.assert_allclose(
            np.delete(found.motion.qpos, range(3, 7), 1), np.delete(qpos, range(3, 7), 1), atol=1e-9
        )  # pyright: ignore
        assert same.min() > 1.0 - 1e-9, file


def test_what_tables_lack_is_named(tmp_path, g1, qpos):
    names = ["x", "y", "z", "qw", "qx", "qy", "qz", *hinge_names(g1.model)]
    with pytest.raises(InputError, match="nearly the joints of g1, but without waist_yaw_joint; add these columns"):
        open_motion(write_named(tmp_path / "a.csv", *without(names, qpos, "waist_yaw_joint")), asked="g1")
    np.savetxt(tmp_path / "b.csv", np.delete(qpos[::-1], 6, axis=1), delimiter=",")
    with pytest.raises(
        InputError, match=r"35 columns, perhaps the root's place, three angles .* name the columns root_x"
    ):
        open_motion(tmp_path / "b.csv", asked="g1")
    np.savetxt(tmp_path / "c.csv", qpos[:, :30], delimiter=",")
    with pytest.raises(InputError, match=r"23 joint angles without names; of the characters have: .*g1 29"):
        open_motion(tmp_path / "c.csv", asked="g1")


def test_columns_of_text_and_empty_cells(tmp_path, g1, qpos):
    names = ["x", "y", "z", "qw", "qx", "qy", "qz", *hinge_names(g1.model), "note"]
    lines = [",".join(names)]
    for t, row in enumerate(qpos):
        cells = [f"{value:.10g}" for value in row]
        cells[20] = "" if t in (5, 6) else cells[20]
        lines.append(",".join([*cells, "a word"]))
    (tmp_path / "a.csv").write_text("\n".join(lines))
    found = open_motion(tmp_path / "a.csv", asked="g1")
    np.testing.assert_allclose(found.motion.qpos, qpos, atol=0.01)  # pyright: ignore
    said = "; ".join(finding.text for finding in found.findings)
    assert "in 2 frames from 5 on: interpolated" in said and "left out: note" in said


def without(names, table, name):
    """Names and columns without one of them."""
    keep = [i for i, own in enumerate(names) if own != name]
    return [names[i] for i in keep], table[:, keep]


def measure_turn(found, qpos):
    """The largest angle between the root's rotations [rad]."""
    same = np.abs(np.sum(found.motion.qpos[:, 3:7] * qpos[:, 3:7], axis=1))
    return 2.0 * float(np.arccos(np.clip(same, 0.0, 1.0)).max())


def turn_round(qpos):
    """The same while the root turns once and a half about z, and its yaw, unwrapped [rad]."""
    yaw, turned = np.linspace(0.0, 3.0 * np.pi, len(qpos)), qpos.copy()
    turned[:, 3:7] = Rotation.from_euler("z", yaw[:, None]).as_quat()[:, [3, 0, 1, 2]]
    return turned, yaw


@pytest.mark.parametrize(
    ("unit", "joints", "scale", "size"),
    [("_rad", "", 1.0, 1.0), ("", "", 1.0, 1.0), ("_rad", "_deg", 1.0, 1.0), ("", "_deg", np.pi / 180, 0.01)],
)
def test_the_unit_of_the_roots_angles(tmp_path, g1, qpos, unit, joints, scale, size):
    """A turn and a half in radians; a lean of some degrees in degrees, where the joints' names say degrees."""
    known, yaw = turn_round(qpos)
    yaw = yaw * size
    known[:, 3:7] = Rotation.from_euler("z", yaw[:, None]).as_quat()[:, [3, 0, 1, 2]]
    names = ["x", "y", "z", *(f"root_{axis}{unit}" for axis in ("roll", "pitch", "yaw"))]
    names += [name + joints for name in hinge_names(g1.model)]
    hinges = np.degrees(known[:, 7:]) if joints else known[:, 7:]
    table = np.column_stack([known[:, :3], 0 * yaw, 0 * yaw, yaw / scale, hinges])
    found = open_motion(write_named(tmp_path / "a.csv", names, table), asked="g1")
    assert measure_turn(found, known) < 1e-6
    np.testing.assert_allclose(found.motion.qpos[:, 7:], known[:, 7:], atol=1e-7)  # pyright: ignore


@pytest.mark.parametrize("kind", ["named", "foreign", "bare", "rpy", "drake"])
def test_gaps_of_the_root_are_rotations(tmp_path, g1, qpos, kind):
    """Through half a turn, where yaw goes from pi to -pi, and with quaternions whose sign changes in the gap."""
    known, yaw = turn_round(qpos)
    written, gap, hinges = known.copy(), slice(9, 18), list(hinge_names(g1.model))
    written[18:, 3:7] *= -1.0
    drake = [3, 4, 5, 6, 0, 1, 2, *range(7, 36)]
    if kind == "rpy":
        wrapped = (yaw + np.pi) % (2 * np.pi) - np.pi
        table = np.column_stack([known[:, :3], 0 * yaw, 0 * yaw, wrapped, known[:, 7:]])
        table[gap, 3:6] = np.nan
        path = write_named(tmp_path / "a.csv", ["x", "y", "z", "roll", "pitch", "yaw", *hinges], table)
    elif kind in ("named", "foreign"):
        written[gap, 3:7] = np.nan
        quat = [f"{'root_q' if kind == 'named' else 'base_quat_'}{axis}" for axis in "wxyz"]
        place = [f"{'root' if kind == 'named' else 'base'}_{axis}" for axis in "xyz"]
        path = write_named(tmp_path / "a.csv", [*place, *quat, *hinges], written)
    elif kind == "bare":
        written[gap, 3:7] = np.nan
        np.savetxt(path := tmp_path / "a.csv", written[:, [0, 1, 2, 4, 5, 6, 3, *range(7, 36)]], delimiter=",")
    else:
        written[gap, 3:7] = np.nan
        np.save(path := tmp_path / "a.npy", written[:, drake])
    found = open_motion(path, asked="g1")
    assert measure_turn(found, known) < np.radians(12.0)
    np.testing.assert_allclose(found.motion.qpos[:, :3], known[:, :3], atol=1e-7)  # pyright: ignore
    assert any("interpolated" in said.text for said in found.findings)


def test_two_columns_of_one_number_are_refused(tmp_path, qpos):
    names = [
        "x",
        "y",
        "z",
        "qw",
        "qx",
        "qy",
        "qz",
        *(f"joint_{i}" for i in range(29)),
        *(f"motor_{i}" for i in range(29)),
    ]
    with pytest.raises(InputError, match="the columns joint_0 and motor_0 are both a joint of one number; delete"):
        open_motion(write_named(tmp_path / "a.csv", names, np.column_stack([qpos, qpos[:, 7:]])), asked="g1")


def test_gaps_in_the_last_column_and_columns_that_are_mostly_gaps(tmp_path, g1, qpos):
    names = ["x", "y", "z", "qw", "qx", "qy", "qz", *hinge_names(g1.model)]
    lines = [",".join(f"{value:.10g}" for value in row) for row in qpos]
    lines[5] = lines[5].rsplit(",", 1)[0] + ","
    for end in ("", ","):  # which some programs write behind each row
        (tmp_path / "a.csv").write_text("\n".join(line + end for line in [",".join(names), *lines]))
        found = open_motion(tmp_path / "a.csv", asked="g1")
        np.testing.assert_allclose(found.motion.qpos, qpos, atol=0.01)  # pyright: ignore
    holed = qpos.copy()
    holed[:27, 12] = np.nan
    with pytest.raises(InputError, match=f"in the file, but without numbers in most rows: {names[12]}"):
        open_motion(write_named(tmp_path / "b.csv", names, holed), asked="g1")
