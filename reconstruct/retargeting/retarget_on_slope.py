"""Retargets a motion whose ground is a slope: in the world whose ground is z = 0, with gravity tilted in it."""

from dataclasses import replace

import numpy as np

from reconstruct.characters.character import Character
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.config import RetargetConfig
from reconstruct.retargeting.ik_targets import leg_length
from reconstruct.retargeting.retargeting import Retargeted, retarget
from reconstruct.scene_objects import SceneObject
from reconstruct.terms.slope import Slope, turn_world


def retarget_on(
    motion: ReferenceMotion,
    source: Character,
    character: Character,
    slope: SceneObject | None = None,
    config: RetargetConfig | None = None,
) -> tuple[ReferenceMotion, Retargeted]:
    """Retargets a motion to another body, on the ground that it was made for.

    Args:
      motion: of `source`, plumb.
      source: the body that has the motion.
      character: the new body.
      slope: the ground, in the motion's world; None for level ground.
      config: how tightly each term holds.

    Returns:
      The motion, plumb, on the slope at the new body's scale (`SceneObject.scale`), and the fit that it comes from,
      whose ground is z = 0.

    Raises:
      InputError: as `retarget`.
    """
    if slope is None:
        found = retarget(motion, source, character, config)
        return found.motion, found
    along_x, along_y, _ = slope.along.tolist()
    ground, place = Slope(slope.incline, (along_x, along_y), known=True), np.array([slope.x, slope.y, 0.0])
    x, y, z = ground.up.tolist()
    moved = motion.qpos.copy()
    moved[:, :3] -= place
    laid = replace(motion, qpos=turn_world(moved, ground.to_plumb.T))
    found = retarget(laid, source, character, config, up=(x, y, z))
    qpos = turn_world(found.motion.qpos, ground.to_plumb)
    qpos[:, :3] += leg_length(character) / leg_length(source) * place
    return replace(found.motion, qpos=qpos), found
