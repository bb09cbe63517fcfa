"""Motions as TRC: places of joints over time, for OpenSim and for what reads Pose2Sim's and Sports2D's files."""

from pathlib import Path

import numpy as np

from pose.files import replace_file
from reconstruct.characters.character import Character
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.motion import ReferenceMotion

MARKERS = {
    "RHip": "right_hip", "RKnee": "right_knee", "RAnkle": "right_ankle", "RBigToe": "right_foot_index",
    "RHeel": "right_heel", "LHip": "left_hip", "LKnee": "left_knee", "LAnkle": "left_ankle",
    "LBigToe": "left_foot_index", "LHeel": "left_heel", "Nose": "nose", "RShoulder": "right_shoulder",
    "RElbow": "right_elbow", "RWrist": "right_wrist", "LShoulder": "left_shoulder", "LElbow": "left_elbow",
    "LWrist": "left_wrist",
}  # fmt: skip
"""Pose2Sim's name of a joint (HALPE_26) -> our landmark."""
MIDDLES = {
    "Hip": ("left_hip", "right_hip"), "Neck": ("left_shoulder", "right_shoulder"), "Head": ("left_ear", "right_ear"),
}  # fmt: skip
"""Joints that lie between two landmarks."""


def write_trc(motion: ReferenceMotion, character: Character, path: Path) -> None:
    """Writes the landmarks of a motion as TRC, in metres, y up and facing x, as OpenSim has it.

    Args:
      motion: of this character.
      character: gives the landmarks.
      path: file to write; replaced whole or not at all.
    """
    names = tuple(character.landmarks)
    points = BodyPoints.of_sites(character.model, tuple(character.landmarks.values()))
    at = dict(zip(names, np.moveaxis(point_positions(character.model, motion.qpos, points), 1, 0), strict=True))
    found = {marker: 0.5 * (at[a] + at[b]) for marker, (a, b) in MIDDLES.items() if a in at and b in at}
    found |= {marker: at[landmark] for marker, landmark in MARKERS.items() if landmark in at}
    places = np.stack(list(found.values()), axis=1)[..., [0, 2, 1]] * [1.0, 1.0, -1.0]
    rate, frames, count = f"{motion.fps:.10g}", len(motion), len(found)
    lines = [f"PathFileType\t4\t(X/Y/Z)\t{path.name}"]
    lines.append("DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames")
    lines.append(f"{rate}\t{rate}\t{frames}\t{count}\tm\t{rate}\t1\t{frames}")
    lines.append("Frame#\tTime\t" + "\t\t\t".join(found) + "\t\t")
    lines.append("\t\t" + "\t".join(f"X{i}\tY{i}\tZ{i}" for i in range(1, count + 1)))
    for t, row in enumerate(places.reshape(frames, -1)):
        lines.append(f"{t + 1}\t{t / motion.fps:.6f}\t" + "\t".join(f"{value:.6f}" for value in row))
    with replace_file(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
