"""Forearms and hands stay outside of pelvis and legs: bodies have other proportions, and a robot's parts collide."""

from dataclasses import dataclass

import mujoco
import numpy as np

from reconstruct.characters.character import Character
from reconstruct.characters.self_collision import find_shapes
from reconstruct.kinematics import BodyPoints, PointPaths, point_positions
from reconstruct.solver.blocks import Block

GAP = 0.015
"""Distance between surfaces that is kept [m]: an imported body's shapes are capsules, about as large as its meshes."""


@dataclass(frozen=True)
class LimbShapes:
    """The shapes of both as capsules, of which those of the arms count as balls at their ends."""

    points: BodyPoints
    """A ends of capsules of the arms, then both ends of each of L capsules of the legs, (A + 2 L,)."""
    arms: int
    """A."""
    at_rest: np.ndarray
    """Gaps in the rest pose where they are negative, else 0 [m], (A, L): no deeper than there."""

    @classmethod
    def of(cls, character: Character) -> "LimbShapes":
        """Those of a body."""
        model = character.model
        elbows, knees = (_find_bodies(character, joint) for joint in ("elbow", "knee"))
        forearms = {body for body in range(model.nbody) if set(_list_ancestors(model, body)) & elbows}
        legs = {body for knee in knees for body in _list_ancestors(model, knee)}
        arms, ends = (_list_capsules(model, bodies) for bodies in (forearms, legs))
        points = BodyPoints(
            np.concatenate([arms.bodies, ends.bodies]),
            np.concatenate([arms.local, ends.local]),
            np.concatenate([arms.radius, ends.radius]),
        )
        rest = point_positions(model, np.array(model.qpos0)[None], points)
        return cls(points, len(arms), np.minimum(_measure_gaps(rest, points.radius, len(arms))[0][0], 0.0))


def limbs_apart(kin: PointPaths, shapes: LimbShapes, sigma: float) -> Block:
    """How deep forearms and hands are in pelvis and legs, (T, those of the A L pairs that touch in some frame).

    Where the nearest point of a leg's axis is, is taken as fixed in the Jacobian.

    Args:
      kin: paths of the shapes' points, (T, A + 2 L).
      shapes: which they are.
      sigma: standard deviation of the depth [m].
    """
    gap, share, normal = _measure_gaps(kin.pos_w, kin.on_body.radius, shapes.arms)
    depth = np.minimum(gap - shapes.at_rest, 0.0)
    arm, leg = np.nonzero((depth < 0.0).any(axis=0))
    start, end = shapes.arms + 2 * leg, shapes.arms + 2 * leg + 1
    depth = depth[:, arm, leg]
    t = share[:, arm, leg, None, None]
    relative = kin[arm].jac - (1.0 - t) * kin[start].jac - t * kin[end].jac
    along = np.einsum("tpi,tpiv->tpv", normal[:, arm, leg], relative)
    jacobian = (depth < 0.0)[..., None] / sigma * along
    moved = kin.moved[arm] | kin.moved[start] | kin.moved[end]
    return Block("limbs", depth / sigma, jacobian[:, None], moved=moved)


def _measure_gaps(pos_w: np.ndarray, radius: np.ndarray, arms: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances of surfaces less `GAP` [m], (T, A, L); where on the axis of a capsule the nearest point is, from 0 to
    1, (T, A, L); and the direction from there to the point, (T, A, L, 3).

    Args:
      pos_w: points of the arms, then ends of capsules, (T, A + 2 L, 3).
      radius: of each [m], (A + 2 L,).
      arms: A.
    """
    point, start, end = pos_w[:, :arms, None], pos_w[:, None, arms::2], pos_w[:, None, arms + 1 :: 2]
    axis = end - start
    share = np.sum((point - start) * axis, axis=-1) / np.maximum(np.sum(axis**2, axis=-1), 1e-12)
    share = np.clip(share, 0.0, 1.0)
    away = point - start - share[..., None] * axis
    distance = np.linalg.norm(away, axis=-1)
    gap = distance - radius[:arms, None] - radius[None, arms::2] - GAP
    return gap, share, away / np.maximum(distance, 1e-9)[..., None]


def _find_bodies(character: Character, joint: str) -> set[int]:
    """The bodies that move with both joints of this name."""
    names = (character.landmarks.get(f"{side}_{joint}") for side in ("left", "right"))
    return {int(character.model.site_bodyid[character.model.site(name).id]) for name in names if name is not None}


def _list_ancestors(model: mujoco.MjModel, body: int) -> list[int]:
    """A body, and all that carry it but the world."""
    found = list[int]()
    while body:
        found.append(body)
        body = int(model.body_parentid[body])
    return found


def _list_capsules(model: mujoco.MjModel, bodies: set[int]) -> BodyPoints:
    """Both ends of a capsule for each shape: a body's meshes, or where it has none its capsules and spheres."""
    own, local, radius = list[int](), list[np.ndarray](), list[float]()
    for geom in find_shapes(model):
        body = int(model.geom_bodyid[geom])
        if body not in bodies or (capsule := _enclose(model, geom)) is None:
            continue
        middle, axis, thickness = capsule
        rotation = np.zeros(9)
        mujoco.mju_quat2Mat(rotation, model.geom_quat[geom])
        for end in (middle - axis, middle + axis):
            own.append(body)
            local.append(model.geom_pos[geom] + rotation.reshape(3, 3) @ end)
            radius.append(thickness)
    return BodyPoints(np.array(own, dtype=int), np.array(local).reshape(-1, 3), np.array(radius))


def _enclose(model: mujoco.MjModel, geom: int) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Middle and half the axis of a capsule, in the shape's frame, (3,) each, and its radius [m]; None for others.

    That of a mesh, whether it collides or not, is as long as its box, and as thick on the mean.
    """
    kind, size = model.geom_type[geom], model.geom_size[geom]
    if kind == mujoco.mjtGeom.mjGEOM_MESH:
        middle, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
        longest = int(half.argmax())
        thickness = float(np.delete(half, longest).mean())
        return middle, np.eye(3)[longest] * max(half[longest] - thickness, 0.0), thickness
    if kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        return np.zeros(3), np.zeros(3), float(size[0])
    if kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
        return np.zeros(3), np.array([0.0, 0.0, size[1]]), float(size[0])
    return None
