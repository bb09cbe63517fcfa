"""Acclaim's pairs: a skeleton whose bones have axes of their own, and its motion."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose.errors import InputError
from reconstruct.formats.open_motion import open_motion
from tests.small_skeleton import body_of

BONES = {
    "lhipjoint": ("root", (0.6, -0.7, 0.3), 2.4, (0, 0, 0), ""),
    "rhipjoint": ("root", (-0.6, -0.7, 0.3), 2.4, (0, 0, 0), ""),
    "lowerback": ("root", (0, 1, 0), 2.0, (0, 0, 0), "rx ry rz"),
    "thorax": ("lowerback", (0, 1, 0), 4.0, (0, 0, 0), "rx ry rz"),
    "head": ("thorax", (0, 1, 0), 1.7, (0, 0, 0), "rx ry rz"),
    **{f"{side}{bone}": (above.format(side), (sign * x, y, z), length, (0, 0, sign * tilt), dof)
       for side, sign in (("l", 1), ("r", -1))
       for bone, above, (x, y, z), length, tilt, dof in (
           ("femur", "{}hipjoint", (0.34, -0.94, 0), 7.0, 20, "rx ry rz"),
           ("tibia", "{}femur", (0.34, -0.94, 0), 7.2, 20, "rx"), ("clavicle", "thorax", (1, 0.3, 0), 3.0, 0, "ry rz"),
           ("foot", "{}tibia", (0, -0.3, 0.95), 2.2, 0, "rx rz"), ("toes", "{}foot", (0, 0, 1), 1.1, 0, "rx"),
           ("humerus", "{}clavicle", (1, 0, 0), 5.0, 90, "rx ry rz"), ("radius", "{}humerus", (1, 0, 0), 3.3, 90, "rx"),
           ("wrist", "{}radius", (1, 0, 0), 1.6, 90, "ry"), ("hand", "{}wrist", (1, 0, 0), 0.7, 90, "rx rz"))},
}  # fmt: skip
"""A small subject in CMU's unit: bone -> what it hangs on, direction, length, axis [degrees], degrees of freedom."""


def write_asf(path):
    lines = [":version 1.10", ":name a", ":units", "  mass 1.0", "  length 0.45", "  angle deg",
             ":documentation", "  none", ":root", "  order TX TY TZ RX RY RZ", "  axis XYZ", "  position 0 0 0",
             "  orientation 0 0 0", ":bonedata"]  # fmt: skip
    for number, (name, (_, direction, length, axis, dof)) in enumerate(BONES.items(), 1):
        unit = np.array(direction) / np.linalg.norm(direction)
        lines += ["  begin", f"    id {number}", f"    name {name}", "    direction " + " ".join(map(str, unit)),
                  f"    length {length}", f"    axis {axis[0]} {axis[1]} {axis[2]}  XYZ"]  # fmt: skip
        lines += [f"    dof {dof}", "    limits (-180 180)"] * bool(dof) + ["  end"]
    lines += [":hierarchy", "  begin"]
    for above in ["root", *BONES]:
        below = [name for name, bone in BONES.items() if bone[0] == above]
        lines += [f"    {above} {' '.join(below)}"] * bool(below)
    path.write_text("\n".join([*lines, "  end"]) + "\n")


def write_amc(path, frames):
    """Frames: place and angles of bones by name."""
    lines = ["#!OML:ASF a.asf", ":FULLY-SPECIFIED", ":DEGREES"]
    for t, frame in enumerate(frames, 1):
        lines.append(str(t))
        lines += [f"{name} " + " ".join(f"{x:.9f}" for x in values) for name, values in frame.items()]
    path.write_text("\n".join(lines) + "\n")


def still(**angles):
    found = {"root": [0.0, 16.0, 0.0, 0.0, 0.0, 0.0]}
    found |= {name: [0.0] * len(dof.split()) for name, (_, _, _, _, dof) in BONES.items() if dof}
    return found | angles


def test_bones_turn_about_their_own_axes(tmp_path):
    write_asf(tmp_path / "01.asf")
    bent = still(ltibia=[50.0], root=[1.0, 16.0, 2.0, 0.0, 90.0, 0.0])
    write_amc(tmp_path / "01_03.amc", [still(), bent, bent])
    motion = open_motion(tmp_path / "01_03.amc")
    assert motion.fps == 120.0 and "120 a second" in motion.findings[-1].text  # pyright: ignore
    at = dict(zip(motion.names, np.moveaxis(motion.positions, 1, 0), strict=True))  # pyright: ignore
    shin = np.array([0.34, -0.94, 0]) / np.linalg.norm([0.34, -0.94, 0]) * 7.2
    np.testing.assert_allclose(at["lfoot"][0] - at["ltibia"][0], shin, atol=1e-6)
    own = Rotation.from_euler("z", 20, degrees=True)
    flexed = (own * Rotation.from_euler("x", 50, degrees=True) * own.inv()).apply(shin)
    whole = Rotation.from_euler("y", 90, degrees=True)
    np.testing.assert_allclose(at["lfoot"][1] - at["ltibia"][1], whole.apply(flexed), atol=1e-6)
    np.testing.assert_allclose(at["root"][1], [1.0, 16.0, 2.0])


def test_a_walk_stands_in_metres(tmp_path):
    write_asf(tmp_path / "01.asf")
    swing = 20 * np.sin(np.arange(120) / 20)
    write_amc(tmp_path / "01_03.amc", [still(lfemur=[-s, 0, 0], rfemur=[s, 0, 0], root=[0, 17, 0.07 * t, 0, 0, 0])
                                       for t, s in enumerate(swing)])  # fmt: skip
    at, said = body_of(tmp_path / "01_03.amc")
    assert "CMU's unit" in said and "+y up" in said and "skeleton of 01.asf" in said
    assert np.linalg.norm(at["left_hip"][0] - at["left_knee"][0]) == pytest.approx(7.0 * 0.0254 / 0.45, abs=1e-6)
    assert (at["nose"][:, 2] > at["left_hip"][:, 2] + 0.3).all()
    assert at["left_hip"][-1, 0] - at["left_hip"][0, 0] == pytest.approx(119 * 0.07 * 0.0254 / 0.45, abs=0.02)
    assert (at["left_shoulder"][:, 1] > at["right_shoulder"][:, 1]).all()


def test_without_its_skeleton(tmp_path):
    write_amc(tmp_path / "01_03.amc", [still(), still()])
    with pytest.raises(InputError, match=r"put 01\.asf into the same folder"):
        open_motion(tmp_path / "01_03.amc")
    (tmp_path / "01.asf").write_text(":root\n")
    with pytest.raises(InputError, match="not an Acclaim skeleton"):
        open_motion(tmp_path / "01_03.amc")
    write_asf(tmp_path / "01.asf")
    write_amc(tmp_path / "01_03.amc", [{"root": [0.0] * 6, "lfemur": [1.0]}] * 3)
    with pytest.raises(InputError, match="does not fit"):
        open_motion(tmp_path / "01_03.amc")
