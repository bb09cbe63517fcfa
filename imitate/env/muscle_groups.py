"""Which joints belong together: hips, knees and ankles of each side, the trunk, the arms."""

import mujoco
import numpy as np

from pose.errors import InputError
from reconstruct.characters.character import Character

LEG_JOINTS = ("hip", "knee", "ankle")
GROUPS = (*(f"{side}_{joint}" for side in ("left", "right") for joint in LEG_JOINTS), "trunk", "arms")
"""Names of the groups, in order."""


def find_muscle_groups(character: Character) -> np.ndarray:
    """The group of each actuator, an index into `GROUPS`, (nu,).

    A leg's joint belongs to the hip, knee or ankle that it lies nearest to while standing; what moves one arm alone
    belongs to the arms, everything else to the trunk.

    Raises:
      InputError: the character has a foot or a hand that no joint of its own moves.
    """
    model, data = character.model, mujoco.MjData(character.model)
    mujoco.mj_kinematics(model, data)
    group_of_joint = np.full(model.njnt, GROUPS.index("trunk"))
    for side, other in (("left", "right"), ("right", "left")):
        leg = _own_joints(character, f"{side}_ankle", f"{other}_ankle")
        places = data.site_xpos[[_site(character, f"{side}_{joint}") for joint in LEG_JOINTS]]
        for joint in leg:
            nearest = int(np.linalg.norm(places - data.xanchor[joint], axis=1).argmin())
            group_of_joint[joint] = GROUPS.index(f"{side}_{LEG_JOINTS[nearest]}")
        group_of_joint[_own_joints(character, f"{side}_wrist", f"{other}_wrist")] = GROUPS.index("arms")
    return group_of_joint[model.actuator_trnid[:, 0]]


def find_trunk(character: Character) -> int:
    """The body that carries both arms: where a rucksack hangs.

    Raises:
      InputError: the character has no wrists.
    """
    left, right = (_ancestors(character, f"{side}_wrist") for side in ("left", "right"))
    return next(body for body in left if body in right)


def _own_joints(character: Character, landmark: str, other: str) -> list[int]:
    """Joints that move a landmark and not its mirror image."""
    model = character.model
    own = set(_ancestors(character, landmark)) - set(_ancestors(character, other))
    joints = [j for j in range(model.njnt) if int(model.jnt_bodyid[j]) in own]
    if not joints:
        raise InputError(f"character '{character.name}': no joint moves its {landmark} alone")
    return joints


def _ancestors(character: Character, landmark: str) -> list[int]:
    """The body of a landmark and those that carry it, up to the root."""
    model, body, found = character.model, int(character.model.site_bodyid[_site(character, landmark)]), list[int]()
    while body:
        found.append(body)
        body = int(model.body_parentid[body])
    return found


def _site(character: Character, landmark: str) -> int:
    if landmark not in character.landmarks:
        raise InputError(f"character '{character.name}' has no {landmark.replace('_', ' ')}, which adapting needs")
    return int(character.model.site(character.landmarks[landmark]).id)
