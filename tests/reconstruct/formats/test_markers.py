"""TRC and C3D: joints by name, joints from markers on the skin, gaps."""

from typing import Any

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.formats.markers import find_hips, find_joints, split_marker
from reconstruct.formats.open_motion import open_motion
from reconstruct.formats.options import MotionFileConfig
from reconstruct.formats.skeleton import to_character
from reconstruct.kinematics import BodyPoints, point_positions
from tests.small_skeleton import TRC_NAMES, bvh, open_skeleton, place, walking, write_trc_text


def known_places(tmp_path):
    path, angles = walking()
    skeleton = open_motion(place(tmp_path / "known.bvh", bvh(path, angles=angles)))
    return skeleton.positions[:, [skeleton.names.index(name) for name in TRC_NAMES.values()]]  # pyright: ignore


def landmarks(path):
    body, motion, findings = to_character(open_skeleton(path), path)
    points = BodyPoints.of_sites(body.model, tuple(body.landmarks))
    at = dict(zip(body.landmarks, np.moveaxis(point_positions(body.model, motion.qpos, points), 1, 0), strict=True))
    return at, motion, "; ".join(finding.text for finding in findings)


@pytest.mark.parametrize(("unit", "scale"), [("m", 0.01), ("mm", 10.0)])
def test_trc_as_pose2sim_writes_it(tmp_path, unit, scale):
    places = known_places(tmp_path)
    write_trc_text(tmp_path / "a.trc", list(TRC_NAMES), places * scale, unit, rate=60)
    at, motion, said = landmarks(tmp_path / "a.trc")
    assert motion.fps == 60.0 and "+y up" in said and "lengths in" in said
    names = list(TRC_NAMES)
    shift = 0.5 * (places[0, names.index("LHip")] + places[0, names.index("RHip")]) * [1, 0, 1]
    for marker, landmark in (("LKnee", "left_knee"), ("RAnkle", "right_ankle"), ("LWrist", "left_wrist")):
        true = (places[:, names.index(marker)] - shift)[:, [2, 0, 1]] / 100
        np.testing.assert_allclose(at[landmark], true, atol=3e-3)


def test_gaps_are_filled_and_reported(tmp_path):
    places = known_places(tmp_path) / 100
    whole, _, _ = write_and_read(tmp_path, places)
    places[20:26, list(TRC_NAMES).index("LWrist")] = np.nan
    at, _, said = write_and_read(tmp_path, places)
    assert "are missing: interpolated" in said
    np.testing.assert_allclose(at["left_wrist"], whole["left_wrist"], atol=0.05)


def write_and_read(tmp_path, places):
    write_trc_text(tmp_path / "a.trc", list(TRC_NAMES), places)
    return landmarks(tmp_path / "a.trc")


def test_markers_can_be_named_by_the_user(tmp_path):
    places = known_places(tmp_path)
    index = list(TRC_NAMES).index("LKnee")
    names = [name if name != "LKnee" else "in" for name in TRC_NAMES]
    offset = np.array([3.0, 0.0, 0.0])
    places[:, index] -= offset
    both = np.concatenate([places, places[:, index : index + 1] + 2 * offset], axis=1)
    write_trc_text(tmp_path / "a.trc", [*names, "out"], both, "cm")
    config = MotionFileConfig(joint=("left_knee=in+out",))
    body, motion, _ = to_character(open_skeleton(tmp_path / "a.trc", config), tmp_path / "a.trc", config)
    points = BodyPoints.of_sites(body.model, (body.landmarks["left_knee"],))
    shift = 0.5 * (places[0, names.index("LHip")] + places[0, names.index("RHip")]) * [1, 0, 1]
    true = (places[:, index] + offset - shift)[:, [2, 0, 1]] / 100
    np.testing.assert_allclose(point_positions(body.model, motion.qpos, points)[:, 0], true, atol=3e-3)
    for pair, message in (("left_knee=up", "'up' is not in it; it has"), ("knee=in", "no landmark 'knee'")):
        with pytest.raises(InputError, match=message):
            open_skeleton(tmp_path / "a.trc", MotionFileConfig(joint=(pair,)))


def test_places_in_pixels_are_no_motion(tmp_path):
    write_trc_text(tmp_path / "a.trc", list(TRC_NAMES), known_places(tmp_path), "px")
    with pytest.raises(InputError, match=r"pixels of a video; give the file in metres"):
        open_motion(tmp_path / "a.trc")


def test_what_is_missing_is_named(tmp_path):
    places = known_places(tmp_path)
    names = [name if name != "LKnee" else "Tail" for name in TRC_NAMES]
    write_trc_text(tmp_path / "a.trc", names, places, "cm")
    with pytest.raises(InputError, match=r"no marker is known for left_knee: give --joint left_knee=MARKER"):
        open_motion(tmp_path / "a.trc")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Subject:LASI", ("left", "asi")), ("RPSI", ("right", "psi")), ("r_knee_study", ("right", "kneestudy")),
        ("L_mknee_study", ("left", "mkneestudy")), ("LHJC_study", ("left", "hjcstudy")), ("R.ASIS", ("right", "asis")),
        ("LKnee", ("left", "knee")), ("RBigToe", ("right", "bigtoe")), ("LFHD", ("left", "fhd")),
        ("Nose", (None, "nose")), ("CHip", (None, "hip")),
    ],
)  # fmt: skip
def test_names_of_markers(name, known):
    assert split_marker(name) == known


def test_hips_lie_in_the_pelvis():
    """Harrington's regression on a pelvis of 240 x 150 mm: 86 mm to the side, 46 mm behind, 83 mm below the front."""
    known: Any = {
        ("left", "asi"): np.array([[0.12, 0, 1.0]]), ("right", "asi"): np.array([[-0.12, 0, 1.0]]),
        ("left", "psi"): np.array([[0.05, 0.15, 1.0]]), ("right", "psi"): np.array([[-0.05, 0.15, 1.0]]),
    }  # fmt: skip
    hips = find_hips(known, 1.0)  # facing -y, left at +x
    np.testing.assert_allclose(hips["left_hip"], [[0.0865, 0.0459, 0.9171]], atol=1e-4)
    np.testing.assert_allclose(hips["right_hip"], [[-0.0865, 0.0459, 0.9171]], atol=1e-4)


def test_c3d_with_the_plug_in_gait_set(tmp_path):
    ezc3d = pytest.importorskip("ezc3d", reason="C3D needs pip install ezc3d")
    places = known_places(tmp_path)[:, :, [2, 0, 1]] * 10  # z up, mm
    names = list(TRC_NAMES)
    at = {name: places[:, names.index(name)] for name in names}
    pelvis = 0.5 * (at["LHip"] + at["RHip"])
    marks = {}
    for side, y in (("L", 1.0), ("R", -1.0)):
        marks[f"{side}ASI"] = pelvis + [46, 120 * y, 83]
        marks[f"{side}PSI"] = pelvis + [-104, 50 * y, 83]
        marks |= {f"{side}{mark}": at[f"{side}{joint}"] for mark, joint in (
            ("KNE", "Knee"), ("ANK", "Ankle"), ("TOE", "BigToe"), ("SHO", "Shoulder"), ("ELB", "Elbow"),
            ("WRA", "Wrist"), ("WRB", "Wrist"))}  # fmt: skip
        marks[f"{side}FHD"] = marks[f"{side}BHD"] = at["Head"] + [0, 70 * y, 0]
    file = ezc3d.c3d()
    file["parameters"]["POINT"]["RATE"]["value"] = [120.0]
    file["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    file["parameters"]["POINT"]["LABELS"]["value"] = [f"Anna:{name}" for name in marks]
    points = np.ones((4, len(marks), len(pelvis)))
    points[:3] = np.stack(list(marks.values()), axis=1).transpose(2, 1, 0)
    file["data"]["points"] = points
    file.write(str(tmp_path / "a.c3d"))
    found, motion, said = landmarks(tmp_path / "a.c3d")
    assert motion.fps == 120.0 and "+z up" in said and "markers on the skin" in said
    true = (at["LKnee"] - pelvis[:1] * [1, 1, 0]) / 1000
    np.testing.assert_allclose(found["left_knee"], true, atol=0.02)
    assert np.abs(found["left_hip"] - (at["LHip"] - pelvis[:1] * [1, 1, 0]) / 1000).max() < 0.02


def test_times_of_the_rows_against_the_header(tmp_path):
    """A header's rate that the times contradict gives way, and rows that are missing become gaps."""
    places = known_places(tmp_path) / 100
    whole, motion, _ = write_and_read(tmp_path, places)
    lines = (tmp_path / "a.trc").read_text().splitlines()
    head, rows = lines[:5], lines[5:]
    (tmp_path / "b.trc").write_text("\n".join([*head[:2], head[2].replace("30\t30", "60\t60"), *head[3:], *rows]))
    _, slower, said = landmarks(tmp_path / "b.trc")
    assert slower.fps == pytest.approx(30.0, rel=1e-3) and "60 frames a second in the header, 30 by the times" in said
    (tmp_path / "d.trc").write_text("\n".join([*head[:2], head[2].replace("30\t30", "0\t0"), *head[3:], *rows]))
    assert landmarks(tmp_path / "d.trc")[1].fps == pytest.approx(30.0, rel=1e-3)
    (tmp_path / "c.trc").write_text("\n".join([*head, *rows[:20], *rows[26:]]))
    at, found, said = landmarks(tmp_path / "c.trc")
    assert len(found) == len(motion) and "6 rows are missing by their times" in said
    np.testing.assert_allclose(at["left_knee"][30:], whole["left_knee"][30:], atol=1e-3)


def test_one_marker_that_is_long_gone_is_doubtful(tmp_path):
    places = known_places(tmp_path) / 100
    places[10:28, list(TRC_NAMES).index("LKnee")] = np.nan
    write_trc_text(tmp_path / "a.trc", list(TRC_NAMES), places)
    findings = open_motion(tmp_path / "a.trc").findings
    assert any(said.doubtful and "'LKnee' is missing for 0.6 s" in said.text for said in findings)


def test_knees_of_isb_markers_are_between_both_sides():
    places = np.zeros((2, 2, 3))
    places[:, 0], places[:, 1] = [0.45, 0, 0.5], [0.35, 0, 0.5]
    assert np.allclose(find_joints(["L_FLE", "L_FME"], places, 1.0)[0]["left_knee"], [0.4, 0, 0.5])


def test_decimal_commas(tmp_path):
    places = known_places(tmp_path) / 100
    whole, _, _ = write_and_read(tmp_path, places)
    text = (tmp_path / "a.trc").read_text()
    (tmp_path / "a.trc").write_text(text.replace("a.trc", "a").replace(".", ","))
    at, _, _ = landmarks(tmp_path / "a.trc")
    np.testing.assert_allclose(at["left_knee"], whole["left_knee"], atol=1e-9)


def test_markers_of_the_isb_without_the_inner_ones():
    """Rizzoli's, CAST's and OptiTrack's sets may have a knee and a shoulder by one marker alone."""
    names = ["L_FLE", "R_FLE", "LCAJ", "RCAJ", "L_HLE", "R_HLE", "L_IAS", "R_IAS", "L_IPS", "R_IPS"]
    places = np.random.default_rng(0).normal(size=(2, len(names), 3))
    found, by_marker = find_joints(names, places, 1.0)
    for name, marker in (("left_knee", "L_FLE"), ("right_shoulder", "RCAJ"), ("left_elbow", "L_HLE")):
        np.testing.assert_array_equal(found[name], places[:, names.index(marker)])
    assert "knees" in by_marker and "left_hip" in found
