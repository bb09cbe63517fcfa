"""Which frames of a reference no body can follow, and why."""

from dataclasses import dataclass

import mujoco
import numpy as np
from scipy.optimize import nnls

from imitate.env.reference import Reference
from imitate.env.termination import GeomShapes
from imitate.scene.objects import GRIP_REACH, find_face, list_boxes
from imitate.scene.scene import CONTROL_HZ, FRICTION
from reconstruct.kinematics import GRAVITY, BodyPoints, point_positions

FOLLOWED, TORQUE, SUPPORT, DEVIATION = "", "torque saturated", "contact missing", "deviation"
SEAT = "carried by nothing"
"""Reasons why a frame was not followed; the first: it was."""
WINDOW = round(0.2 * CONTROL_HZ)
"""Frames before the one that was not followed in which its cause may lie."""
SUPPORT_HEIGHT = 0.05
"""Largest height of a part of the body that the ground may support [m]."""
BALANCE_TOLERANCE = 0.1
"""Distance of the zero-moment point from what rests on the ground from which something else must carry the body [m]."""
SUPPORT_TOLERANCE = 0.35
"""Unsupported force of the reference that is put down to noise of its accelerations [fraction of the weight]."""


@dataclass(frozen=True)
class Verdict:
    """What could be followed of T frames of a reference, and why not the rest."""

    feasible: np.ndarray
    """The body stayed by the reference, bool (T,)."""
    reason: tuple[str, ...]
    """Cause for each frame that was not followed, "" for the others, (T,)."""
    deviation: np.ndarray
    """Distance of the root or key body that is furthest from the reference [m], (T,)."""
    saturation: np.ndarray
    """Fraction of the actuators at their torque limit, (T,)."""
    unsupported: np.ndarray
    """Force that the reference needs and no contact of it can give [fraction of the weight], (T,)."""


def find_causes(
    model: mujoco.MjModel,
    reference: Reference,
    deviation: np.ndarray,
    saturated: np.ndarray,
    fell: bool,
    tolerance: float,
) -> Verdict:
    """Finds the cause for every frame that was not followed.

    Args:
      model: body and ground.
      reference: what was to be followed, at least T frames.
      deviation: distance of the key body that is furthest off [m], (T,).
      saturated: actuators at their limit, bool (T, nu).
      fell: a fall came after the last frame.
      tolerance: largest deviation of a frame that was followed [m].
    """
    frames = len(deviation)
    unsupported = compute_unsupported_force(model, reference.qpos[:frames], reference.com[:frames])
    off_balance = find_off_balance(model, reference.qpos[:frames], reference.com[:frames])
    feasible = deviation <= tolerance
    feasible[frames - 1] &= not fell
    reasons = [FOLLOWED] * frames
    for t in np.flatnonzero(~feasible):
        before = slice(max(0, t - WINDOW), t + 1)
        if unsupported[before].max() > SUPPORT_TOLERANCE:
            reasons[t] = SUPPORT
        elif off_balance[before].mean() > 0.7:
            reasons[t] = SEAT
        elif saturated[before].mean(axis=0).max() > 0.5:
            reasons[t] = TORQUE
        else:
            reasons[t] = DEVIATION
    return Verdict(feasible, tuple(reasons), deviation, saturated.mean(axis=1), unsupported)


def explain(verdict: Verdict, fps: float) -> list[str]:
    """One sentence for each stretch of frames that could not be followed, the longest first.

    Args:
      verdict: of T frames.
      fps: frames a second.
    """
    causes = {
        TORQUE: "the muscles are at their limit",
        SUPPORT: "the reference needs a force where nothing supports it",
        SEAT: "its weight is beside what rests on the ground: something that is not there, such as a seat, carries it",
        DEVIATION: "the body left the reference, with strength to spare",
    }
    stretches: list[tuple[int, int, str]] = []
    for t, reason in enumerate(verdict.reason):
        if stretches and stretches[-1][1] == t - 1 and stretches[-1][2] == reason:
            stretches[-1] = (stretches[-1][0], t, reason)
        elif reason != FOLLOWED:
            stretches.append((t, t, reason))
    stretches.sort(key=lambda stretch: stretch[0] - stretch[1])
    sentences = []
    for first, last, reason in stretches:
        furthest = 1000 * verdict.deviation[first : last + 1].max()
        sentences.append(f"{first / fps:.2f}-{last / fps:.2f} s: off by up to {furthest:.0f} mm; {causes[reason]}")
    return sentences


def compute_unsupported_force(
    model: mujoco.MjModel, qpos: np.ndarray, com: np.ndarray, near: float = SUPPORT_HEIGHT
) -> np.ndarray:
    """The part of the force behind a motion that the ground cannot give.

    The centre of mass moves as gravity and the ground let it, whatever the muscles do (Newton, Euler): a + g is the
    force of the ground per mass. In flight it must be nothing; on the ground it may push, not pull, and lean no
    further than friction allows.

    Args:
      model: body and ground.
      qpos: poses at the control rate, (T, nq).
      com: centres of mass [m], (T, 3).
      near: largest height of a part of the body that the ground may support [m].

    Returns:
      Force that is missing, as a fraction of the weight, (T,).
    """
    bodies = tuple(
        name
        for name in (model.body(b).name for b in range(1, model.nbody))
        if any(model.geom_bodyid[g] == model.body(name).id and model.geom_contype[g] for g in range(model.ngeom))
    )
    shapes, data = GeomShapes.of(model, bodies), mujoco.MjData(model)
    force, lowest, by_objects = ground_force(com), np.empty(len(qpos)), np.full(len(qpos), np.inf)
    axes, origin = find_ground_axes(model)
    for t, pose in enumerate(qpos):
        data.qpos[:] = pose
        mujoco.mj_kinematics(model, data)
        places = (data.geom_xpos - origin) @ axes
        lowest[t] = shapes.lowest(places[None], axes.T @ data.geom_xmat.reshape(1, -1, 3, 3)).min()
        by_objects[t] = find_excess_on_objects(model, data, force[t], lowest[t] < near)

    force = force @ axes
    level, up = np.linalg.norm(force[:, :2], axis=1), force[:, 2]
    slip = np.maximum(level - FRICTION[0] * np.maximum(up, 0.0), 0.0)
    excess = np.hypot(slip, np.minimum(up, 0.0))
    return np.minimum(np.where(lowest < near, excess, np.linalg.norm(force, axis=1)), by_objects)


def find_ground_axes(model: mujoco.MjModel) -> tuple[np.ndarray, np.ndarray]:
    """Axes (columns) whose z is the normal of a slope, (3, 3), and a point on it, (3,); the world's elsewhere."""
    ground = next((g for g in range(model.ngeom) if model.geom(g).name == "ground"), None)
    if ground is None or model.geom_type[ground] != mujoco.mjtGeom.mjGEOM_PLANE:
        return np.eye(3), np.zeros(3)
    axes = np.zeros(9)
    mujoco.mju_quat2Mat(axes, model.geom_quat[ground])
    if axes[8] > 1.0 - 1e-12:
        return np.eye(3), np.zeros(3)
    return axes.reshape(3, 3), model.geom_pos[ground].copy()


def find_excess_on_objects(model: mujoco.MjModel, data: mujoco.MjData, force: np.ndarray, grounded: bool) -> float:
    """The part of a force that the objects which a pose touches cannot give, together with the ground.

    Args:
      model: body, ground and objects.
      data: at the pose, kinematics done.
      force: in units of the weight, (3,).
      grounded: the ground supports the body, too.

    Returns:
      Fraction of the weight; infinite where no object is touched.
    """
    for k in range(model.nsite):
        if model.site(k).name.startswith("grip_hand_"):
            place = data.site(model.site(k).name.replace("hand", "place")).xpos
            if np.linalg.norm(data.site_xpos[k] - place) < GRIP_REACH:
                return 0.0  # a hand that holds may pull to any side
    objects = list_boxes(model)
    ways, line = ([np.array([0.0, 0.0, 1.0])] if grounded else []), np.zeros(6)
    grounds = len(ways)
    for g in range(model.ngeom):
        if model.geom_bodyid[g] == 0 or not model.geom_contype[g]:
            continue
        for thing in objects:
            if mujoco.mj_geomDistance(model, data, g, thing, SUPPORT_HEIGHT, line) < SUPPORT_HEIGHT:
                # The face of the box that is nearest: where both touch, no line between them has a direction.
                ways.append(find_face(model, data, thing, line[3:]))
    if len(ways) == grounds:
        return np.inf
    edges = list[np.ndarray]()
    for way in ways:
        side = np.cross(way, np.eye(3)[np.abs(way).argmin()])
        side /= np.linalg.norm(side)
        edges += [way + FRICTION[0] * s for s in (side, -side, np.cross(way, side), -np.cross(way, side))]
    return float(nnls(np.array(edges).T, force)[1])


def find_off_balance(
    model: mujoco.MjModel, qpos: np.ndarray, com: np.ndarray, near: float = SUPPORT_HEIGHT
) -> np.ndarray:
    """Frames whose zero-moment point (Vukobratovic 1972) is well outside all that is near the ground, bool (T,).

    Frames with nothing near it, as in flight or on a step, are none of these.

    Args:
      model: body and ground.
      qpos: poses at the control rate, (T, nq).
      com: centres of mass [m], (T, 3).
      near: largest height of what is near the ground [m].
    """
    axes, origin = find_ground_axes(model)
    force, com = ground_force(com) @ axes, (com - origin) @ axes
    lever = com[:, 2:] * force[:, :2] / np.maximum(force[:, 2:], 0.3)
    zero_moment = com[:, :2] - lever
    shapes = BodyPoints.of_geoms(model)
    shapes = shapes[shapes.bodies > 0]
    places = (point_positions(model, qpos, shapes) - origin) @ axes
    low = places[..., 2] - shapes.radius < near
    angle = np.arange(16) * np.pi / 8
    ways = np.stack([np.cos(angle), np.sin(angle)])  # a convex hull by its extent in 16 directions
    reach = np.where(low[..., None], places[..., :2] @ ways, -np.inf).max(axis=1)
    beyond = (zero_moment @ ways - reach).max(axis=1)
    return low.any(axis=1) & (beyond > BALANCE_TOLERANCE)


def ground_force(com: np.ndarray) -> np.ndarray:
    """Acceleration of the centre of mass less that of gravity, in units of g, from its path [m], (T, 3) -> (T, 3).

    Second differences over two frames either way, so that the noise of single frames does not count. A path of a single
    frame, as of a body that falls at once, is at rest.
    """
    if len(com) < 2:
        return np.tile([0.0, 0.0, 1.0], (len(com), 1))
    padded = np.concatenate([com[:1] * 3 - com[1:2] * 2, com[:1] * 2 - com[1:2], com, com[-1:] * 2 - com[-2:-1]])
    padded = np.concatenate([padded, com[-1:] * 3 - com[-2:-1] * 2])
    acceleration = (padded[4:] - 2.0 * padded[2:-2] + padded[:-4]) * (CONTROL_HZ / 2.0) ** 2
    return acceleration / GRAVITY + np.array([0.0, 0.0, 1.0])
