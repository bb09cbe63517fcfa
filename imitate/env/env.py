"""The vectorised environment: N copies of one character that follow one reference motion.

A control step is one call into MuJoCo's batch, which takes all four physics steps of all environments in C. What is
left to numpy is one pass over N rows each for the servo targets, the reward and the observation.
"""

from dataclasses import replace
from typing import Any

import mujoco
import mujoco.batch
import numpy as np

from imitate.env.body_state import BodyState
from imitate.env.box_course import plan_box
from imitate.env.config import EnvConfig
from imitate.env.dynamics import Dynamics, DynamicsConfig, prepare_model
from imitate.env.grip_schedule import GripSchedule
from imitate.env.joint_layout import JointLayout, servo_lag
from imitate.env.observation import ObservationLayout, observe_box
from imitate.env.pushes import Pushes, make_pushes
from imitate.env.real_world import RealWorld
from imitate.env.reference import Reference
from imitate.env.reward import add_task_reward, imitation_reward
from imitate.env.sliding import slide_squared
from imitate.env.start_noise import add_noise
from imitate.env.step import STAGE_NONE, STAGE_VEL, StepResult, clear_exploded
from imitate.env.task import Task
from imitate.env.termination import GeomShapes, has_fallen, has_lost_track
from imitate.policy import Performer, PolicyLayout
from imitate.scene.scene import SUBSTEPS


class ImitationEnv:
    """N environments in one batch. None restarts by itself: the caller looks at `StepResult.done` and calls `start`."""

    def __init__(
        self,
        task: Task,
        config: EnvConfig,
        num_envs: int,
        threads: int = 1,
        affected: np.ndarray | None = None,
        pushes: Pushes | None = None,
        dynamics: DynamicsConfig | None = None,
        varied: np.ndarray | None = None,
    ):
        """Makes the environments; `start` begins their episodes.

        Args:
          task: what is performed, by whom, where.
          config: of reward, endings, starts and pushes.
          num_envs: how many, N.
          threads: that MuJoCo's batch steps them with.
          affected: those that are pushed as the config says, bool (N,); None for all.
          pushes: instead of those of the scene and the config.
          dynamics: of each environment, drawn from these ranges; None for the same in all.
          varied: those whose dynamics vary, bool (N,); None for all.
        """
        self.task, self.config, self.num_envs = task, config, num_envs
        self.scene, self.ground = task.scene, task.ground
        self.model = task.model if dynamics is None else prepare_model(task.model)
        # A box's joint and body come last, so that the character's own are where they are without it.
        self.body = task.body
        """The physics of the character and the ground, without a box."""
        self.joints = JointLayout.of(self.body)
        """Where the body's joints lie."""
        self.action_size = self.model.nu
        bodies, uneven = self.body.nbody - 1, not self.ground.flat
        self.observation_layout = ObservationLayout.of(bodies, self.body.nv, uneven, self.scene.has_box)
        self.use_reference(task.reference(config.episode_seconds))
        self._shapes = GeomShapes.of(self.model, task.character.fall_bodies)
        self._sites = task.character.site_ids(task.character.end_effectors)
        self._keys = np.array([1] + [self.model.body(name).id for name in task.character.key_bodies])
        self.touching = [task.character.site_ids(tuple(sites)) for sites in task.character.contacts.values() if sites]
        """Sites of the points with which each foot and hand touches."""
        self._lag = servo_lag(self.model, self.joints)

        self.frame = np.zeros(num_envs, dtype=np.int64)
        """Frame of the reference that each environment should be at, (N,)."""
        self.age = np.zeros(num_envs, dtype=np.int64)
        """Control steps in its episode so far, (N,)."""
        self.episode = np.zeros(num_envs, dtype=np.int64)
        """Episodes begun in each environment; which pushes come, follows from it, (N,)."""
        self.non_finite = 0
        """Environments that exploded and were ended, so far."""
        affected = np.ones(num_envs, dtype=bool) if affected is None else affected
        self._pushes = pushes or make_pushes(task, config.push_speed or 0.0, config.push_interval, affected)
        self._batch = self._make_batch(threads)
        self._bind_state()
        self.dynamics = None if dynamics is None else Dynamics(task, self._batch, dynamics, varied)
        """The dynamics of each environment, where they vary; an observation then ends with them."""
        shape, lag = (num_envs, self.action_size), config.delay * SUBSTEPS
        measured = self._make_batch(threads) if config.sensor_noise else None
        self._real_world = RealWorld(config.sensor_noise, lag, self.joints, shape, self.scene.seed, measured)

    def seed_noise(self, seed: int) -> None:
        """Lets noise and delays of measurements to come follow from this seed and the scene's."""
        self._real_world.rng = np.random.default_rng((self.scene.seed, seed))

    def use_reference(self, reference: Reference) -> None:
        """Lets all environments follow this reference, or parts of it; `start` puts them onto it."""
        self.reference = reference
        self.goal_qpos, self.goal_qvel = self._plan_all()  # for all that moves, (K, ...)

    def _plan_all(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions and velocities of the reference, with the box's after them if there is one."""
        qpos, qvel = self.reference.qpos, self.reference.qvel
        if not self.scene.has_box:
            return qpos, qvel
        box_qpos, box_qvel = plan_box(self.task, self.reference)
        return np.concatenate([qpos, box_qpos], axis=1), np.concatenate([qvel, box_qvel], axis=1)

    def _make_batch(self, threads: int) -> mujoco.batch.Batch:
        # MuJoCo reports exploded states on the terminal and in a log file; here they are ended and counted.
        mujoco.set_mju_user_warning(lambda message: None)
        return mujoco.batch.Batch(self.model, self.num_envs, nthread=threads, persistent=True)

    def _bind_state(self) -> None:
        """Names the parts of the batch's state that are read and written; all are views."""
        body, bind = self.body, self._batch.bind
        self.all_qpos, self.all_qvel = qpos, qvel = bind("qpos"), bind("qvel")
        """Of all that moves, (N, ...)."""
        self.qpos, self.qvel = qpos[:, : body.nq], qvel[:, : body.nv]
        """Of the body."""
        self.box_qpos, self._box_qvel = qpos[:, body.nq :], qvel[:, body.nv :]
        """Pose of the box, (N, 7), or (N, 0) where there is none."""
        self.state_of_body = true = BodyState.of(self._batch, body)
        """As it is."""
        self._xpos, self._cvel = true.xpos, true.cvel
        self._box_xmat = bind("xmat").reshape(self.num_envs, -1, 3, 3)[:, -1]
        self.bodies_xpos = true.xpos[:, 1:]
        """Origins of the moving bodies, world [m], (N, B, 3)."""
        self.bodies_xmat = true.xmat[:, 1:]
        """Their rotations R_world_body, (N, B, 3, 3)."""
        self.com, self.site_xpos, self._geom_xpos = true.com, bind("site_xpos"), bind("geom_xpos")
        """Centre of mass, world [m], (N, 3)."""
        self._geom_xmat = bind("geom_xmat").reshape(self.num_envs, -1, 3, 3)
        self._ctrl, self._applied = bind("ctrl"), bind("xfrc_applied")
        self.actuator_force, self.actuator_velocity = bind("actuator_force"), bind("actuator_velocity")
        """Torques of the last physics step [N m], and speeds of the driven joints [rad/s], (N, nu) each."""
        self._tied = bind("eq_active")[:, self.model.neq - len(self.task.grips) :] if self.task.grips else None
        self._grips = GripSchedule.of(self.task, self.reference)

    @classmethod
    def for_policy(
        cls,
        policy: Performer,
        task: Task,
        num_envs: int,
        seconds: float,
        config: EnvConfig | None = None,
        pushes: Pushes | None = None,
        dynamics: DynamicsConfig | None = None,
    ) -> "ImitationEnv":
        """Environments that a policy can act in.

        Args:
          policy: acts in them; its layout says how far an action moves a servo's target.
          task: what it is to perform.
          num_envs: how many environments.
          seconds: longest episode of a loop [s]; a clip that does not loop is passed once.
          config: everything else; None for the defaults.
          pushes: instead of those of the scene and the config.
          dynamics: of each environment, drawn from these ranges; None for the same in all.

        Raises:
          InputError: the policy was trained for another body or by another version of the program.
        """
        config = replace(config or EnvConfig(), action_scale=policy.layout.action_scale, episode_seconds=seconds)
        env = cls(task, config, num_envs, pushes=pushes, dynamics=dynamics)
        policy.layout.check(env.policy_layout(policy.layout.hidden))
        return env

    def policy_layout(self, hidden: tuple[int, ...]) -> PolicyLayout:
        """The layout of a policy for this environment, with hidden layers of these widths."""
        return PolicyLayout(
            character=self.task.character.name,
            height=self.task.character.height,
            observation=self.observation_layout.sizes,
            action=tuple(self.model.actuator(u).name for u in range(self.model.nu)),
            action_scale=self.config.action_scale,
            hidden=hidden,
        )

    @property
    def episode_steps(self) -> int:
        """Control steps in the longest episode."""
        return self.reference.episode_steps

    def start(
        self,
        frames: np.ndarray,
        ids: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
        offset: np.ndarray | None = None,
        speed_offset: np.ndarray | None = None,
    ) -> None:
        """Puts environments onto the reference.

        Args:
          frames: of the reference, (M,).
          ids: the M environments, or None for all of them.
          rng: adds the configured noise to the joints; None starts exactly on the reference.
          offset: tangent step from the reference's pose to the one at the start, of the body, (M, nv), or of all that
            moves.
          speed_offset: difference of the velocity at the start from the reference's, likewise.
        """
        ids = np.arange(self.num_envs) if ids is None else ids
        self.frame[ids], self.age[ids] = frames, 0
        qpos, qvel = self.goal_qpos[frames].copy(), self.goal_qvel[frames].copy()
        steps = np.zeros_like(qvel)
        if offset is not None:
            steps[:, : offset.shape[1]] = offset
        if speed_offset is not None:
            qvel[:, : speed_offset.shape[1]] += speed_offset
        if rng is not None:
            add_noise(qpos, steps, qvel, self.body.nv, self.scene, self.config, rng)
        for pose, step in zip(qpos, steps, strict=True):
            mujoco.mj_integratePos(self.model, pose, step, 1.0)
        if self.dynamics is not None:
            self.dynamics.begin(ids)
        self._batch.reset(ids, stage=STAGE_NONE)
        self.all_qpos[ids], self.all_qvel[ids] = qpos, qvel
        self.episode[ids] += 1
        self._batch.forward(ids, stage=STAGE_VEL)
        if self._tied is not None:
            self._tied[ids] = self._grips.choose(self.frame[ids], self.site_xpos[ids])
        if self._real_world.late:
            self._real_world.start(ids, self.targets(np.zeros((self.num_envs, self.action_size)))[ids])

    def rest(self, frames: np.ndarray) -> np.ndarray:
        """Tangent steps from the reference's poses to ones that the ground bears, see `Reference.rise`, (M, nv)."""
        steps = np.zeros((len(frames), self.body.nv))
        steps[:, 2] = self.reference.rise[frames]
        return steps

    def observe(self, ids: np.ndarray | None = None) -> np.ndarray:
        """Observations of all or some environments, float32 (M, O); the extrinsics after them, (M, O + E)."""
        seen = self._observe(ids)
        if self.dynamics is None:
            return seen
        these = slice(None) if ids is None else ids
        extrinsics = self.dynamics.observe(self.reference.heading[self.frame[these]], these)
        return np.concatenate([seen, extrinsics], axis=1)

    def sense(self, ids: np.ndarray | None = None) -> BodyState:
        """The states of all bodies, or of some and no others, as they are measured."""
        return self._real_world.sense(self.state_of_body, ids)

    def _observe(self, ids: np.ndarray | None) -> np.ndarray:
        these, state = slice(None) if ids is None else ids, self.sense(ids)
        frame = self.frame[these]
        following = self.reference.follow(frame)
        offset = self.joints.difference(state.qpos[these], self.reference.qpos[following])
        seen = state.describe(these, self.reference.phase[frame], self.reference.heading[frame], offset)
        if self.ground.flat and not self.scene.has_box:
            return seen
        root, heading = state.xpos[these, 1], self.reference.heading[frame]
        parts = [seen]
        if not self.ground.flat:
            height = self.observation_layout.column("root_height")
            seen[:, height] -= self.ground.support(root[:, :2])
            parts.append(self.ground.map_around(root, heading).astype(np.float32))
        if self.scene.has_box:
            box = self.box_qpos[these, :3], self._box_xmat[these], self._box_qvel[these]
            parts.append(observe_box(heading, root, *box))
        return np.nan_to_num(np.concatenate(parts, axis=1))

    def slide_squared(self) -> np.ndarray:
        """See `sliding.slide_squared`, of all feet and hands, (N,)."""
        spatial = self._cvel[:, self.model.site_bodyid], self.com
        return slide_squared(self.touching, self.site_xpos, *spatial, self.ground)

    def targets(self, action: np.ndarray) -> np.ndarray:
        """Servo targets: the reference's next pose, ahead by the servo's lag, plus the action, (N, nu) -> (N, nu)."""
        following = self.reference.follow(self.frame)
        return self.targets_to(self.reference.qpos[following], self.reference.qvel[following], action)

    def targets_to(self, qpos: np.ndarray, qvel: np.ndarray, action: np.ndarray) -> np.ndarray:
        """The same to other next poses (N, nq) with velocities (N, nv).

        A ball joint's servos compare components of rotation vectors. The target is written as where the joint is plus
        the short way to where it should be, so that rotation vectors that jump at half a turn never meet.
        """
        drive = self.joints.actuator_dof
        here = self.joints.rotation_vectors(self.qpos)[:, drive]
        way = self.joints.difference(self.qpos, qpos)[:, drive]
        return here + way + self.servo_lead(qvel) + self.config.action_scale * action

    def servo_lead(self, qvel: np.ndarray) -> np.ndarray:
        """How far targets that move with velocities (N, nv) are ahead of them, by the servos' lag [rad], (N, nu)."""
        return self._lag * qvel[:, self.joints.actuator_dof]

    def step(self, action: np.ndarray) -> StepResult:
        """Simulates one control step (1/30 s) and compares with the reference; `action` is (N, nu)."""
        self.set_targets(self.targets(action))
        self.simulate()
        return self.compare()

    def set_targets(self, targets: np.ndarray) -> None:
        """Gives the servos their targets [rad], (N, nu)."""
        self._ctrl[:] = targets

    def simulate(self) -> None:
        """All physics steps of one control step, in C."""
        self._applied[:, 1, :3] = 0.0 if self._pushes is None else self._pushes.at(self.episode, self.age)
        if self._tied is not None:
            self._tied[:] = self._grips.choose(self.frame, self.site_xpos)
        if self._real_world.late:
            targets = self._ctrl.copy()
            for _ in range(SUBSTEPS):
                self._ctrl[:] = self._real_world.pass_on(targets)
                self._batch.step(stage=STAGE_VEL)
        else:
            self._batch.step(nstep=SUBSTEPS, stage=STAGE_VEL)
        self.frame = self.reference.follow(self.frame)
        self.age += 1
        if self.dynamics is not None:
            self.dynamics.redraw_some()

    def follow(self, qpos: np.ndarray, qvel: np.ndarray) -> StepResult:
        """Takes over the states (N, nq), (N, nv) that another simulation led to in one control step, and compares."""
        self.all_qpos[:], self.all_qvel[:] = qpos, qvel
        self._batch.forward(stage=STAGE_VEL)
        self.frame = self.reference.follow(self.frame)
        self.age += 1
        return self.compare()

    def compare(self) -> StepResult:
        """Compares where the environments are with where the reference is."""
        reference, frame = self.reference, self.frame
        root = self._xpos[:, 1]
        reward, terms = imitation_reward(
            self.joints.difference(self.qpos, reference.qpos[frame])[:, 3:],
            self.qvel[:, 3:] - reference.qvel[frame][:, 3:],
            self.site_xpos[:, self._sites] - root[:, None] - reference.end_effectors[frame],
            self.com - reference.com[frame],
            self.body.njnt,
            self.config.reward,
        )
        if self.scene.has_box:
            goal = self.goal_qpos[frame][:, self.body.nq :]
            reward, terms = add_task_reward(reward, terms, self.box_qpos, goal, self.scene.task_weight)
        own = self.task.compute_own_rewards(self)
        reward, terms = sum(own.values(), reward), terms | own
        if self.config.slide_weight:
            terms["slide"] = -self.config.slide_weight * self.slide_squared()
            reward = reward + terms["slide"]
        exploded = clear_exploded(self._batch, reward, terms)
        self.non_finite += int(exploded.sum())
        lowest = self.lowest(self._shapes)
        terminated = (
            exploded
            | has_fallen(lowest, reference.may_touch[frame])
            | has_lost_track(self._xpos[:, self._keys], reference.key_bodies[frame], self.config.tracking_threshold)
        )
        over = self.age >= self.episode_steps if reference.loop else frame >= reference.last[frame]
        return StepResult(reward, terms, terminated, over & ~terminated, exploded)

    def lowest(self, shapes: GeomShapes) -> np.ndarray:
        """Heights of the lowest points of some bodies above the ground [m], (N, F)."""
        return shapes.clearance(self.ground, self._geom_xpos, self._geom_xmat)

    def find_lowest(self, shapes: GeomShapes) -> np.ndarray:
        """Heights of the lowest points of some bodies in the world [m], (N, F)."""
        return shapes.lowest(self._geom_xpos, self._geom_xmat)

    def box_progress(self) -> np.ndarray:
        """How far along the scene's direction each box is [m], (N,)."""
        return self.ground.local(self.box_qpos[:, :2])[0]

    def state(self) -> dict[str, Any]:
        """Everything that the environments' future depends on."""
        return {
            "real_world": self._real_world.state(),
            "dynamics": {} if self.dynamics is None else self.dynamics.state(),
            "batch": self._batch.state.copy(),
            "frame": self.frame.copy(),
            "age": self.age.copy(),
            "non_finite": self.non_finite,
            "episode": self.episode.copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """The opposite of `state`; continues bit for bit."""
        self._batch.state[:] = state["batch"]
        self._real_world.restore(state["real_world"])
        if self.dynamics is not None:
            self.dynamics.restore(state["dynamics"])
        self.frame[:], self.age[:] = state["frame"], state["age"]
        self.non_finite = int(state["non_finite"])
        self.episode[:] = state["episode"]
        self._batch.forward(stage=STAGE_VEL)
