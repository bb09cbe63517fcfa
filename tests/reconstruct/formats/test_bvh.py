"""BVH that departs from what is usual: positions that are displacements, frame times in milliseconds, odd units."""

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.formats.bvh import read_bvh
from reconstruct.formats.open_motion import open_motion
from reconstruct.formats.options import MotionFileConfig
from reconstruct.formats.units import find_unit
from tests.small_skeleton import BODY, body_of, bvh, open_skeleton, place, walking


def test_positions_that_are_all_zero_are_displacements(tmp_path):
    """As places, which position channels are elsewhere, they would make the body a point."""
    path, angles = walking(10)
    text = bvh(path, angles=angles)
    plain = read_bvh(place(tmp_path / "a.bvh", text))
    head, rows = text.split("MOTION\n")
    three, six = "CHANNELS 3 Zrotation", "CHANNELS 6 Xposition Yposition Zposition Zrotation"
    lines = rows.splitlines()
    for number, line in enumerate(lines[2:], start=2):
        words = line.split()
        own = [words[k : k + 3] for k in range(6, len(words), 3)]
        lines[number] = " ".join([*words[:6], *(word for three in own for word in ["0", "0", "0", *three])])
    found = read_bvh(place(tmp_path / "b.bvh", head.replace(three, six) + "MOTION\n" + "\n".join(lines)))
    np.testing.assert_allclose(found.positions, plain.positions, atol=1e-9)
    assert f"position channels of {len(BODY) - 1} joints are all 0" in found.findings[0].text


@pytest.mark.parametrize(
    ("written", "fps"), [("8.33333", 120.0), ("16.6667", 60.0), ("33.3333", 30.0), ("120", 120.0), ("25", 25.0)]
)
def test_frame_times_that_cannot_be_seconds(tmp_path, written, fps):
    path, angles = walking()
    text = bvh(path, angles=angles).replace("Frame Time: 0.0333333", f"Frame Time: {written}")
    motion = read_bvh(place(tmp_path / "a.bvh", text))
    assert motion.fps == pytest.approx(fps, rel=1e-4)
    assert motion.findings[-1].doubtful and "--fps overrules" in motion.findings[-1].text


@pytest.mark.parametrize(
    ("written", "fps"),
    [
        ("1/30", 30.0),
        ("0.0333333s", 30.0),
        ("8.333333 ms", 120.0),
        ("0,04", 25.0),
        ("4e-2 sec", 25.0),
        ("\n0.04", 25.0),
    ],
)
def test_frame_times_in_other_words(tmp_path, written, fps):
    path, angles = walking()
    text = bvh(path, angles=angles).replace("Frame Time: 0.0333333", f"Frame Time: {written}")
    motion = read_bvh(place(tmp_path / "a.bvh", text))
    assert motion.fps == pytest.approx(fps, rel=1e-4) and not any(said.topic == "rate" for said in motion.findings)


@pytest.mark.parametrize("written", ["0.000000", "-0.1", "nan", "fast", "1/0", ""])
def test_frame_times_that_are_none_leave_the_rate_to_the_user(tmp_path, written):
    path, angles = walking()
    text = bvh(path, angles=angles).replace("Frame Time: 0.0333333", f"Frame Time: {written}")
    place(tmp_path / "a.bvh", text)
    with pytest.raises(InputError, match=rf"'Frame Time: {written}' is no time of a frame; give the rate by --fps"):
        open_motion(tmp_path / "a.bvh")
    motion = open_skeleton(tmp_path / "a.bvh", MotionFileConfig(fps=24.0))
    assert motion.fps == 24.0 and len(motion.positions) == len(path)


def test_a_first_row_behind_the_frame_time_counts(tmp_path):
    path, angles = walking()
    text = bvh(path, angles=angles)
    whole = read_bvh(place(tmp_path / "a.bvh", text))
    found = read_bvh(place(tmp_path / "b.bvh", text.replace("Frame Time: 0.0333333\n", "Frame Time: 0.0333333 ")))
    np.testing.assert_array_equal(found.positions, whole.positions)
    assert found.fps == whole.fps and found.findings == whole.findings


def test_angles_in_radians(tmp_path):
    """They are found by their size; who idles in degrees, and would be folded up by radians, is left alone."""
    path, angles = walking()
    plain = read_bvh(place(tmp_path / "a.bvh", bvh(path, angles=angles)))
    found = read_bvh(
        place(tmp_path / "b.bvh", bvh(path, angles={name: np.radians(own) for name, own in angles.items()}))
    )
    np.testing.assert_allclose(found.positions, plain.positions, atol=0.01)
    assert "taken for radians" in found.findings[0].text and found.findings[0].doubtful
    rng = np.random.default_rng(0)
    for size in (0.7, 2.5):
        idle = {name: size * np.sin(np.arange(60)[:, None] / 20 + rng.uniform(0, 6, 3)) for name in BODY}
        still = read_bvh(place(tmp_path / "c.bvh", bvh(0.0 * path + [0, 92, 0], angles=idle)))
        assert np.ptp(still.positions, axis=0).max() < 25 and "are they radians?" in still.findings[0].text


@pytest.mark.parametrize("metres", [1.0, 0.01, 0.001, 0.1, 0.0254, 0.3048, 0.0254 / 0.45])
def test_units_are_known_by_the_leg(tmp_path, metres):
    for leg in (0.75, 0.92, 1.05):
        found, length = find_unit(leg / metres, tmp_path)
        assert length == pytest.approx(metres) and not found.doubtful


def test_a_unit_that_the_file_names_wrongly(tmp_path):
    found, length = find_unit(0.9, tmp_path, metres=0.001)
    assert length == 1.0 and found.doubtful
    assert "m (a leg of 0.90 m) instead of units of 0.001 m, in which a leg has 0.0009 m" in found.text
    found, length = find_unit(900.0, tmp_path, metres=1.0)
    assert length == 0.001 and found.doubtful
    found, _ = find_unit(4.7, tmp_path)
    assert found.doubtful and "--unit overrules" in found.text


def test_limbs_named_from_the_whole_to_the_part(tmp_path):
    """`arm_upper_L` is an upper arm, and `leg_L_02` is a knee by the tree."""
    words = {"UpLeg": "leg_upper", "Leg": "leg_lower", "Arm": "arm_upper", "ForeArm": "arm_lower"}
    numbers = {"UpLeg": 1, "Leg": 2, "Foot": 3, "ToeBase": 4, "Arm": 1, "ForeArm": 2, "Hand": 3}

    def rename(name, whole):
        side, part = name[:4].replace("Righ", "R").replace("Left", "L"), name.removeprefix("Left").removeprefix("Right")
        if part == name:
            return name
        limb = "leg" if part in ("UpLeg", "Leg", "Foot", "ToeBase") else "arm"
        return f"{words.get(part, part)}_{side}" if whole else f"{limb}_{side}_0{numbers[part]}"

    plain, _ = body_of(place(tmp_path / "a.bvh", bvh(np.tile([0, 92, 0], (10, 1)))))
    for whole in (True, False):
        body = {rename(name, whole): (rename(above, whole), offset) for name, (above, offset) in BODY.items()}
        at, said = body_of(place(tmp_path / "b.bvh", bvh(np.tile([0, 92, 0], (10, 1)), body=body)))
        assert ("by the tree's shape" in said) is not whole
        for name in ("left_knee", "right_elbow", "left_wrist", "right_foot_index", "left_hip"):
            np.testing.assert_allclose(at[name], plain[name], atol=1e-6, err_msg=name)
