"""Things of a demonstration as its film shows them: what stands, and a box that goes along with who pushes it."""

from collections.abc import Sequence

import mujoco
import numpy as np

from imitate.scene.objects import add_objects
from imitate.scene.scene import add_box, make_pushed_scene
from reconstruct.rotations import from_rotvec
from reconstruct.scene_objects import COLOUR, SceneObject, find_slope, split_pushed
from sfv.demo.motions import ALL_PLANS, FPS, follow_pushed


def draw_things(spec: mujoco.MjSpec, things: Sequence[SceneObject]) -> None:
    """Adds things to a model that is only drawn; a box that is pushed is its last body, with a free joint."""
    standing, pushed = split_pushed(things)
    add_objects(spec, standing, solid=False)
    if pushed is not None:
        half = pushed.half
        size = (float(half[0]), float(half[1]), float(half[2]))
        add_box(spec, make_pushed_scene(pushed), size, contype=0, conaffinity=0, rgba=COLOUR)


def lay_floor(spec: mujoco.MjSpec, things: Sequence[SceneObject]) -> None:
    """Tilts the floor of a room where the ground is a slope."""
    slope = find_slope(things)
    if slope is None:
        return
    floor = spec.geom("floor")
    floor.pos = [slope.x, slope.y, 0.0]
    floor.quat = from_rotvec(-slope.incline * slope.across)
    spec.delete(spec.geom("skirting"))


def join_pushed(name: str, qpos: np.ndarray, things: Sequence[SceneObject]) -> np.ndarray:
    """A demonstration's take (T, nq) with the pose of the box that is pushed after it, (T, nq + 7), if there is one."""
    pushed = split_pushed(things)[1]
    if pushed is None:
        return qpos
    places = pushed.centre + follow_pushed(ALL_PLANS[name], np.arange(len(qpos)) / FPS, 1.0)
    turn = from_rotvec(np.radians([0.0, 0.0, pushed.yaw]))
    return np.concatenate([qpos, places, np.tile(turn, (len(qpos), 1))], axis=1)
