"""Orders in which arrays have the joints of a person, by their number, and which of several an array has."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reconstruct.formats.joint_names import SIDES, find_by_name, split_side

COCO = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
HUMAN36M = (
    "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "spine", "chest", "neck",
    "head", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
)  # fmt: skip
"""The 17 joints of Human3.6M, as lifters such as MotionBERT and VideoPose3D write them."""
BODY_25 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
    "right_ear", "left_ear", "left_toe", "", "", "right_toe", "", "",
)  # fmt: skip


@dataclass(frozen=True)
class JointLayout:
    """An order of joints."""

    name: str
    joints: tuple[str, ...]
    """In order; an empty name for a point that is not used; points after the last are not used either."""
    up: str = "y"
    """Axis that is up by custom."""


LIMBS = tuple(f"{side}_{joint}" for side in SIDES for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"))
"""Joints that a person's motion needs."""
MOST_UNEQUAL = 3.0
"""How many times as long as another one a bone of the arms, or of the legs, may be."""
LAYOUTS: dict[int, tuple[JointLayout, ...]] = {
    14: (
        JointLayout("LSP", (
            "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist",
            "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck", "head",
        )),
    ),
    17: (
        JointLayout("Human3.6M", HUMAN36M),
        JointLayout("COCO", COCO),
        JointLayout("MPI-INF-3DHP", (
            "head", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
            "left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "pelvis",
            "spine", "nose",
        )),
    ),
    19: (
        JointLayout("Panoptic", (
            "neck", "nose", "pelvis", "left_shoulder", "left_elbow", "left_wrist", "left_hip", "left_knee",
            "left_ankle", "right_shoulder", "right_elbow", "right_wrist", "right_hip", "right_knee", "right_ankle",
            "left_eye", "left_ear", "right_eye", "right_ear",
        ), "-y"),
    ),
    21: (
        JointLayout("KIT-ML", (
            "pelvis", "", "", "", "head", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder",
            "left_elbow", "left_wrist", "right_hip", "right_knee", "right_ankle", "", "right_toe", "left_hip",
            "left_knee", "left_ankle", "", "left_toe",
        )),
    ),
    25: (
        JointLayout("BODY_25", BODY_25),
        JointLayout("Kinect", (
            "pelvis", "spine", "neck", "head", "left_shoulder", "left_elbow", "left_wrist", "", "right_shoulder",
            "right_elbow", "right_wrist", "", "left_hip", "left_knee", "left_ankle", "left_toe", "right_hip",
            "right_knee", "right_ankle", "right_toe",
        )),
    ),
    26: (
        JointLayout("HALPE_26", (*COCO, "", "neck", "pelvis", "left_toe", "right_toe")),
    ),
    32: (
        JointLayout("all of Human3.6M", (
            "pelvis", "right_hip", "right_knee", "right_ankle", "right_toe", "", "left_hip", "left_knee", "left_ankle",
            "left_toe", "", "", "spine", "neck", "head", "", "", "left_shoulder", "left_elbow", "left_wrist", "", "",
            "", "", "", "right_shoulder", "right_elbow", "right_wrist",
        )),
    ),
    33: (
        JointLayout("MediaPipe", (
            "nose", "", "", "", "", "", "", "left_ear", "right_ear", "", "", "left_shoulder", "right_shoulder",
            "left_elbow", "right_elbow", "left_wrist", "right_wrist", "", "", "", "", "", "", "left_hip", "right_hip",
            "left_knee", "right_knee", "left_ankle", "right_ankle", "", "", "left_toe", "right_toe",
        ), "-y"),
    ),
    44: (JointLayout("4DHumans' BODY_25", BODY_25),),
    49: (JointLayout("SPIN's BODY_25", BODY_25),),
}  # fmt: skip
"""Number of joints -> orders in use, besides SMPL's."""


def find_order(names: Sequence[str]) -> JointLayout | None:
    """The order of joints that names give; None where they do not name all limbs."""
    named = [split_side(name) for name in names]
    roles = dict[str, int]()
    for side in SIDES:
        roles |= find_by_name(named, side, roles)
        roles |= {f"{side}_ear": named.index((side, "ear"))} if (side, "ear") in named else {}
    if not set(LIMBS) <= set(roles):
        return None
    roles |= {part: named.index((None, part)) for part in ("nose", "head") if (None, part) in named}
    joints = [""] * len(names)
    for role, joint in roles.items():
        joints[joint] = role
    return JointLayout("the file's names", tuple(joints))


def has_limbs_as(layout: JointLayout, joints: Sequence[str]) -> bool:
    """Whether an order of joints has all limbs where another one has them."""
    return all(name in joints and joints.index(name) == layout.joints.index(name) for name in LIMBS)


def choose_layout(places: np.ndarray) -> JointLayout:
    """The order in which limbs keep their length best and are as long on both sides, of places (T, J, 3)."""

    def rank(layout: JointLayout) -> float:
        change = measure_change(places, layout.joints)
        return change if np.isfinite(change) else np.inf

    return min(LAYOUTS[places.shape[1]], key=rank)


def find_strange_limb(places: np.ndarray, joints: Sequence[str]) -> str:
    """A bone of the limbs that is much longer or shorter than its neighbour or the other side's; none: empty."""
    at = {name: places[:, i] for i, name in enumerate(joints) if name}

    def measure(side: str, bone: tuple[str, str]) -> float:
        return max(float(np.median(np.linalg.norm(at[f"{side}_{bone[0]}"] - at[f"{side}_{bone[1]}"], axis=1))), 1e-9)

    for upper, lower in ((("hip", "knee"), ("knee", "ankle")), (("shoulder", "elbow"), ("elbow", "wrist"))):
        lengths = {f"{side} {bone[0]} to {bone[1]}": measure(side, bone) for side in SIDES for bone in (upper, lower)}
        if max(lengths.values()) > MOST_UNEQUAL * min(lengths.values()):
            return max(lengths, key=lambda bone: lengths[bone])
    return ""


def name_places(places: np.ndarray, joints: Sequence[str]) -> dict[str, np.ndarray]:
    """Landmark -> place (T, 3), without those that are NaN; the head from the ears where there is none."""
    found = {name: places[:, i] for i, name in enumerate(joints) if name and np.isfinite(places[:, i]).all()}
    if "head" not in found and {"left_ear", "right_ear"} <= set(found):
        found["head"] = 0.5 * (found["left_ear"] + found["right_ear"])
    return found


def measure_change(places: np.ndarray, joints: Sequence[str]) -> float:
    """How much the bones of the limbs change over time and differ between the sides, over their length."""
    at = {name: places[:, i] for i, name in enumerate(joints) if name}
    errors = []
    for side in SIDES:
        for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")):
            length = np.linalg.norm(at[f"{side}_{a}"] - at[f"{side}_{b}"], axis=1)
            errors.append(length.std() / max(float(length.mean()), 1e-9))
    sizes = [
        max(float(np.linalg.norm(at[f"left_{a}"] - at[f"left_{b}"], axis=1).mean()), 1e-9)
        / max(float(np.linalg.norm(at[f"right_{a}"] - at[f"right_{b}"], axis=1).mean()), 1e-9)
        for a, b in (("hip", "knee"), ("shoulder", "elbow"))
    ]
    return float(np.mean(errors)) + float(np.abs(np.log(sizes)).mean())
