"""The vectorised environment: N simulations of one character that shall follow one reference motion.

A decision of the policy is one call into MuJoCo's batch, which takes all four physics steps of all simulations in C.
What is left to numpy is one pass over N rows each for the servo targets, the reward and the observation.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import mujoco
import mujoco.batch
import numpy as np

from imitate.env.box_course import box_course
from imitate.env.joint_layout import JointLayout
from imitate.env.observation import ObservationLayout, observe, observe_box
from imitate.env.reward import RewardConfig, imitation_reward
from imitate.env.task import Task
from imitate.env.termination import GeomShapes, fallen, strayed
from imitate.policy import Policy, PolicyLayout
from imitate.scene.scene import CONTROL_HZ, SUBSTEPS
from reconstruct import rotations

STAGE_VEL = mujoco.mjtStage.mjSTAGE_VEL.value
STAGE_NONE = mujoco.mjtStage.mjSTAGE_NONE.value
BAD_STATE = [
    warning.value
    for warning in (
        mujoco.mjtWarning.mjWARN_BADQPOS,
        mujoco.mjtWarning.mjWARN_BADQVEL,
        mujoco.mjtWarning.mjWARN_BADQACC,
    )
]


PUSH_SECONDS = 0.2
"""Length of a push."""
TASK_SCALE = 5.0
"""Steepness of the task's term [1/m^2]: a box 0.4 m behind earns less than half."""


@dataclass(frozen=True)
class EnvConfig:
    """The task that is learnt."""

    reward: RewardConfig = field(default_factory=RewardConfig)
    """Weights and steepness of the reward's terms (SFV)."""
    action_scale: float = 0.25
    """Radians of servo target offset for an action of 1, around the reference's next pose."""
    deviation: float = 0.5
    """An episode ends when the root or a key body is this far from the reference [m]."""
    episode_seconds: float = 10.0
    """Longest episode of a loop [s]; a clip that does not loop is passed once."""
    pose_noise: float = 0.02
    """Standard deviation of joint angles about the reference at the start of an episode [rad]."""
    velocity_noise: float = 0.1
    """Standard deviation of joint speeds about the reference at the start of an episode [rad/s]."""
    box_noise: float = 0.05
    """Standard deviation of a box's place and yaw at the start of an episode [m and rad]; never nearer than it was."""
    push: float | None = None
    """Strongest random push while learning, as a change of the body's speed [m/s]; default 0.6 after a warm start."""
    # Against the root, for 0.2 s from any side; none where there is a box to push. None is for `TrainConfig.resolve` to
    # fill; an environment takes it for 0.
    push_every: float = 2.0
    """Time between such pushes [s]."""


@dataclass(frozen=True)
class StepResult:
    """What one decision led to, for N environments."""

    reward: np.ndarray
    """Reward, (N,)."""
    terms: dict[str, np.ndarray]
    """Its weighted terms, (N,) each."""
    terminated: np.ndarray
    """The episode failed: fallen, strayed or exploded, bool (N,)."""
    truncated: np.ndarray
    """The episode ended in good order, at the end of the clip or of its time, bool (N,)."""

    @property
    def done(self) -> np.ndarray:
        """The episode is over, bool (N,)."""
        return self.terminated | self.truncated


class ImitationEnv:
    """N simulations in one batch. None restarts by itself: the caller looks at `StepResult.done` and calls `start`."""

    def __init__(self, task: Task, config: EnvConfig, environments: int, threads: int = 1):
        self.task, self.config = task, config
        character, scene = task.character, task.scene
        self.scene, self.ground, self.model = scene, task.ground, task.model
        # A box's joint and body come last, so that the character's own are where they are without it.
        self.body = body = task.body
        """The physics of the character and the ground, without a box."""
        self.reference = task.reference(config.episode_seconds)
        self.joints = JointLayout.of(body)
        """Where the body's joints lie."""
        self.goal_qpos, self.goal_qvel = self.reference.qpos, self.reference.qvel
        """The reference for all that moves, (K, ...)."""
        if scene.has_box:
            course = box_course(task, self.reference)
            self.goal_qpos = np.concatenate([self.reference.qpos, course[0]], axis=1)
            self.goal_qvel = np.concatenate([self.reference.qvel, course[1]], axis=1)
        self.observation_layout = ObservationLayout.of(body.nbody - 1, body.nv, not self.ground.flat, scene.has_box)
        self.action_size = self.model.nu
        self.size = environments
        self.row = np.zeros(environments, dtype=np.int64)
        """Row of the reference that each simulation should be at."""
        self.age = np.zeros(environments, dtype=np.int64)
        """Decisions in its episode so far."""
        self.non_finite = 0
        """Simulations that exploded and were ended, so far."""

        self._shapes = GeomShapes.of(self.model, character.fall_bodies)
        self._sites = character.site_ids(character.end_effectors)
        self._keys = np.array([1] + [self.model.body(name).id for name in character.key_bodies])
        gain, bias = self.model.actuator_gainprm[:, 0], self.model.actuator_biasprm
        # A servo that trails its target by damping/kp seconds is given its target that much ahead.
        self._lead = (self.model.dof_damping[self.joints.actuator_dof] - bias[:, 2]) / gain
        # MuJoCo tells of exploded states on the terminal and in a log file; here they are ended and counted.
        mujoco.set_mju_user_warning(lambda message: None)
        self._batch = mujoco.batch.Batch(self.model, environments, nthread=threads, persistent=True)
        bind = self._batch.bind
        qpos, qvel, self._ctrl = bind("qpos"), bind("qvel"), bind("ctrl")
        self.all_qpos, self.all_qvel = qpos, qvel
        """Of all that moves, (N, ...)."""
        self.qpos, self.qvel = qpos[:, : body.nq], qvel[:, : body.nv]
        """Of the body."""
        self.box_qpos, self._box_qvel = qpos[:, body.nq :], qvel[:, body.nv :]
        """Pose of the box, (N, 7), or (N, 0) where there is none."""
        xmat = bind("xmat").reshape(environments, -1, 3, 3)
        self._xpos, self._cvel = bind("xpos")[:, : body.nbody], bind("cvel")[:, : body.nbody]
        self._xmat, self._box_xmat, self._com = xmat[:, : body.nbody], xmat[:, -1], bind("subtree_com")
        self.site_xpos, self._geom_xpos = bind("site_xpos"), bind("geom_xpos")
        self._geom_xmat = bind("geom_xmat").reshape(environments, -1, 3, 3)
        self.bodies_xpos = self._xpos[:, 1:]
        """Origins of the moving bodies, world [m], (N, B, 3)."""
        self.com = self._com[:, 1]
        """Centre of mass, world [m], (N, 3)."""
        strongest, every = (config.push or 0.0) * body.body_subtreemass[1] / PUSH_SECONDS, config.push_every
        if scene.has_box:  # it disturbs enough: pushed about as well, nobody learns to push it
            strongest = 0.0
        if scene.kind == "wind":
            strongest, every = scene.push, scene.push_every
        self._gusts = gusts(strongest, scene.seed) if strongest > 0.0 else None
        self._push_steps = max(1, round(every * CONTROL_HZ))
        self.pushed = np.ones(environments, dtype=bool)
        """Simulations that are pushed, bool (N,); wind spares nobody."""
        self._applied = bind("xfrc_applied")
        self.push = np.zeros((environments, 3))
        """Force on the root of each simulation, world axes [N], (N, 3); whoever pushes sets it, 0 is calm."""
        self.episode = np.zeros(environments, dtype=np.int64)
        """Episodes begun in each simulation; which pushes come, follows from it."""
        self._last_row = len(self.reference) - 1

    @classmethod
    def for_policy(
        cls, policy: Policy, task: Task, environments: int, seconds: float, config: EnvConfig | None = None
    ) -> "ImitationEnv":
        """Simulations that a policy can act in.

        Args:
          policy: who is to act; its layout says how far an action moves a servo's target.
          task: what it is to perform.
          environments: how many simulations.
          seconds: longest episode of a loop [s]; a clip that does not loop is passed once.
          config: everything else; None for the defaults.

        Raises:
          InputError: the policy was trained for another body or by another version of the program.
        """
        config = replace(config or EnvConfig(), action_scale=policy.layout.action_scale, episode_seconds=seconds)
        env = cls(task, config, environments)
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
        """Decisions in the longest episode."""
        reference = self.reference
        return len(reference) - 1 - (reference.starts if reference.loop else 0)

    def start(
        self,
        rows: np.ndarray,
        ids: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
        offset: np.ndarray | None = None,
        speed_offset: np.ndarray | None = None,
    ) -> None:
        """Puts simulations onto the reference.

        Args:
          rows: of the reference, (M,).
          ids: the M simulations, or None for all of them.
          rng: adds the configured noise to the joints; None starts exactly on the reference.
          offset: tangent step from the reference's pose to the body's at the start, (M, nv).
          speed_offset: difference of the body's velocity at the start from the reference's, (M, nv).
        """
        ids = np.arange(self.size) if ids is None else ids
        self.row[ids], self.age[ids] = rows, 0
        qpos, qvel = self.goal_qpos[rows].copy(), self.goal_qvel[rows].copy()
        steps, nv = np.zeros_like(qvel), self.body.nv
        if offset is not None:
            steps[:, :nv] = offset
        if speed_offset is not None:
            qvel[:, :nv] += speed_offset
        if rng is not None:
            shape = len(rows), nv
            steps[:, 6:nv] += self.config.pose_noise * rng.standard_normal(shape)[:, 6:]
            qvel[:, 6:nv] += self.config.velocity_noise * rng.standard_normal(shape)[:, 6:]
            if self.scene.has_box:
                further, aside, yaw = self.config.box_noise * rng.standard_normal((3, len(rows)))
                moved = np.stack([np.abs(further), aside, np.zeros(len(rows))], axis=1)
                steps[:, nv : nv + 3] = rotations.rotate(qpos[:, -4:], moved)
                steps[:, -1] = yaw
        for pose, step in zip(qpos, steps, strict=True):
            mujoco.mj_integratePos(self.model, pose, step, 1.0)
        self._batch.reset(ids, stage=STAGE_NONE)
        self.all_qpos[ids], self.all_qvel[ids] = qpos, qvel
        self.episode[ids] += 1
        self._batch.forward(ids, stage=STAGE_VEL)

    def observe(self, ids: np.ndarray | None = None) -> np.ndarray:
        """Observations of all or some simulations, float32 (M, O)."""
        these = slice(None) if ids is None else ids
        row = self.row[these]
        following = np.minimum(row + 1, self._last_row)
        seen = observe(
            self.reference.phase[row],
            self.reference.heading[row],
            self._xpos[these, 1:],
            self._xmat[these, 1:],
            self._cvel[these, 1:],
            self._com[these, 1],
            self.joints.difference(self.qpos[these], self.reference.qpos[following]),
        )
        if self.ground.flat and not self.scene.has_box:
            return seen
        root, heading = self._xpos[these, 1], self.reference.heading[row]
        parts = [seen]
        if not self.ground.flat:
            height = self.observation_layout.column("root_height")
            seen[:, height] -= self.ground.support(root[:, :2])
            parts.append(self.ground.map_around(root, heading).astype(np.float32))
        if self.scene.has_box:
            box = self.box_qpos[these, :3], self._box_xmat[these], self._box_qvel[these]
            parts.append(observe_box(heading, root, *box))
        return np.nan_to_num(np.concatenate(parts, axis=1))

    def targets(self, action: np.ndarray) -> np.ndarray:
        """Servo targets: the reference's next pose, led by its speed, plus the action, (N, nu) -> (N, nu).

        A ball joint's servos compare components of rotation vectors. The target is written as where the joint is plus
        the short way to where it should be, so that rotation vectors that jump at half a turn never meet.
        """
        following = np.minimum(self.row + 1, self._last_row)
        drive = self.joints.actuator_dof
        here = self.joints.rotation_vectors(self.qpos)[:, drive]
        way = self.joints.difference(self.qpos, self.reference.qpos[following])[:, drive]
        return here + way + self._lead * self.reference.qvel[following][:, drive] + self.config.action_scale * action

    def step(self, action: np.ndarray) -> StepResult:
        """Simulates one decision (1/30 s) and judges it; `action` is (N, nu)."""
        self.set_targets(self.targets(action))
        self.simulate()
        return self.judge()

    def set_targets(self, targets: np.ndarray) -> None:
        """Gives the servos their targets [rad], (N, nu)."""
        self._ctrl[:] = targets

    def simulate(self) -> None:
        """All physics steps of one decision, in C."""
        self._applied[:, 1, :3] = self.push
        if self._gusts is not None:
            # Every simulation and episode has moments of its own: clips are shorter than the time between pushes.
            own = self.episode * 7919 + np.arange(self.size) * 104729
            turn, moment = np.divmod(self.age + own % self._push_steps, self._push_steps)
            blowing = moment >= self._push_steps - round(PUSH_SECONDS * CONTROL_HZ)
            if self.scene.kind != "wind":
                blowing &= self.pushed
            self._applied[:, 1, :2] += np.where(blowing[:, None], self._gusts[(own + turn) % len(self._gusts)], 0.0)
        self._batch.step(nstep=SUBSTEPS, stage=STAGE_VEL)
        self.row = np.minimum(self.row + 1, self._last_row)
        self.age += 1

    def judge(self) -> StepResult:
        """Compares where the simulations are with where the reference is."""
        reference, row = self.reference, self.row
        root = self._xpos[:, 1]
        reward, terms = imitation_reward(
            self.joints.difference(self.qpos, reference.qpos[row])[:, 3:],
            self.qvel[:, 3:] - reference.qvel[row][:, 3:],
            self.site_xpos[:, self._sites] - root[:, None] - reference.end_effectors[row],
            self._com[:, 1] - reference.com[row],
            self.body.njnt,
            self.config.reward,
        )
        if self.scene.has_box:
            reward, terms = self._with_task(reward, terms)
        own = self.task.compute_own_rewards(self)
        reward, terms = sum(own.values(), reward), terms | own
        exploded = ~np.isfinite(reward) | self._batch.warning[:, BAD_STATE, 1].any(axis=1)
        if exploded.any():
            self.non_finite += int(exploded.sum())
            self._batch.warning[exploded] = 0
            for values in (reward, *terms.values()):
                values[exploded] = 0.0
        lowest = self.lowest(self._shapes)
        terminated = (
            exploded
            | fallen(lowest, reference.may_touch[row])
            | strayed(self._xpos[:, self._keys], reference.key_bodies[row], self.config.deviation)
        )
        over = self.age >= self.episode_steps if reference.loop else row >= self._last_row
        return StepResult(reward, terms, terminated, over & ~terminated)

    def lowest(self, shapes: GeomShapes) -> np.ndarray:
        """Heights of the lowest points of some bodies above the ground [m], (N, F)."""
        return shapes.clearance(self.ground, self._geom_xpos, self._geom_xmat)

    def box_progress(self) -> np.ndarray:
        """How far along the scene's direction each box is [m], (N,)."""
        return self.ground.local(self.box_qpos[:, :2])[0]

    def _with_task(self, reward: np.ndarray, terms: dict[str, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The reward with the task's term: the box is as far as the reference would have pushed it, or further.

        What it is aside does not count: with that, too, a policy of a million samples lost it a metre sooner.
        """
        goal = self.goal_qpos[self.row][:, self.body.nq :]
        further, forward = self.box_qpos[:, :2] - goal[:, :2], rotations.rotate(goal[:, 3:], np.array([1.0, 0.0, 0.0]))
        forward = forward[:, :2] / np.linalg.norm(forward[:, :2], axis=1, keepdims=True)
        behind = np.minimum(np.einsum("ni,ni->n", further, forward), 0.0)
        share = self.scene.task_weight
        terms = {name: (1.0 - share) * term for name, term in terms.items()}
        terms["task"] = share * np.exp(-TASK_SCALE * behind**2)
        return (1.0 - share) * reward + terms["task"], terms

    @property
    def actuator_force(self) -> np.ndarray:
        """Torques of the last physics step [N m], (N, nu)."""
        return self._batch.bind("actuator_force")

    @property
    def actuator_velocity(self) -> np.ndarray:
        """Speeds of the driven joints [rad/s], (N, nu)."""
        return self._batch.bind("actuator_velocity")

    def state(self) -> dict[str, Any]:
        """Everything that the simulations' future depends on."""
        return {
            "batch": self._batch.state.copy(),
            "row": self.row.copy(),
            "age": self.age.copy(),
            "non_finite": self.non_finite,
            "episode": self.episode.copy(),
            "pushed": self.pushed.copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """The opposite of `state`; continues bit for bit."""
        self._batch.state[:] = state["batch"]
        self.row[:], self.age[:] = state["row"], state["age"]
        self.non_finite = int(state["non_finite"])
        self.episode[:], self.pushed[:] = state["episode"], state["pushed"]
        self._batch.forward(stage=STAGE_VEL)


def gusts(strongest: float, seed: int, count: int = 4096) -> np.ndarray:
    """Forces of pushes to come, from all sides, each between half and all of the strongest [N], (count, 2)."""
    rng = np.random.default_rng(seed)
    angle, strength = rng.uniform(-np.pi, np.pi, count), strongest * rng.uniform(0.5, 1.0, count)
    return np.column_stack([strength * np.cos(angle), strength * np.sin(angle)])
