"""Boxes and bars in the simulation, and hands that hold bars.

A box stands in the world and collides with all of the body. A bar is only held: while the reference holds it, a hand
that is near is tied to its place there by a point constraint, which opens when the reference lets go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from reconstruct.characters.character import Character
from reconstruct.contacts import clean_contacts, find_runs
from reconstruct.kinematics import point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.scene.surfaces import carried_points, hand_columns
from reconstruct.scene_objects import BAR_RADIUS, COLOUR, SceneObject

GRIP_REACH = 0.1
"""A hand of the reference this near to a bar holds it; a simulated one, from this near to its place there [m]."""
GRIP_SPEED = 0.3
"""A hand of the reference that moves faster does not hold [m/s]."""
SHORTEST_GRIP = 0.15
"""Grips that are shorter are taken for passing by, gaps that are shorter are closed [s]."""
GRIP_SOLREF = (0.02, 1.0)
"""Stiffness of a grip, as of contacts."""


@dataclass(frozen=True)
class Grip:
    """A hand at one place of a bar, for as long as the reference holds it."""

    body: int
    """Body of the hand in the character's model."""
    local: tuple[float, float, float]
    """Middle of the hand in that body's frame [m]."""
    place: tuple[float, float, float]
    """Where it is held, world [m]."""
    first: float
    """When it begins to hold [s] of the motion."""
    last: float
    """When it lets go [s]."""


def find_grips(character: Character, motion: ReferenceMotion, objects: Sequence[SceneObject]) -> tuple[Grip, ...]:
    """When and where the hands of a motion hold bars."""
    bars = [one for one in objects if one.kind == "bar"]
    if not bars:
        return ()
    points = carried_points(character)[hand_columns(character)]
    paths, grips = point_positions(character.model, motion.qpos, points), list[Grip]()
    speed = np.linalg.norm(np.gradient(paths, 1.0 / motion.fps, axis=0), axis=-1)
    short = round(SHORTEST_GRIP * motion.fps)
    for bar in bars:
        local = bar.to_local(paths)
        local[..., 0] = np.maximum(np.abs(local[..., 0]) - 0.5 * bar.length, 0.0)
        held = clean_contacts((np.linalg.norm(local, axis=-1) < GRIP_REACH) & (speed < GRIP_SPEED), short, short)
        for p in range(len(points)):
            for start, end in find_runs(held[:, p]):
                middle = paths[start:end, p].mean(axis=0)
                place = bar.centre + (bar.to_local(middle)[0]) * bar.along
                times = (start / motion.fps, (end - 1) / motion.fps)
                grips.append(Grip(int(points.bodies[p]), _triple(points.local[p]), _triple(place), *times))
    return tuple(grips)


def add_objects(spec: mujoco.MjSpec, objects: Sequence[SceneObject], solid: bool = True, **look: Any) -> None:
    """Adds boxes and bars to a model; their names begin with "object". A slope is the ground, and not among them.

    Args:
      spec: the model.
      objects: what to add.
      solid: boxes collide; else all of it is only drawn.
      look: goes to the geoms.
    """
    look = {"rgba": COLOUR} | look
    for k, one in enumerate(one for one in objects if one.kind != "slope"):
        angle = np.radians(one.yaw) / 2.0
        turn = np.array([np.cos(angle), 0.0, 0.0, np.sin(angle)])
        collides = solid and one.kind == "box"
        bits = {"contype": int(collides), "conaffinity": 0xFF * int(collides), "condim": 3}
        if one.kind == "box":
            size, kind = one.half, mujoco.mjtGeom.mjGEOM_BOX
        else:
            across = np.array([np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0])  # the capsule's z along the bar
            both = np.zeros(4)
            mujoco.mju_mulQuat(both, turn, across)
            turn, kind = both, mujoco.mjtGeom.mjGEOM_CAPSULE
            size = np.array([BAR_RADIUS, 0.5 * one.length, 0.0])
        spec.worldbody.add_geom(name=f"object_{k}", type=kind, pos=one.centre, quat=turn, size=size, **bits, **look)


def add_grips(spec: mujoco.MjSpec, character: Character, grips: Sequence[Grip]) -> None:
    """Adds point constraints for grips, open at first; the last constraints of the model, in their order."""
    for k, grip in enumerate(grips):
        body = spec.body(character.model.body(grip.body).name)
        body.add_site(name=f"grip_hand_{k}", pos=grip.local)
        spec.worldbody.add_site(name=f"grip_place_{k}", pos=grip.place)
        tie = spec.add_equality(name=f"grip_{k}", type=mujoco.mjtEq.mjEQ_CONNECT, active=False)
        tie.objtype = mujoco.mjtObj.mjOBJ_SITE
        tie.name1, tie.name2 = f"grip_hand_{k}", f"grip_place_{k}"
        tie.solref = GRIP_SOLREF


def find_height_above(model: mujoco.MjModel, data: mujoco.MjData, reach: float) -> float:
    """Height of the lowest part of a body above the upper faces of the boxes that it is on [m], negative inside.

    Args:
      model: body, ground and objects.
      data: at the pose, kinematics done.
      reach: distance from which a part counts [m].

    Returns:
      Infinity where no part is that near to an upper face.
    """
    boxes, lowest, line = list_boxes(model), np.inf, np.zeros(6)
    for g in range(model.ngeom if boxes else 0):
        if model.geom_bodyid[g] == 0 or not model.geom_contype[g]:
            continue
        for box in boxes:
            distance = mujoco.mj_geomDistance(model, data, g, box, reach, line)
            if distance < min(reach, lowest) and np.allclose(find_face(model, data, box, line[3:]), [0.0, 0.0, 1.0]):
                lowest = distance
    return lowest


def list_boxes(model: mujoco.MjModel) -> list[int]:
    """Geoms of a model that are boxes of its scene."""
    return [g for g in range(model.ngeom) if model.geom(g).name.startswith("object_") and model.geom_contype[g]]


def find_face(model: mujoco.MjModel, data: mujoco.MjData, box: int, point_w: np.ndarray) -> np.ndarray:
    """Outward normal of the face of a box that is nearest to a point of its surface or inside it, world frame, (3,)."""
    axes = data.geom_xmat[box].reshape(3, 3)
    local = (point_w - data.geom_xpos[box]) @ axes
    face = int((np.abs(local) - model.geom_size[box]).argmax())
    return np.asarray(np.sign(local[face]) * axes[:, face])


def _triple(vector: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in vector)
    return x, y, z
