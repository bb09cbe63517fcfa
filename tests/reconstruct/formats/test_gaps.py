"""What is missing for a while is interpolated and reported, the same in every format; for most of the time, refused."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.formats.gaps import cut_ends, fill_numbers, hold_rows, interpolate_turns, is_unit
from reconstruct.formats.open_motion import open_motion
from reconstruct.formats.options import MotionFileConfig
from reconstruct.formats.robot_joints import ball_columns
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import from_rotvec
from tests.reconstruct.formats.test_asf_amc import still, write_amc, write_asf
from tests.reconstruct.formats.test_read_gltf import blender_gltf
from tests.samples import CHARACTER
from tests.skeletons import write_amass
from tests.small_skeleton import TRC_NAMES, bvh, open_skeleton, place, walking, write_trc_text


def test_numbers_in_gaps_lie_on_the_line_between_their_neighbours(tmp_path):
    values = np.stack([np.arange(10.0), 3.0 - 2.0 * np.arange(10.0)], axis=1)
    holed = values.copy()
    holed[4:6, 0], holed[7, 1] = np.nan, np.inf
    filled, findings = fill_numbers(holed, "trans", tmp_path)
    np.testing.assert_allclose(filled, values)
    assert (
        "trans holds NaN, infinity or nothing in 3 frames from 4 on: interpolated" in findings[0].text
        and findings[0].doubtful
    )
    holed[:6, 0] = np.nan
    with pytest.raises(
        InputError, match=r"trans holds NaN, infinity or nothing in 60% of the frames, first in frame 0"
    ):
        fill_numbers(holed, "trans", tmp_path)


def test_rotations_in_gaps_are_between_their_neighbours(tmp_path):
    """Also where the two are written with opposite signs, and beyond half a turn of a rotation vector."""
    angle = np.linspace(0.0, 3.0, 7)
    quats = from_rotvec(angle[:, None, None] * np.array([[[0.0, 0.0, 1.0]]]))
    holed = quats.copy()
    holed[4:] *= -1
    holed[2:4] = np.nan
    held, known = hold_rows(holed, "poses", tmp_path)
    np.testing.assert_array_equal(held[2], held[1])
    filled = interpolate_turns(held, known)
    assert np.abs(np.sum(filled * quats, axis=-1)).min() > np.cos(0.5 * np.radians(5.0))


def test_beginning_and_end_without_markers_are_cut_off():
    places = np.ones((10, 2, 3))
    places[:2], places[8:, :, :] = np.nan, 0.0
    kept, findings = cut_ends(places, 10.0)
    assert len(kept) == 6 and "the first 0.20 s and the last 0.20 s: cut off" in findings[0].text


@pytest.mark.parametrize("kind", [".npz", ".npy", ".bvh", ".trc", ".csv", ".amc", ".gltf", "own.npz"])
def test_every_format_has_the_same_rule(tmp_path, kind):
    """Three frames of sixty are filled in within centimetres, 40 of sixty refused."""
    for missing in (3, 40):
        whole, holed = (write(tmp_path / f"{name}{kind}", rows) for name, rows in (("a", 0), ("b", missing)))
        named = "own" if kind == "own.npz" else ""
        if missing == 40:
            with pytest.raises(InputError, match=rf"b{named}\.\w+: .*(67% of the frames|less than half of the frames)"):
                open_motion(holed)
            continue
        true, found = open_motion(whole), open_motion(holed)
        assert any("missing" in said.text or "NaN" in said.text for said in found.findings)
        if kind in (".csv", "own.npz"):
            np.testing.assert_allclose(found.motion.qpos, true.motion.qpos, atol=0.02)  # pyright: ignore
            continue
        size = float(np.ptp(true.rest, axis=0).max())  # pyright: ignore
        np.testing.assert_allclose(found.positions, true.positions, atol=0.02 * size)  # pyright: ignore


def write(path, missing):
    """A motion of 60 frames in which something is missing from the 10th frame on."""
    gap = slice(10, 10 + missing)
    if path.name.endswith("own.npz"):
        return write_holed_own(path, gap)
    if path.suffix in (".npz", ".npy"):
        write_amass(path.with_suffix(".npz"))
        with np.load(path.with_suffix(".npz")) as archive:
            arrays = dict(archive)
        if path.suffix == ".npz":
            arrays["trans"][gap] = arrays["poses"][gap, 5] = np.nan
            np.savez(path, **arrays)
        else:
            places = open_skeleton(path.with_suffix(".npz")).positions.copy()
            places[gap, 4] = np.nan
            np.save(path, places)
        return path
    if path.suffix == ".amc":
        return write_holed_amc(path, gap)
    steps, angles = walking()
    if path.suffix == ".gltf":
        blender_gltf(path, np.stack([0 * steps, 95 + 0 * steps, 4 * steps], axis=1), angles)
        return hole_gltf(path, "rotation", gap)
    if path.suffix == ".bvh":
        angles["LeftLeg"][gap, 1] = np.nan
        return place(path, bvh(steps, angles=angles))
    known = open_skeleton(place(path.with_suffix(".bvh"), bvh(steps, angles=angles)))
    if path.suffix == ".trc":
        places = known.positions[:, [known.names.index(name) for name in TRC_NAMES.values()]] / 100
        places[gap, list(TRC_NAMES).index("LKnee")] = np.nan
        write_trc_text(path, list(TRC_NAMES), places)
        return path
    rows = np.zeros((60, 36))
    rows[:, [2, 6]], rows[:, 0], rows[:, 10] = [0.79, 1.0], 0.02 * np.arange(60), np.linspace(0, 1, 60)
    rows[gap, 10] = np.nan
    np.savetxt(path, rows, delimiter=",")
    return path


def write_holed_amc(path, gap):
    """A walk in Acclaim's files in which a bone has no numbers in some frames, and is left out of one."""
    write_asf(path.with_suffix(".asf"))
    swing = 25 * np.sin(np.arange(60) / 6)
    frames = [still(lfemur=[-s, 0, 0], root=[0, 17, 0.07 * t, 0, 0, 0]) for t, s in enumerate(swing)]
    for frame in frames[gap]:
        frame["lfemur"] = [np.nan] * 3
    if gap.stop > gap.start:
        del frames[gap.start]["lfemur"]
    write_amc(path, frames)
    return path


def write_holed_own(path, gap):
    """A run's motion with holes in the root's place, its rotation, a ball joint and a hinge."""
    model = CHARACTER.model
    qpos, phase = np.tile(np.array(model.qpos0), (60, 1)), np.linspace(0, 1, 60)
    ball, knee = 7 + ball_columns(model)[0][0], model.joint("left_knee").qposadr[0]
    turns = from_rotvec(phase[:, None] * np.array([[0.0, 0.0, 1.0]]))
    qpos[:, 3:7], qpos[:, ball : ball + 4], qpos[:, 0], qpos[:, knee] = turns, turns, phase, -phase
    parts = tuple(CHARACTER.contacts)
    still = np.zeros((60, len(parts)), dtype=bool)
    ReferenceMotion(qpos, 30.0, "humanoid", CHARACTER.height, CHARACTER.joint_names, still, parts).save(path)
    arrays: dict[str, Any] = dict(np.load(path))
    for column in (0, 4, *range(ball, ball + 4), knee):
        arrays["qpos"][gap, column] = np.nan
    np.savez(path, **arrays)
    return path


def hole_gltf(path, what, gap):
    """The same file with NaN in some keys of the first channel of a kind."""
    document = json.loads(path.read_text())
    clip = document["animations"][0]
    sampler = next(clip["samplers"][c["sampler"]] for c in clip["channels"] if c["target"]["path"] == what)
    view = document["bufferViews"][document["accessors"][sampler["output"]]["bufferView"]]
    head, _, content = document["buffers"][0]["uri"].partition(",")
    numbers = np.frombuffer(base64.b64decode(content), "<f4").copy()
    own = numbers[view["byteOffset"] // 4 : (view["byteOffset"] + view["byteLength"]) // 4].reshape(60, -1)
    own[gap] = np.nan
    document["buffers"][0]["uri"] = f"{head},{base64.b64encode(numbers.tobytes()).decode()}"
    path.write_text(json.dumps(document))
    return path


def test_joints_at_exactly_zero_were_not_seen(tmp_path):
    """As sensors write it; a pelvis that is the origin of the others stays one."""
    write(tmp_path / "a.npy", 0)
    known = np.load(tmp_path / "a.npy")
    for origin in (known[:1, :1], known[:, :1]):  # the path's, or every frame's
        holed = known - origin
        holed[20:23, 7] = 0.0
        np.save(tmp_path / "b.npy", known - origin)
        np.save(tmp_path / "c.npy", holed)
        whole, found = (open_skeleton(tmp_path / name) for name in ("b.npy", "c.npy"))
        assert any("nothing in 3 frames from 20 on" in said.text for said in found.findings)
        assert not any("interpolated" in said.text for said in whole.findings)
        np.testing.assert_allclose(found.positions, whole.positions, atol=0.05)


def test_angles_go_the_shorter_way_round(tmp_path):
    values = np.array([[170.0, 1.0], [np.nan, np.nan], [-170.0, 3.0]])
    filled, _ = fill_numbers(values, "the table", tmp_path, np.array([360.0, 0.0]))
    np.testing.assert_allclose(filled[:, 1], [1, 2, 3])
    assert abs(abs(filled[1, 0]) - 180.0) < 1e-9 and filled[2, 0] == -170.0


def test_a_gap_hides_no_quaternions_that_are_none(tmp_path):
    """Known rows stay as they are, and whether they have unit length does not hang on those that are missing."""
    quats = np.tile([2.0, 0.0, 0.0, 0.0], (5, 1, 1))
    known = np.arange(5) != 2
    filled = interpolate_turns(quats, known)
    np.testing.assert_array_equal(filled[known], quats[known])
    holed = from_rotvec(np.linspace(0, 1, 5)[:, None] * [0.0, 0.0, 1.0])
    holed[2, 1] = np.nan
    assert is_unit(holed) and not is_unit(2 * holed) and not is_unit(np.full((3, 4), np.nan))


def test_a_gap_in_deepmimics_frames(tmp_path):
    """Three rows of a quaternion whose sign changes there, and a hinge."""
    rows = np.zeros((10, 44))
    rows[:, 0], rows[:, 2], rows[:, 4] = 1 / 30, 0.9, 1.0
    rows[:, [8, 12, 16, 21, 25, 30, 35, 39]] = 1.0
    holed = rows.copy()
    holed[4:, 8:12] *= -1.0
    holed[3:6, 8:12] = holed[3:6, 20] = np.nan
    for name, table in (("a.txt", rows), ("b.txt", holed)):
        (tmp_path / name).write_text(json.dumps({"Loop": "none", "Frames": table.tolist()}))
    whole, found = (open_skeleton(tmp_path / name) for name in ("a.txt", "b.txt"))
    np.testing.assert_allclose(found.positions, whole.positions, atol=1e-9)
    assert any("in 3 frames from 3 on: interpolated" in said.text for said in found.findings)


def test_a_marker_that_is_rarely_seen_and_a_single_frame(tmp_path):
    steps, angles = walking()
    known = open_skeleton(place(tmp_path / "a.bvh", bvh(steps, angles=angles)))
    places = known.positions[:, [known.names.index(name) for name in TRC_NAMES.values()]] / 100
    rare, single = places.copy(), places.copy()
    rare[24:, list(TRC_NAMES).index("LKnee")] = single[1:] = np.nan
    for name, table in (("a.trc", rare), ("b.trc", single)):
        write_trc_text(tmp_path / name, list(TRC_NAMES), table)
    with pytest.raises(InputError, match="'LKnee' is seen in 40% of the frames, in too few"):
        open_motion(tmp_path / "a.trc", MotionFileConfig(joint=("left_knee=LKnee",)))
    with pytest.raises(InputError, match="seen in 1 frame only; a motion has at least 2"):
        open_motion(tmp_path / "b.trc")


def test_a_gap_of_a_ball_joint_is_filled_as_a_rotation(tmp_path):
    """Between quaternions of opposite signs, in MuJoCo's coordinates of the humanoid."""
    qpos = np.tile(CHARACTER.model.qpos0, (20, 1))
    ball = 7 + np.array(ball_columns(CHARACTER.model)[0])
    qpos[:, ball] = from_rotvec(np.linspace(0.0, 1.0, 20)[:, None] * [0.0, 0.0, 1.0])
    holed = qpos.copy()
    holed[10:, ball] *= -1.0
    holed[8:12, ball[1]] = np.nan
    np.savez(tmp_path / "a.npz", qpos=holed, fps=30)
    found = open_motion(tmp_path / "a.npz", asked=CHARACTER.name).motion.qpos  # pyright: ignore
    assert np.abs(np.sum(found[:, ball] * qpos[:, ball], axis=1)).min() > 1.0 - 1e-4
    np.testing.assert_allclose(np.delete(found, ball, axis=1), np.delete(qpos, ball, axis=1), atol=1e-9)
