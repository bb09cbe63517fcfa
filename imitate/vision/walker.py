"""A trot that knows the ground: what the teacher imitates before it learns by reward.

Swinging feet go to the best foothold near where the trot wants them; the feet on the ground share the force and the
moment that carry the trunk along (virtual model control: Pratt et al. 2001). The controller knows what a simulator
knows: velocity, physics, and the height of the ground wherever a foot may go.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from imitate.locomotion.env import ACTION_SCALE
from imitate.locomotion.gait import PHASE_OFFSET, SIDE
from imitate.locomotion.robot import FOOT_RADIUS, STAND
from imitate.locomotion.terrain import Terrain
from imitate.policy import Unchanged
from imitate.vision.env import PERIOD, POLICY_HZ, CourseEnv
from imitate.vision.leg import HIP, differentiate_legs, place_feet, solve_legs
from reconstruct import rotations
from reconstruct.kinematics import GRAVITY

INERTIA = np.array([0.12, 0.35, 0.4])
"""Of trunk and legs about the trunk's axes, roughly [kg m^2], (3,)."""
SHIFTS_AHEAD, SHIFTS_ASIDE = 0.04 * np.arange(-5, 6), 0.04 * np.arange(-4, 5)
SHIFTS = np.stack([grid.ravel() for grid in np.meshgrid(SHIFTS_AHEAD, SHIFTS_ASIDE, indexing="ij")], axis=1)
"""Shifts of a foothold that are tried [m], (K, 2)."""
ASIDES, AHEADS = 0.04 * np.arange(-8, 9), 0.08 * np.arange(-2, 8)
"""Ways aside that are tried [m], (J,), and the stretch along which their ground counts [m], (I,)."""
SAME = 0.1
"""Footholds nearer to each other than this are the same one [m]."""
TOUCH = 0.02
"""A foot with more force than this on it is on the ground [robot's weights]."""
GRIP = 0.6
"""Share of a foot's vertical force that it may push with along the ground."""
LONGEST_MOVE = 0.06
"""Of a swinging foot in a control step, along the ground [m]."""


class FootholdMap:
    """How good each place of a terrain is to stand on, at the points of its grid."""

    def __init__(self, terrain: Terrain):
        self.terrain = terrain
        near = 2 * max(1, round(0.04 / terrain.spacing)) + 1
        self.highest = maximum_filter(terrain.heights, near)
        rough = np.clip(self.highest - minimum_filter(terrain.heights, near) - 0.045, 0.0, 0.3)
        wide = maximum_filter(terrain.heights, 2 * max(1, round(0.5 / terrain.spacing)) + 1)
        near = 2 * max(1, round(0.08 / terrain.spacing)) + 1
        edge = maximum_filter(terrain.heights, near) - minimum_filter(terrain.heights, near) - 0.085
        self.cost = 40.0 * rough + 3.5 * np.clip(edge, 0.0, 0.3) + 50.0 * (wide - terrain.heights > 0.3)

    def read_cost(self, xy: np.ndarray) -> np.ndarray:
        """Edges and slopes beyond 30 degrees within 4 cm, edges within 8 cm, and pits cost; (..., 2) [m] -> (...)."""
        return self.cost[self._index(xy)]

    def read_highest(self, xy: np.ndarray) -> np.ndarray:
        """Highest ground within 4 cm, (..., 2) [m] -> (...) [m]."""
        return self.highest[self._index(xy)]

    def _index(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = self.cost.shape
        place = np.rint((np.nan_to_num(xy) + self.terrain.half) / self.terrain.spacing).astype(int)
        return place[..., 1].clip(0, rows - 1), place[..., 0].clip(0, columns - 1)


def make_goals(num_envs: int) -> np.ndarray:
    """Where feet are going, world, (N, 4, 2) [m]: nan, for all stand; to be set so again where an episode begins."""
    return np.full((num_envs, 4, 2), np.nan)


@dataclass(frozen=True)
class Walker:
    """Its timing, steps and gains; found by an evolution strategy for the way walked on courses of training's kind."""

    speed: float = 0.4
    """At which the trunk is to go [m/s]."""
    stance: float = 0.624
    """Share of the cycle that a foot is on the ground."""
    height: float = 0.286
    """Of the trunk's origin above the feet's ground [m]."""
    clearance: float = 0.047
    """Of a swinging foot's sole above the highest ground on its way [m]."""
    descent: float = 1.29
    """Fastest fall of a swinging foot [m/s]."""
    ascent: float = 2.07
    """Fastest rise of a swinging foot [m/s]."""
    swing_speed: float = 2.06
    """At which a foot can get to a foothold [m/s]."""
    capture: float = 0.133
    """Seconds of velocity error by which a foothold is moved [s]."""
    capture_aside: float = 0.133
    """The same to the side [s]."""
    aside: float = 4.06
    """How much more a foothold's shift to the side costs than one ahead."""
    drift: float = 0.16
    """Fastest walk aside, to where the ground ahead is better [m/s]."""
    stray: float = 0.342
    """Way aside that costs as much as an edge under a foot all along [m]."""
    keep: float = 1.18
    """By how much another foothold must cost less than the one a foot goes to; four times that late in its swing."""
    stiff: float = 238.0
    """Correction of the trunk's tilt [1/s^2]."""
    damp: float = 25.7
    """Of its turning [1/s]."""
    steer: float = 6.96
    """Correction of its velocity [1/s]."""
    follow: float = 0.82
    """Share of the ground's slope that the trunk is pitched by."""
    lead: float = 0.005
    """How much later a swinging foot's aim is, since servos lag behind it [s]."""
    home: float = 0.488
    """Share of the way to its foothold that a foot late to land goes in a control step."""
    balance: float = 0.249
    """Share of the ground's lean to the side that the trunk is rolled by."""

    def act(self, env: CourseEnv, ground: FootholdMap, goals: np.ndarray) -> np.ndarray:
        """Actions of all robots.

        Args:
          env: the robots.
          ground: a map of its ground.
          goals: what `make_goals` made; holds where swinging feet are going from one call to the next.

        Returns:
          (N, 12).
        """
        own = (env.phase[:, None] + PHASE_OFFSET) % 1.0
        swing = np.where(own < self.stance, 1.0, (own - self.stance) / (1.0 - self.stance))
        touches = env.force > TOUCH
        stands = (own < self.stance) | ((swing > 0.5) & touches)  # also a foot that lands before its time
        loads = stands & touches
        loads = np.where(loads.any(1, keepdims=True), loads, stands)
        angles, speeds = env.qpos[:, 7:].reshape(-1, 4, 3), env.qvel[:, 6:].reshape(-1, 4, 3)
        rotation = env.rotation
        arm = np.einsum("nij,nlj->nli", rotation, place_feet(angles))
        feet = env.qpos[:, None, :3] + arm
        wanted = np.stack([np.full(len(own), self.speed), self._steer(env, ground)], axis=-1)
        target = self._choose(env, ground, goals, swing, feet, wanted)
        level = np.where(stands, feet[:, :, 2] - FOOT_RADIUS, target[:, :, 2])
        force = share_force(self._wish(env, rotation, level, wanted), arm, loads, 2.0 * GRAVITY * env.robot_mass)
        push = np.einsum("nij,nli->nlj", rotation, force)
        torque = -np.einsum("nlij,nli->nlj", differentiate_legs(angles), push)
        kp, kd = env.dynamics.kp[:, None, None], env.dynamics.kd[:, None, None]
        strength = env.dynamics.strength.reshape(-1, 4, 3)
        # The servo's spring gives way while it holds this target: it is set for the middle of the control step.
        standing = angles + 0.5 / POLICY_HZ * speeds + (torque / strength + kd * speeds) / kp
        aim = self._swing(ground, feet, target, swing) - env.qvel[:, None, :3] / POLICY_HZ
        aimed = solve_legs(np.einsum("nij,nli->nlj", rotation, aim - env.qpos[:, None, :3]))
        swinging = aimed + kd / kp * np.clip((aimed - angles) * POLICY_HZ, -15.0, 15.0)
        wanted = np.where(loads[:, :, None], standing, swinging)
        return (wanted.reshape(len(own), 12) - STAND) / ACTION_SCALE

    def _steer(self, env: CourseEnv, ground: FootholdMap) -> np.ndarray:
        """How fast to walk aside so that both sides' feet find good ground, (N,) [m/s]."""
        feet = (HIP[:2, 1] + SIDE[:2])[:, None, None] + ASIDES[:, None]
        lines = np.stack(np.broadcast_arrays(AHEADS, feet), axis=-1)
        cost = ground.read_cost(env.qpos[:, None, None, None, :2] + lines).mean((1, 3)) + (ASIDES / self.stray) ** 2
        return np.clip(2.0 * ASIDES[cost.argmin(1)], -self.drift, self.drift)

    def _choose(
        self,
        env: CourseEnv,
        ground: FootholdMap,
        goals: np.ndarray,
        swing: np.ndarray,
        feet: np.ndarray,
        wanted: np.ndarray,
    ) -> np.ndarray:
        """Footholds of all feet, at the ground, (N, 4, 3) [m]; `goals` of swinging feet are kept up."""
        time = (1.0 - swing) * (1.0 - self.stance) * PERIOD
        yaw = rotations.yaw(env.qpos[:, 3:7])
        cos, sin = np.cos(yaw), np.sin(yaw)
        heading = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], axis=-2)
        below_hips = HIP[:, :2] + np.stack([0.0 * SIDE, SIDE], axis=-1)
        velocity = env.qvel[:, :2]
        place = env.qpos[:, None, :2] + np.einsum("nij,lj->nli", heading, below_hips)
        place = place + velocity[:, None] * time[:, :, None] + wanted[:, None] * (0.5 * self.stance * PERIOD)
        place = place + (np.array([self.capture, self.capture_aside]) * (velocity - wanted))[:, None]
        place = np.where((swing < 1.0)[:, :, None], place, feet[:, :, :2])  # one late to land is not led on
        tried = place[:, :, None] + SHIFTS
        cost = ground.read_cost(tried) + SHIFTS**2 @ np.array([1.0, self.aside]) / 0.1**2
        way = np.linalg.norm(tried - feet[:, :, None, :2], axis=-1)
        cost += np.maximum(way - 0.03 - self.swing_speed * time[:, :, None], 0.0) / 0.02
        kept = np.linalg.norm(tried - goals[:, :, None], axis=-1) < SAME
        cost -= kept * (self.keep * (1.0 + 3.0 * swing))[:, :, None]
        chosen = np.take_along_axis(tried, cost.argmin(-1)[:, :, None, None], axis=2)[:, :, 0]
        goals[:] = np.where((swing < 1.0)[..., None], chosen, np.nan)
        return np.concatenate([chosen, ground.terrain.height(chosen)[..., None]], axis=-1)

    def _wish(self, env: CourseEnv, rotation: np.ndarray, level: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Force and moment about the trunk's origin that carry it as it should go, world [N, N m], (N, 6).

        Args:
          env: the robots.
          rotation: R_world_trunk, (N, 3, 3).
          level: height of the ground below each foot or its foothold [m], (N, 4).
          wanted: velocity along the ground [m/s], (N, 2).
        """
        velocity, tilt = env.qvel[:, :3], env.tilt
        slope = (level[:, :2].mean(1) - level[:, 2:].mean(1)) / (2.0 * HIP[0, 0])
        lean = (level[:, [1, 3]].mean(1) - level[:, [0, 2]].mean(1)) / 0.25
        roll = self.stiff * (self.balance * np.arctan(lean) - tilt[:, 0])
        pitch = self.stiff * (-self.follow * np.arctan(slope) - tilt[:, 1])
        yaw = -40.0 * rotations.yaw(env.qpos[:, 3:7])
        turn = np.stack([roll, pitch, yaw], axis=-1) - np.array([self.damp, self.damp, 10.0]) * env.qvel[:, 3:6]
        ahead, aside = self.steer * (wanted - velocity[:, :2]).T
        up = 90.0 * (level.mean(1) + self.height - env.qpos[:, 2]) - 14.0 * velocity[:, 2] + GRAVITY
        mass = env.robot_mass + env.dynamics.payload
        force = mass[:, None] * np.stack([ahead, aside, up], axis=-1)
        return np.concatenate([force, np.einsum("nij,nj->ni", rotation, INERTIA * turn)], axis=-1)

    def _swing(self, ground: FootholdMap, feet: np.ndarray, target: np.ndarray, swing: np.ndarray) -> np.ndarray:
        """Where swinging feet are to be a control step later, centres, (N, 4, 3) [m]."""
        later = np.minimum(swing + (1.0 / POLICY_HZ + self.lead) / ((1.0 - self.stance) * PERIOD), 1.0)
        done, now = smooth(later, 0.1, 0.85), smooth(swing, 0.1, 0.85)
        share = np.clip((done - now) / np.maximum(1.0 - now, 1e-3), 0.0, 1.0)
        share = np.where(swing > 0.85, np.maximum(share, self.home), share)
        whole = target[..., :2] - feet[..., :2]
        way = share[..., None] * whole
        length = np.linalg.norm(way, axis=-1, keepdims=True)
        aim = feet.copy()
        aim[..., :2] += way * np.minimum(1.0, LONGEST_MOVE / np.maximum(length, 1e-6))
        path = feet[:, :, None, :2] + np.linspace(0.0, 1.0, 6)[:, None] * whole[:, :, None]
        floor = target[..., 2] + FOOT_RADIUS
        top = np.maximum(ground.read_highest(path).max(-1) + FOOT_RADIUS, floor) + self.clearance
        planned = floor + (top - floor) * (1.0 - smooth(later, 0.45, 1.0))
        change = np.clip(planned - feet[..., 2], -self.descent / POLICY_HZ, self.ascent / POLICY_HZ)
        aim[..., 2] += np.where(later < 0.45, np.maximum(change, 0.0), change)
        return aim


class WalkerActor:
    """The walker as a policy: it reads what it needs from the simulation, or where it is blind takes level ground."""

    def __init__(self, env: CourseEnv):
        self.env, self.walker, self.ground = env, Walker(), FootholdMap(env.terrain)
        self.goals = make_goals(env.num_envs)

    observations = Unchanged()

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Its actions, (N, 12)."""
        return self.walker.act(self.env, self.ground, self.goals)

    def forget(self, ids: np.ndarray) -> None:
        """New episodes have begun in these environments."""
        self.goals[ids] = np.nan


def share_force(wish: np.ndarray, arm: np.ndarray, loads: np.ndarray, most: float) -> np.ndarray:
    """Forces of the ground on the feet that together make a force and a moment, as small as can be.

    Regularised least squares; feet only push, and within their friction, so the wish is not always granted.

    Args:
      wish: force and moment [N, N m], (N, 6).
      arm: from where moments are counted to the feet, world [m], (N, 4, 3).
      loads: which feet carry, bool (N, 4).
      most: largest vertical force of a foot [N].

    Returns:
      [N], world, (N, 4, 3).
    """
    matrix = np.zeros((len(wish), 6, 4, 3))
    matrix[:, :3] = np.eye(3)[:, None]
    x, y, z = np.moveaxis(arm, -1, 0)
    matrix[:, 3, :, 1], matrix[:, 3, :, 2] = -z, y
    matrix[:, 4, :, 0], matrix[:, 4, :, 2] = z, -x
    matrix[:, 5, :, 0], matrix[:, 5, :, 1] = -y, x
    scale = np.array([1.0, 1.0, 1.0, 5.0, 5.0, 5.0])
    matrix = (matrix * scale[:, None, None]).reshape(-1, 6, 12)
    weight = (loads[:, :, None] * np.array([0.5, 0.5, 1.0])).reshape(-1, 1, 12)
    gram = (matrix * weight) @ matrix.swapaxes(1, 2) + 0.02 * np.eye(6)
    solved = np.linalg.solve(gram, (scale * wish)[..., None])
    force = (weight * matrix).swapaxes(1, 2) @ solved
    force = force.reshape(-1, 4, 3)
    force[..., 2] = np.clip(force[..., 2], 0.0, most)
    along = np.linalg.norm(force[..., :2], axis=-1)
    force[..., :2] *= np.minimum(1.0, GRIP * force[..., 2] / np.maximum(along, 1e-6))[..., None]
    return force


def smooth(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """From 0 at `low` to 1 at `high`, level at both ends."""
    s = np.clip((x - low) / (high - low), 0.0, 1.0)
    return s * s * (3.0 - 2.0 * s)
