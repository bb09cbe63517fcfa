"""Joint angles of robots: our own table, Unitree's, BeyondMimic's archives; joints by name, quaternions either way."""

from typing import Any

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.contacts import contact_points
from reconstruct.formats.open_motion import open_motion
from reconstruct.formats.options import MotionFileConfig
from reconstruct.formats.read_motion import load_motion
from reconstruct.formats.robot_archive import find_root
from reconstruct.formats.robot_joints import breadth_first, hinge_names
from reconstruct.formats.write_csv import write_csv
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.retargeting.retargeting import retarget
from reconstruct.rotations import from_rotvec, multiply, rotate
from sfv.demo.motions import load_demo_motion


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
    with pytest.raises(InputError, match="nearly the joints of humanoid, but without right_knee, left_knee; add these"):
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


ROOT = ("root_x", "root_y", "root_z", "root_qx", "root_qy", "root_qz", "root_qw")
WORDS = ("base_pos_x", "base_pos_y", "base_pos_z", "base_quat_x", "base_quat_y", "base_quat_z", "base_quat_w")
METRES = np.array([1e3] * 3 + [1.0] * 33)


@pytest.mark.parametrize(
    ("mark", "names", "count", "scale", "said"),
    [
        (";", None, None, 1.0, ""),
        ("\t", None, None, 1.0, ""),
        (" ", None, None, 1.0, ""),
        (",", None, "frames", 1.0, "counts frames"),
        (",", None, "time", 1.0, "first column is the time"),
        (",", ROOT, "Time", 1.0, "by their names"),
        (",", WORDS, "Frame", 1.0, "no frame rate"),
        (",", WORDS, "timestamp", 1.0, ""),
        (",", None, None, METRES, "looks like millimetres: 7"),
    ],
)
def test_tables_of_others(tmp_path, g1, walk, mark, names, count, scale, said):
    """Delimiters, names of the root, joints in another order, counters, units: the motion is the same."""
    table = walk.qpos[:, [0, 1, 2, 4, 5, 6, 3, *range(7, 36)]] * scale
    hinges = [name.replace("_joint", "_dof" if names is WORDS else "_joint") for name in hinge_names(g1.model)]
    header = [*(names or ROOT), *hinges]
    if names is not None:
        order = np.random.default_rng(0).permutation(36)
        table, header = table[:, order], [header[i] for i in order]
    if count is not None:
        steps = np.arange(len(table)) / (1.0 if "rame" in count else walk.fps)
        table, header = np.column_stack([steps, table]), [count, *header]
    title = mark.join(header) if names else ""
    np.savetxt(tmp_path / "a.csv", table, fmt="%.9g", delimiter=mark, header=title, comments="")
    text = (tmp_path / "a.csv").read_text().lstrip("\n")
    (tmp_path / "a.csv").write_text(text)
    found = open_motion(tmp_path / "a.csv", asked="g1")
    np.testing.assert_allclose(found.motion.qpos, walk.qpos, atol=1e-6)  # pyright: ignore
    assert said in "; ".join(finding.text for finding in found.findings)
    if count is not None and "rame" not in count:
        assert found.motion.fps == pytest.approx(walk.fps, rel=1e-4)  # pyright: ignore


def write_named(path, table, names):
    np.savetxt(path, table, fmt="%.9g", delimiter=",", header=",".join(names), comments="")
    return path


PLACES = ("base_pos_x", "base_pos_y", "base_pos_z")
QUATS = ("base_quat_w", "base_quat_x", "base_quat_y", "base_quat_z")


@pytest.mark.parametrize("speeds", ["base_lin_vel_{}", "base_ang_vel_{}", "com_{}", "left_foot_pos_{}", "imu_acc_{}"])
def test_what_is_no_place_is_not_taken_for_one(tmp_path, g1, walk, speeds):
    """A log of a simulator: velocities and the like stand before the root's place and end in x, y and z as well."""
    hinges = [name.removesuffix("_joint") for name in hinge_names(g1.model)]
    more = [speeds.format(axis) for axis in "xyz"]
    time = np.arange(len(walk.qpos))[:, None] / walk.fps
    other = np.random.default_rng(0).normal(0.0, 0.5, (len(walk.qpos), 3))
    names = ["time", *more, *PLACES, *QUATS, *hinges]
    found = open_motion(write_named(tmp_path / "a.csv", np.hstack([time, other, walk.qpos]), names))
    np.testing.assert_allclose(found.motion.qpos, walk.qpos, atol=1e-6)  # pyright: ignore
    names = ["time", *more, *QUATS, *hinges]  # no place at all
    table = np.hstack([time, other, walk.qpos[:, 3:]])
    with pytest.raises(InputError, match="root's place and quaternion are not known among"):
        open_motion(write_named(tmp_path / "b.csv", table, names))


def test_of_several_places_the_root_has_its_own_and_equal_claims_are_refused(tmp_path, g1, walk):
    hinges = [name.removesuffix("_joint") for name in hinge_names(g1.model)]
    twice = np.hstack([walk.qpos[:, :3] + 1.0, walk.qpos])
    for first, second in (("x", "pelvis_pos_x"), ("body_x", "base_x"), ("pelvis_x", "root_pos_x")):
        names = [word[:-1] + axis for word in (first, second) for axis in "xyz"]
        found = open_motion(write_named(tmp_path / "a.csv", twice, [*names, *QUATS, *hinges]))
        np.testing.assert_allclose(found.motion.qpos, walk.qpos, atol=1e-6)  # pyright: ignore
    for first, second in (("base_x", "pelvis_pos_x"), ("root_x", "root_x")):
        names = [word[:-1] + axis for word in (first, second) for axis in "xyz"]
        with pytest.raises(InputError, match=f"columns {first} and {second} both claim x of the root's place"):
            open_motion(write_named(tmp_path / "a.csv", twice, [*names, *QUATS, *hinges]))
    names = [*PLACES, *QUATS, "left_knee_pos", *hinges]
    table = np.insert(walk.qpos, 7, 0.0, axis=1)
    with pytest.raises(InputError, match="left_knee_pos and left_knee are both the joint left_knee; delete one"):
        open_motion(write_named(tmp_path / "a.csv", table, names))


@pytest.mark.parametrize("ending", ["_deg", "_joint_degrees", " (deg)"])
def test_columns_say_the_unit_of_angles(tmp_path, g1, walk, ending):
    """Ten degrees are no ten radians; a joint that has turned twice and more is not in degrees where it says so."""
    hinges = [name.removesuffix("_joint") for name in hinge_names(g1.model)]
    small = walk.qpos.copy()
    small[:, 7:] *= np.radians(10.0) / np.abs(small[:, 7:]).max()  # below 4 pi also in degrees
    table = np.hstack([small[:, :7], np.degrees(small[:, 7:])])
    found = open_motion(write_named(tmp_path / "a.csv", table, [*PLACES, *QUATS, *(h + ending for h in hinges)]))
    np.testing.assert_allclose(found.motion.qpos, small, atol=1e-6)  # pyright: ignore
    assert any("in degrees, by the names" in finding.text for finding in found.findings)
    turned = small.copy()
    turned[:, 7] += 14.0
    names = [*PLACES, *QUATS, *(f"{hinge}_rad" for hinge in hinges)]
    found = open_motion(write_named(tmp_path / "b.csv", turned, names))
    np.testing.assert_allclose(found.motion.qpos, turned, atol=1e-6)  # pyright: ignore
    for root, joints in (((*PLACES, *QUATS), hinges), ((*ROOT[:3], ROOT[6], *ROOT[3:6]), hinge_names(g1.model))):
        found = open_motion(write_named(tmp_path / "c.csv", turned, [*root, *joints]))
        assert any("look like degrees" in finding.text for finding in found.findings)
        np.testing.assert_allclose(found.motion.qpos[:, 7], np.radians(turned[:, 7]), atol=1e-6)  # pyright: ignore


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("times", ["milliseconds", "whole milliseconds", "seconds"])
def test_times_in_milliseconds(tmp_path, g1, walk, named, times):
    time = np.arange(len(walk.qpos)) / 30.0 * (1.0 if times == "seconds" else 1e3)
    time = np.round(time) if "whole" in times else time
    table = np.column_stack([time, walk.qpos[:, [0, 1, 2, 4, 5, 6, 3, *range(7, 36)]]])
    if named:
        write_named(tmp_path / "a.csv", table, ["time", *ROOT, *hinge_names(g1.model)])
    else:
        np.savetxt(tmp_path / "a.csv", table, delimiter=",")
    found = open_motion(tmp_path / "a.csv")
    assert found.motion.fps == pytest.approx(30.0, rel=5e-3)  # pyright: ignore
    np.testing.assert_allclose(found.motion.qpos, walk.qpos, atol=1e-6)  # pyright: ignore
    assert any("milliseconds" in finding.text for finding in found.findings) == (times != "seconds")


def test_a_path_that_jitters_is_not_fast_all_through(tmp_path, walk):
    """A sensor at 500 Hz whose path jitters by centimetres: frame to frame 12 m/s and more, over 0.3 s a walk."""
    table = np.tile(walk.qpos[:1, [0, 1, 2, 4, 5, 6, 3, *range(7, 36)]], (400, 1))
    table[:, :3] += np.random.default_rng(0).normal(0.0, 0.02, (400, 3))
    np.savetxt(tmp_path / "a.csv", table, delimiter=",")
    assert open_motion(tmp_path / "a.csv", MotionFileConfig(fps=500.0)).motion.fps == 500.0  # pyright: ignore


def test_what_nobody_can_be_right_about_is_refused_or_said(tmp_path, walk):
    table = walk.qpos[:, [0, 1, 2, 4, 5, 6, 3, *range(7, 36)]].copy()
    leap = table.copy()
    leap[10:, 1] += 4.0
    np.savetxt(tmp_path / "a.csv", leap, delimiter=",")
    assert open_motion(tmp_path / "a.csv").findings[-1].text.startswith("the root leaps by 4.0 m at 0.33 s: cut it")
    fast = table.copy()
    fast[:, 0] += 20.0 * np.arange(len(table)) / 30
    np.savetxt(tmp_path / "b.csv", fast, delimiter=",")
    with pytest.raises(InputError, match=r"moves at 2\d m/s all through.*--fps"):
        open_motion(tmp_path / "b.csv")
    assert open_motion(tmp_path / "b.csv", MotionFileConfig(fps=10.0)).motion.fps == 10.0  # pyright: ignore
    turn = from_rotvec(np.array([[-np.pi / 2, 0.0, 0.0]]))  # y up
    quat = multiply(turn, walk.qpos[:, 3:7])
    y_up = np.concatenate([rotate(turn, walk.qpos[:, :3]), quat[:, [1, 2, 3, 0]], walk.qpos[:, 7:]], axis=1)
    np.savetxt(tmp_path / "c.csv", y_up, delimiter=",")
    found = open_motion(tmp_path / "c.csv")
    np.testing.assert_allclose(found.motion.qpos[:, :3], walk.qpos[:, :3], atol=1e-9)  # pyright: ignore
    assert "+y up" in found.findings[1].text and found.findings[1].doubtful


def test_coordinates_of_mujoco(tmp_path, g1, walk):
    names = np.array([b"root", *(name.encode() for name in hinge_names(g1.model))])
    np.savez(tmp_path / "a.npz", qpos=walk.qpos, joint_names=names, frequency=40.0)
    np.savez(tmp_path / "b.npz", qpos=walk.qpos, dt=0.025)
    for name in "ab":
        found = open_motion(tmp_path / f"{name}.npz", asked="g1").motion  # pyright: ignore
        np.testing.assert_allclose(found.qpos, walk.qpos, atol=1e-9)
        assert found.fps == pytest.approx(40.0)


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


def test_isaac_labs_archives_have_the_root_among_their_bodies(tmp_path, g1, walk):
    places, turns = (np.stack([part + 0.5, part], axis=1) for part in (walk.qpos[:, :3], walk.qpos[:, 3:7]))
    arrays: dict[str, Any] = {"dof_positions": walk.qpos[:, 7:], "dof_names": np.array(hinge_names(g1.model))}
    arrays |= {"body_names": np.array(["left_foot", "pelvis"]), "body_positions": places, "body_rotations": turns}
    np.savez(tmp_path / "a.npz", fps=60, **arrays)
    found = open_motion(tmp_path / "a.npz").motion  # pyright: ignore
    np.testing.assert_allclose(found.qpos, walk.qpos, atol=1e-9)
    assert found.fps == 60.0
    arrays["body_names"] = np.array([b"torso", b"pelvis"])
    np.savez(tmp_path / "bytes.npz", fps=60, **arrays)
    found = open_motion(tmp_path / "bytes.npz").motion  # pyright: ignore
    np.testing.assert_allclose(found.qpos, walk.qpos, atol=1e-9)
    # Of no name of the robot's own the first one is the root.
    assert find_root({"body_names": np.array(["base_link", "hip"])}, "g1") == 0
    arrays["body_names"] = np.array(["torso", "left_foot", "pelvis"])
    np.savez(tmp_path / "fewer.npz", fps=60, **arrays)
    with pytest.raises(InputError, match="number 3 of body_names, but there are 2"):
        open_motion(tmp_path / "fewer.npz")


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
    with pytest.raises(InputError, match=r"without the root's path; add root_pos .* to joint_pos \(\d+, 29\)"):
        open_motion(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", **(arrays | {"dof_pos": walk.qpos[:, 7:20]}))  # pyright: ignore
    with pytest.raises(InputError, match="13 joint angles without names; of the characters have: atlas"):
        open_motion(tmp_path / "c.npz")
    np.savez(tmp_path / "d.npz", **(arrays | {"joint_names": np.array(["a"] * 29)}))  # pyright: ignore
    with pytest.raises(InputError, match="no character has the joints a, a"):
        open_motion(tmp_path / "d.npz")


def test_a_robots_motion_on_a_person(tmp_path, walk):
    np.savetxt(tmp_path / "a.csv", walk.qpos[:, [0, 1, 2, 4, 5, 6, 3, *range(7, 36)]], delimiter=",")
    found = load_motion(tmp_path / "a.csv", load_character("humanoid"), loop="no")
    assert found.motion.character == "humanoid" and "retargeted from g1" in found.summary
    assert found.motion.qpos[-1, 0] - found.motion.qpos[0, 0] > 0.4


def test_coordinates_of_a_body_with_ball_joints(tmp_path):
    """MuJoCo's qpos of our humanoid, with the joints' names in any order, or without for who is to perform it."""
    humanoid = load_character("humanoid")
    known = load_demo_motion("walk", humanoid)
    names = list(known.joint_names)
    np.savez(tmp_path / "a.npz", qpos=known.qpos, fps=30.0, joint_names=np.array(names))
    np.savez(tmp_path / "b.npz", qpos=known.qpos, fps=30.0)
    sizes = [int(np.diff([*humanoid.model.jnt_qposadr, humanoid.model.nq])[j]) for j in range(len(names))]
    parts = dict(zip(names, np.split(known.qpos, np.cumsum(sizes)[:-1], axis=1), strict=True))
    mixed = [names[0], *reversed(names[1:])]
    np.savez(
        tmp_path / "c.npz", qpos=np.concatenate([parts[name] for name in mixed], axis=1), fps=30.0,
        joint_names=np.array(mixed),
    )  # fmt: skip
    for name in "abc":
        found = open_motion(tmp_path / f"{name}.npz", asked="humanoid").motion  # pyright: ignore
        np.testing.assert_allclose(found.qpos, known.qpos, atol=1e-12)
    np.savez(tmp_path / "d.npz", qpos=known.qpos[:, :-1], fps=30.0, joint_names=np.array(names))
    with pytest.raises(InputError, match=r"no character has the joints root, .* of 35 coordinates"):
        open_motion(tmp_path / "d.npz")


def test_joints_without_names_are_in_the_order_that_puts_the_bodies_where_they_are(tmp_path, g1, walk):
    bodies = np.arange(1, g1.model.nbody)
    origins = BodyPoints(bodies, np.zeros((len(bodies), 3)), np.zeros(len(bodies)))
    hinges, isaac = hinge_names(g1.model), breadth_first(g1.model)
    both = {"MuJoCo's": list(range(29)), "Isaac Lab's": [hinges.index(name) for name in isaac]}
    places = point_positions(g1.model, walk.qpos, origins)
    quats = np.repeat(walk.qpos[:, None, 3:7], len(bodies), axis=1)
    for name, columns in both.items():
        angles = walk.qpos[:, 7:][:, columns]
        np.savez(tmp_path / "a.npz", fps=50, joint_pos=angles, body_pos_w=places, body_quat_w=quats)
        found = open_motion(tmp_path / "a.npz")
        np.testing.assert_allclose(found.motion.qpos, walk.qpos, atol=1e-9)  # pyright: ignore
        assert any(f"in {name} order" in said.text for said in found.findings)


def test_quaternions_of_who_leans_are_in_the_order_that_puts_it_on_the_ground(tmp_path, g1, walk):
    tilted = walk.qpos.copy()
    tilted[:, 3:7] = multiply(from_rotvec(np.array([[0.0, 1.3, 0.0]])), walk.qpos[:, 3:7])  # as one who crawls
    tilted[:, 2] -= point_positions(g1.model, tilted, contact_points(g1))[..., 2].min(axis=1)
    for order in ("wxyz", "xyzw"):
        quat = tilted[:, 3:7] if order == "wxyz" else tilted[:, [4, 5, 6, 3]]
        np.savetxt(tmp_path / "a.csv", np.concatenate([tilted[:, :3], quat, tilted[:, 7:]], axis=1))
        found = open_motion(tmp_path / "a.csv")
        same = np.abs(np.sum(found.motion.qpos[:, 3:7] * tilted[:, 3:7], axis=1))  # pyright: ignore
        assert same.min() > 1.0 - 1e-9, order
        assert (order == "wxyz") == any("quaternions are wxyz" in said.text for said in found.findings)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("time_ms", 20.0), ("t_ms", 20.0), ("timestamp_ns", 20e6), ("Time (s)", 0.02), ("fps", None), ("TIME", 20.0),
        ("time", 33.513),
    ],
)  # fmt: skip
def test_columns_of_time_in_any_unit(tmp_path, name, column):
    humanoid = load_character("humanoid")
    write_csv(load_demo_motion("walk", humanoid), humanoid, tmp_path / "a.csv")
    head, *rows = (tmp_path / "a.csv").read_text().splitlines()
    lines = [",".join([name, *head.split(",")[1:]]).upper()]
    for t, row in enumerate(rows):
        lines.append(
            ",".join([f"{50 if column is None else 1e9 * (column > 1e6) + t * column:.12g}", *row.split(",")[1:]])
        )
    (tmp_path / "b.csv").write_text("\n".join(lines))
    rate = 1000.0 / column if name == "time" and column else 50.0
    assert open_motion(tmp_path / "b.csv").motion.fps == pytest.approx(rate, abs=0.01)  # pyright: ignore


def test_our_own_motion_that_was_edited(tmp_path):
    """Whatever is wrong is named with its place, and nobody is advised to delete a file that was given."""
    humanoid = load_character("humanoid")
    load_demo_motion("walk", humanoid).save(tmp_path / "a.npz")
    arrays: dict[str, Any] = dict(np.load(tmp_path / "a.npz"))
    qpos = arrays["qpos"]
    with_nan, scaled = qpos.copy(), qpos.copy()
    with_nan[: len(qpos) // 2 + 2, 9], scaled[2, 3:7] = np.nan, 2.0 * scaled[2, 3:7]
    for change, text in (
        ({"qpos": with_nan}, "qpos holds NaN, infinity or nothing in 5"),
        ({"qpos": scaled}, "quaternion in frame 2 has length 2"),
        ({"qpos": qpos[:10]}, f"10 frames of qpos, {len(qpos)} of contacts"),
        ({"qpos": qpos[:, :-1]}, "42 coordinates, humanoid has 43"),
        ({"character": np.array("robotx")}, "of the character 'robotx', which is not there"),
        ({"fps": None}, "motion without fps"),
        ({"fps": np.array(0.0)}, "expected a positive number"),
    ):
        changed = {key: value for key, value in (arrays | change).items() if value is not None}
        np.savez(tmp_path / "b.npz", **changed)  # pyright: ignore
        with pytest.raises(InputError, match=text) as error:
            open_motion(tmp_path / "b.npz")
        assert "delete" not in str(error.value)
    for scale, up, text in ((100.0, 0.0, "path is in centimetres"), (1.0, 50.0, "50 m off the ground")):
        places = qpos[:, :3] * scale + [0, 0, up]
        np.savez(tmp_path / "c.npz", **(arrays | {"qpos": np.concatenate([places, qpos[:, 3:]], axis=1)}))  # pyright: ignore
        found = load_motion(tmp_path / "c.npz", humanoid, loop="no")
        assert text in found.summary
        np.testing.assert_allclose(found.motion.qpos[0, :3], qpos[0, :3], atol=0.03)


def test_tables_without_enough_numbers_say_where(tmp_path):
    rows = [["0.5"] * 36 for _ in range(5)]
    for row in rows[2:]:
        row[10] = "nan"
    for lines, text in (
        (
            [",".join(row) for row in rows],
            "the table holds NaN, infinity or nothing in 60% of the frames, first in frame 2",
        ),
        ([",".join(rows[0])], "1 row of numbers"),
        ([], "an empty table"),
    ):
        (tmp_path / "a.csv").write_text("\n".join(lines))
        with pytest.raises(InputError, match=text):
            open_motion(tmp_path / "a.csv")
