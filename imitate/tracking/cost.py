"""What tracking control minimises: SFV's imitation reward, turned into squares.

Close to the reference, 1 - reward is a sum of squared errors, each weighted by its term's weight times steepness. Half
of that sum, with a little more for the place of the root and for the use of controls, is the cost: what the tracker
improves is what it is evaluated by.
"""

from dataclasses import dataclass, replace

import mujoco
import numpy as np

from imitate.env.env import ImitationEnv
from imitate.env.sliding import expand_sliding
from imitate.env.termination import GeomShapes, solid_bodies
from imitate.tracking.ilqg import LinearQuadraticModel
from pose.ranges import POSITIVE, check_ranges, name_numbers

BOX_WEIGHT = 2.0
"""Weight of the place and rotation of the box that is pushed [1/m^2, 1/rad^2]."""
FREE_DEPTH = 0.008
"""Depth in the ground that costs nothing [m]: contact gives way as much under a body that stands or walks."""


@dataclass(frozen=True)
class CostConfig:
    """Weights of squared errors."""

    root: float = 5.0
    """Weight of the root's position [1/m^2]."""
    # The reward itself sees it through the centre of mass only. With 1, runs and jumps fall behind until they are
    # stopped for being too far from the reference.
    control: float = 0.1
    """Weight of the offsets of servo targets from the reference [1/rad^2]."""
    # The offset is what carries the weight of the body, so it must be cheap. With too small a weight it jitters: with
    # .002 a third of its square is noise from one control step to the next, which no policy learns from a state. Ten
    # motions (November 2026): with .002 a return of .973 in 33 s, with .1 .975 in 27 s and a third of the noise; four
    # of them .956 with .002, .962 with .1, .956 with .3 and .941 with 1.
    penetration: float = 50.0
    """Weight of the depth in the ground of each part of the body [1/m^2]."""
    # The reference does not know how hard it lands.
    slide: float = 0.2
    """Weight of the speed along the ground of feet and hands that carry weight [s^2/m^2]."""
    # Nor does it know of friction: a foot that lands with the speed that the reference has there slides.
    final: float = 3.0
    """Factor on the cost of the last state of a horizon, which stands for all that comes after."""

    def check(self) -> None:
        """Raises `InputError` if an option is out of its range."""
        check_ranges(self, name_numbers(self, (0.0, 1e9)) | {"control": POSITIVE}, "track.cost.")


class TrackingCost:
    """Squared errors of environments against their reference, and the quadratic model of them."""

    def __init__(self, env: ImitationEnv, config: CostConfig):
        model, reward, character = env.model, env.config.reward, env.task.character
        self._env, self._data = env, mujoco.MjData(model)
        self._sites = [int(site) for site in character.site_ids(character.end_effectors)]
        nv, joints = env.body.nv, env.body.njnt
        self._pose = np.full(model.nv, reward.pose_weight * reward.pose_scale / joints)
        self._pose[:3] = config.root
        self._pose[nv:] = BOX_WEIGHT
        self._velocity = np.full(model.nv, reward.velocity_weight * reward.velocity_scale / joints)
        self._velocity[nv:] = 0.0
        self._end_effectors = reward.end_effector_weight * reward.end_effector_scale / len(self._sites)
        self._com = reward.com_weight * reward.com_scale
        self._control, self.final, self._penetration = config.control, config.final, config.penetration
        self._slide = config.slide
        shapes = GeomShapes.of(model, solid_bodies(model))
        self._geoms = replace(shapes, first=np.arange(len(shapes.geoms)))

    def of_states(self) -> np.ndarray:
        """Costs of the states that the environments are in, each at its frame of the reference, (N,)."""
        env, reference, row = self._env, self._env.reference, self._env.frame
        pose = env.joints.difference_all(env.goal_qpos[row], env.all_qpos)
        end_effectors = env.site_xpos[:, self._sites] - env.bodies_xpos[:, :1] - reference.end_effectors[row]
        return 0.5 * (
            np.square(pose) @ self._pose
            + np.square(env.all_qvel - env.goal_qvel[row]) @ self._velocity
            + self._end_effectors * np.square(end_effectors).sum(axis=(1, 2))
            + self._com * np.square(env.com - reference.com[row]).sum(axis=1)
            + self._penetration * np.square(np.minimum(env.lowest(self._geoms) + FREE_DEPTH, 0.0)).sum(axis=1)
            + self._slide * env.slide_squared()
        )

    def of_controls(self, controls: np.ndarray) -> np.ndarray:
        """Costs of offsets of the servo targets [rad], (..., nu) -> (...)."""
        return 0.5 * self._control * np.square(controls).sum(axis=-1)

    def expand(
        self, frames: np.ndarray, qpos: np.ndarray, qvel: np.ndarray, controls: np.ndarray, A: np.ndarray, B: np.ndarray
    ) -> LinearQuadraticModel:
        """The quadratic model of the cost along a trajectory: gradients and Gauss-Newton second derivatives.

        Points of the body have MuJoCo's exact Jacobians. That of a rotation's difference is taken as one, which it is
        where the difference is small.

        Args:
          frames: of the reference, (H + 1,).
          qpos: poses (H + 1, nq).
          qvel: velocities (H + 1, nv).
          controls: offsets of servo targets [rad], (H, nu).
          A: next state by state, (H, 2 nv, 2 nv).
          B: next state by control, (H, 2 nv, nu).
        """
        reference, model, data = self._env.reference, self._env.model, self._data
        nv, points = model.nv, len(self._sites) + 1
        lx, lxx = np.empty((len(frames), 2 * nv)), np.zeros((len(frames), 2 * nv, 2 * nv))
        lx[:, :nv] = self._env.joints.difference_all(self._env.goal_qpos[frames], qpos) * self._pose
        lx[:, nv:] = (qvel - self._env.goal_qvel[frames]) * self._velocity
        diagonal = np.arange(2 * nv)
        lxx[:, diagonal, diagonal] = np.concatenate([self._pose, self._velocity])

        weights = np.full((points, 1), self._end_effectors)
        weights[-1] = self._com
        error, jacobian, root_jacobian = np.empty((points, 3)), np.empty((points, 3, nv)), np.empty((3, nv))
        for t, frame in enumerate(frames):
            data.qpos[:] = qpos[t]
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            mujoco.mj_jacBody(model, data, root_jacobian, None, 1)
            for p, site in enumerate(self._sites):
                mujoco.mj_jacSite(model, data, jacobian[p], None, site)
            jacobian[:-1] -= root_jacobian
            mujoco.mj_jacSubtreeCom(model, data, jacobian[-1], 1)
            error[:-1] = data.site_xpos[self._sites] - data.xpos[1] - reference.end_effectors[frame]
            error[-1] = data.subtree_com[1] - reference.com[frame]
            flat = jacobian.reshape(-1, nv)
            lx[t, :nv] += flat.T @ (weights * error).ravel()
            lxx[t, :nv, :nv] += (flat.T * np.repeat(weights, 3)) @ flat
            speeds, by_state = expand_sliding(data, self._env.joints, self._env.ground, self._env.touching, qvel[t])
            lx[t] += self._slide * by_state.T @ speeds
            lxx[t] += self._slide * by_state.T @ by_state
            for depth, rise in self._find_deep(data, nv):
                lx[t, :nv] += self._penetration * depth * rise
                lxx[t, :nv, :nv] += self._penetration * np.outer(rise, rise)
        lx[-1] *= self.final
        lxx[-1] *= self.final
        return LinearQuadraticModel(A, B, lx, lxx, self._control * controls, np.full(controls.shape, self._control))

    def _find_deep(self, data: mujoco.MjData, nv: int) -> list[tuple[float, np.ndarray]]:
        """Parts deeper in the ground than `FREE_DEPTH`: height above that [m], negative, and its gradient (nv,)."""
        shapes, model, found = self._geoms, self._env.model, list[tuple[float, np.ndarray]]()
        placed = data.geom_xpos[None], data.geom_xmat.reshape(1, -1, 3, 3)
        depths = shapes.clearance(self._env.ground, *placed)[0] + FREE_DEPTH
        for i in np.flatnonzero(depths < 0.0):
            geom, jacobian = shapes.geoms[i], np.empty((3, nv))
            rotation = data.geom_xmat[geom].reshape(3, 3)
            point = data.geom_xpos[geom] + rotation @ (shapes.centre[i] - np.sign(rotation[2]) * shapes.core[i])
            mujoco.mj_jac(model, data, jacobian, None, point, int(model.geom_bodyid[geom]))
            found.append((float(depths[i]), jacobian[2]))
        return found
