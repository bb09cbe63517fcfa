"""A small skeleton for the tests of the readers: its files, and what becomes of them."""

import numpy as np

from reconstruct.formats.open_motion import open_motion
from reconstruct.formats.skeleton import to_character
from reconstruct.formats.skeleton_motion import SkeletonMotion
from reconstruct.kinematics import BodyPoints, point_positions

BODY = {
    "Hips": ("", (0, 0, 0)), "Spine": ("Hips", (0, 12, 0)), "Neck": ("Spine", (0, 38, 0)), "Head": ("Neck", (0, 10, 0)),
    **{f"{side}{joint}": (f"{side}{above}" if above not in ("Hips", "Spine") else above, (sign * x, y, z))
       for side, sign in (("Left", 1), ("Right", -1))
       for joint, above, (x, y, z) in (
           ("UpLeg", "Hips", (9, -5, 0)), ("Leg", "UpLeg", (0, -42, 0)), ("Foot", "Leg", (0, -40, 0)),
           ("ToeBase", "Foot", (0, -6, 13)), ("Arm", "Spine", (18, 34, 0)), ("ForeArm", "Arm", (28, 0, 0)),
           ("Hand", "ForeArm", (25, 0, 0)))},
}  # fmt: skip
"""A small skeleton in centimetres, y up, facing z: joint -> what it hangs on, offset."""


def bvh(frames, body=None, angles=None, root="Hips", above=()):
    """BVH text: `frames` places of the hips (T, 3); `angles` Zrotation Xrotation Yrotation (T, 3) by joint.

    `above` are joints over the hips, of six channels that are all 0.
    """
    body, angles = body or BODY, angles or {}
    lines, columns = ["HIERARCHY"], []
    depth = 0
    for name in above:
        kind = "JOINT" if depth else "ROOT"
        channels = "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
        lines += [f"{kind} {name}", "{", "OFFSET 0 0 0", channels]
        columns.append(np.zeros((len(frames), 6)))
        depth += 1

    def write(name):
        place = "Xposition Yposition Zposition " if name == root else ""
        lines.extend([f"{'JOINT' if name != root or above else 'ROOT'} {name}", "{"])
        lines.append("OFFSET " + " ".join(f"{x:g}" for x in body[name][1]))
        lines.append(f"CHANNELS {6 if place else 3} {place}Zrotation Xrotation Yrotation")
        if place:
            columns.append(np.asarray(frames, dtype=float))
        columns.append(np.asarray(angles.get(name, np.zeros((len(frames), 3))), dtype=float))
        children = [child for child, (parent, _) in body.items() if parent == name]
        for child in children:
            write(child)
        if not children:
            lines.extend(["End Site", "{", "OFFSET 0 0 1", "}"])
        lines.append("}")

    write(root)
    lines += ["}"] * depth
    table = np.concatenate(columns, axis=1)
    lines += ["MOTION", f"Frames: {len(table)}", "Frame Time: 0.0333333"]
    return "\n".join(lines + [" ".join(f"{x:.6g}" for x in row) for row in table]) + "\n"


def walking(frames=60, speed=4.0):
    """Path of the hips [cm] and angles of a walk along z, knees bending backwards as they should."""
    t = np.arange(frames)
    path = np.stack([np.zeros(frames), np.full(frames, 92.0), speed * t], axis=1)
    swing = 20 * np.sin(2 * np.pi * t / 30)
    zero = np.zeros(frames)
    angles = {
        "LeftUpLeg": np.stack([zero, -swing, zero], axis=1), "RightUpLeg": np.stack([zero, swing, zero], axis=1),
        "LeftLeg": np.stack([zero, 30 + swing, zero], axis=1), "RightLeg": np.stack([zero, 30 - swing, zero], axis=1),
        "LeftArm": np.stack([zero - 75, zero, zero], axis=1), "RightArm": np.stack([zero + 75, zero, zero], axis=1),
    }  # fmt: skip
    return path, angles


def place(path, text):
    path.write_text(text)
    return path


def open_skeleton(path, config=None) -> SkeletonMotion:
    """A motion file of a skeleton."""
    found = open_motion(path, config)
    assert isinstance(found, SkeletonMotion)
    return found


def body_of(path, config=None):
    """Landmarks by name (T, 3) in our axes [m], and the findings' text."""
    body, motion, findings = to_character(open_skeleton(path, config), path, config)
    points = BodyPoints.of_sites(body.model, tuple(body.landmarks))
    at = dict(zip(body.landmarks, np.moveaxis(point_positions(body.model, motion.qpos, points), 1, 0), strict=True))
    return at, "; ".join(finding.text for finding in findings)


TRC_NAMES = {
    f"{side[0]}{marker}": f"{side}{joint}"
    for side in ("Left", "Right")
    for marker, joint in (("Hip", "UpLeg"), ("Knee", "Leg"), ("Ankle", "Foot"), ("BigToe", "ToeBase"),
                          ("Shoulder", "Arm"), ("Elbow", "ForeArm"), ("Wrist", "Hand"))
} | {"Head": "Head"}  # fmt: skip


def write_trc_text(path, names, places, unit="m", rate=30):
    lines = ["PathFileType\t4\t(X/Y/Z)\ta.trc"]
    lines.append("DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames")
    lines.append(f"{rate}\t{rate}\t{len(places)}\t{len(names)}\t{unit}\t{rate}\t1\t{len(places)}")
    lines.append("Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t")
    lines.append("\t\t" + "\t".join(f"X{i + 1}\tY{i + 1}\tZ{i + 1}" for i in range(len(names))))
    for t, row in enumerate(places):
        cells = ["" if np.isnan(x) else f"{x:.6f}" for x in row.ravel()]
        lines.append("\t".join([str(t + 1), f"{t / rate:.4f}", *cells]))
    path.write_text("\n".join(lines) + "\n")
