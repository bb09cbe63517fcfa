"""How a model of others stands: straight legs, level soles, hanging arms, and its centre of mass over the feet."""

from dataclasses import dataclass

import mujoco
import numpy as np
from scipy.optimize import least_squares

from reconstruct.characters.limbs import Limb, Limbs, find_sole_surface, is_below, locate_joints
from reconstruct.characters.source_model import DOWN, HINGE, SourceModel

BALANCE = 20.0
"""Weight of a lean of the centre of mass, over that of an equal angle between a limb and the vertical."""
EFFORT = 0.03
"""Weight of an angle of a joint, over that of an equal angle between a limb and the vertical."""


@dataclass(frozen=True)
class BodyPoint:
    """A point that moves with a body."""

    body: int
    local: np.ndarray
    """In the body's frame [m], (3,)."""

    @classmethod
    def at(cls, source: SourceModel, body: int, point: np.ndarray) -> "BodyPoint":
        """The point that is at a place of the source's world (3,) now."""
        return cls(body, source.rotation(body).T @ (point - source.state.xpos[body]))

    def place(self, state: mujoco.MjData) -> np.ndarray:
        """Where it is, world frame [m], (3,)."""
        return state.xpos[self.body] + state.xmat[self.body].reshape(3, 3) @ self.local


@dataclass(frozen=True)
class Sole:
    """Two directions of a foot that are level when it stands on its sole."""

    foot: int
    local: np.ndarray
    """In the foot's frame, (3, 2)."""
    level: np.ndarray
    """As they are when the foot is level and points where it did, world frame (3, 2)."""


@dataclass(frozen=True)
class StandingProblem:
    """Hinges of arms and legs, and what is vertical, level or balanced when the body stands."""

    state: mujoco.MjData
    model: mujoco.MjModel
    root: int
    columns: np.ndarray
    """Of qpos, for the hinges that are solved for, (H,)."""
    limbs: tuple[tuple[float, tuple[BodyPoint, BodyPoint, BodyPoint]], ...]
    """Weight, and hip, knee, ankle or shoulder, elbow, wrist."""
    middles: tuple[BodyPoint, ...]
    """Halfway from the ankle to the middle of the sole, for each foot."""
    soles: tuple[Sole, ...]

    def compute_residual(self, angles: np.ndarray, free: np.ndarray, balance: float) -> np.ndarray:
        """What a standing body has zero of, unit free.

        Args:
          angles: of the hinges that are free [rad].
          free: which of the hinges those are, bool (H,).
          balance: weight of the lean of the centre of mass.
        """
        state = self.state
        state.qpos[self.columns[free]] = angles
        mujoco.mj_kinematics(self.model, state)
        mujoco.mj_comPos(self.model, state)
        rows = [EFFORT * angles]
        for weight, points in self.limbs:
            for way in np.diff([point.place(state) for point in points], axis=0):
                rows.append(weight * (way / max(np.linalg.norm(way), 1e-9) - DOWN))
        between = np.mean([point.place(state) for point in self.middles], axis=0)
        com = state.subtree_com[self.root]
        rows.append(balance * (com - between)[:2] / max(com[2] - between[2], 0.1))
        for sole in self.soles:
            rows.append(2.0 * (state.xmat[sole.foot].reshape(3, 3) @ sole.local - sole.level).ravel())
        return np.concatenate(rows)


def solve_standing_pose(source: SourceModel, limbs: Limbs) -> dict[str, float]:
    """Hinge -> its angle [rad], for hinges of the limbs that are not at zero when the body stands.

    Args:
      source: at its zero pose, z up.
      limbs: its legs and arms.
    """
    model = source.model
    ends = [b for limb in limbs.all for b in limb.chain if is_below(source, b, limb.end)]
    bodies = [b for limb in limbs.all for b in limb.chain if b not in ends]
    hinges = [j for b in bodies for j in source.joints(b) if model.jnt_type[j] == HINGE]
    problem = state_problem(source, hinges, limbs)
    limited = model.jnt_limited[hinges] == 1
    low = np.where(limited, model.jnt_range[hinges, 0], -np.pi)
    high = np.where(limited, model.jnt_range[hinges, 1], np.pi)
    # First all limbs; then the legs alone bring the body into balance, which arms would do by sticking out.
    angles = np.clip(np.zeros(len(hinges)), low + 1e-6, high - 1e-6)
    of_legs = np.array([any(model.jnt_bodyid[j] in limb.chain for limb in limbs.legs.values()) for j in hinges])
    for free, balance in ((np.ones(len(hinges), dtype=bool), 0.0), (of_legs, BALANCE)):
        problem.state.qpos[problem.columns] = angles
        bounds, args = (low[free], high[free]), (free, balance)
        best = least_squares(problem.compute_residual, angles[free], bounds=bounds, max_nfev=60, args=args)
        angles[free] = np.clip(best.x, low[free] + 1e-6, high[free] - 1e-6)
    return {source.joint_name(j): round(float(a), 4) for j, a in zip(hinges, angles, strict=True) if abs(a) > 1e-3}


def state_problem(source: SourceModel, hinges: list[int], limbs: Limbs) -> StandingProblem:
    """The problem of a model, from where its joints and soles are at its zero pose."""
    model, middles, ways = source.model, list[BodyPoint](), []
    for weight, sides in ((2.0, limbs.legs), (1.0, limbs.arms)):
        for limb in sides.values():
            bodies = (limb.chain[limb.bend - 1], limb.chain[limb.bend], limb.end)
            top, middle, end = map(BodyPoint.at, [source] * 3, bodies, locate_joints(source, limb))
            ways.append((weight, (top, middle, end)))
            if sides is limbs.legs:
                surface = find_sole_surface(source, limb, find_ground(source, limb))
                sole = BodyPoint.at(source, limb.end, surface.bounds.mean(axis=0))
                middles.append(BodyPoint(limb.end, 0.5 * (end.local + sole.local)))
    soles = tuple(find_sole(source, limb) for limb in limbs.legs.values())
    columns, state = model.jnt_qposadr[hinges], mujoco.MjData(model)
    return StandingProblem(state, model, source.root, columns, tuple(ways), tuple(middles), soles)


def find_ground(source: SourceModel, leg: Limb) -> np.ndarray:
    """Where a foot has the ground at zero, world frame (3,): below, or where the shin points if the leg sticks out."""
    hip, knee, ankle = locate_joints(source, leg)
    way = (ankle - knee) / max(np.linalg.norm(ankle - knee), 1e-9)
    return DOWN if (ankle - hip) @ DOWN > 0.5 * np.linalg.norm(ankle - hip) else way


def find_sole(source: SourceModel, leg: Limb) -> Sole:
    """The plane of a foot's lowest quarter: one direction along the foot and one across."""
    down = find_ground(source, leg)
    corners = find_sole_surface(source, leg, down).vertices
    heights = corners @ -down
    low = corners[heights <= heights.min() + 0.25 * np.ptp(heights) + 1e-9]
    axes = np.linalg.svd(low - low.mean(axis=0), full_matrices=False)[2]
    normal = axes[2] * (np.sign(axes[2] @ -down) or 1.0)
    R = source.rotation(leg.end)
    local = R.T @ np.stack([axes[0], np.cross(normal, axes[0])], axis=1)
    ahead = (R @ local)[:, 0] * [1.0, 1.0, 0.0]
    if np.linalg.norm(ahead) < 0.3:  # a foot that hangs down at zero says nothing of where it points
        ahead = np.array([1.0, 0.0, 0.0])
    ahead /= np.linalg.norm(ahead)
    return Sole(leg.end, local, np.stack([ahead, np.cross([0.0, 0.0, 1.0], ahead)], axis=1))
