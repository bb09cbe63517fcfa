"""Rollouts: what a policy does in simulation, and the metrics that it is evaluated by."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from imitate.env.env import ImitationEnv
from imitate.env.reference import Reference
from imitate.env.task import Task
from imitate.env.termination import GeomShapes, solid_bodies
from imitate.policy import Performer
from imitate.scene.scene import CONTROL_HZ
from pose.archive import load_as, save_arrays
from pose.ranges import SEED, check_ranges
from reconstruct.contacts import foot_slide
from reconstruct.motion import ReferenceMotion

FORMAT_VERSION = 1


@dataclass(frozen=True)
class EvaluateConfig:
    """How a policy is evaluated."""

    rollouts: int = 32
    """Rollouts from the first frame, and as many from phases along the motion; each with and without action noise."""
    loop_seconds: float = 20.0
    """Length of a rollout of a loop [s]; a clip that does not loop is passed once."""
    seed: int = 0
    """Of phases and noise."""

    def check(self) -> "EvaluateConfig":
        """The config itself.

        Raises:
          InputError: an option is out of its range.
        """
        ranges = {"rollouts": (1, 1e5), "loop_seconds": (0.1, 3600.0), "seed": SEED}
        check_ranges(self, ranges, "evaluate.")
        return self


@dataclass(frozen=True)
class Rollout:
    """One simulated performance, T frames at the control rate."""

    qpos: np.ndarray
    """Positions in MuJoCo's layout, (T, nq)."""
    reference_qpos: np.ndarray
    """The reference at the same times, (T, nq)."""
    reward_terms: dict[str, np.ndarray]
    """Weighted reward terms, (T,) each; 0 in the first frame, which nothing led to."""
    terminated: bool
    """It ended by a fall or by leaving the reference."""
    fps: float
    """Frames a second."""
    box_qpos: np.ndarray = field(default_factory=lambda: np.empty((0, 7)))
    """Pose of the scene's box, position and quaternion, (T, 7); (0, 7) where there is none."""

    def __post_init__(self) -> None:
        if self.qpos.ndim != 2 or not np.isfinite(self.qpos).all():
            raise ValueError("Rollout.qpos: expected finite (T, nq)")
        for name, term in self.reward_terms.items():
            if term.shape != (len(self.qpos),):
                raise ValueError(f"Rollout.reward_terms[{name}]: shape {term.shape}, expected ({len(self.qpos)},)")

    @property
    def reward(self) -> np.ndarray:
        """Reward of each frame, (T,)."""
        return sum(self.reward_terms.values(), np.zeros(len(self.qpos)))

    @property
    def duration(self) -> float:
        """Length [s]."""
        return (len(self.qpos) - 1) / self.fps

    @property
    def all_qpos(self) -> np.ndarray:
        """Positions of the body and, after them, of the box if there is one, (T, nq)."""
        return np.concatenate([self.qpos, self.box_qpos], axis=1) if len(self.box_qpos) else self.qpos

    def as_motion(self, motion: ReferenceMotion, with_box: bool = False) -> ReferenceMotion:
        """The simulated motion as a motion, for the writers of motions, or with the box's pose for drawing."""
        qpos = self.all_qpos if with_box else self.qpos
        # One that fell at once has a single pose, which is no motion yet.
        qpos = qpos if len(qpos) > 1 else np.repeat(qpos, 2, axis=0)
        none = np.zeros((len(qpos), len(motion.contact_names)), dtype=bool)
        return replace(motion, qpos=qpos, fps=self.fps, contacts=none, loop=False)

    def save(self, path: Path) -> None:
        """Writes one `.npz`."""
        save_arrays(path, "rollout", FORMAT_VERSION, self.arrays())

    @classmethod
    def load(cls, path: Path) -> "Rollout":
        """Reads what `save` wrote; raises `InputError` for a damaged or foreign file."""
        return load_as(path, "rollout", FORMAT_VERSION, cls.of_arrays)

    def arrays(self) -> dict[str, Any]:
        """All that there is to save, by name."""
        return {
            "qpos": self.qpos,
            "reference_qpos": self.reference_qpos,
            "terms": np.array(list(self.reward_terms)),
            "rewards": np.array(list(self.reward_terms.values())),
            "terminated": self.terminated,
            "fps": self.fps,
            "box_qpos": self.box_qpos,
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Rollout":
        """The opposite of `arrays`."""
        return cls(
            qpos=arrays["qpos"],
            reference_qpos=arrays["reference_qpos"],
            reward_terms={str(name): arrays["rewards"][i] for i, name in enumerate(arrays["terms"])},
            terminated=bool(arrays["terminated"]),
            fps=float(arrays["fps"]),
            box_qpos=arrays.get("box_qpos", np.empty((0, 7))),
        )


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate_policy` found."""

    metrics: dict[str, float]
    """Name -> value, as in `result.json`."""
    rollout: Rollout
    """The deterministic rollout from the first frame."""


@dataclass(frozen=True)
class Scores:
    """How N rollouts went."""

    normalised_return: np.ndarray
    """Sum of rewards over the number of control steps to the end; steps after a failure earn 0, (N,)."""
    completed: np.ndarray
    """Reached the end, bool (N,)."""
    steps: np.ndarray
    """Control steps to the end or failure, (N,)."""


class Acting(Protocol):
    """What acts in N environments."""

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations (N, O): the mean, or a sample where `rng` is given."""
        ...

    def forget(self, ids: np.ndarray) -> None:
        """New episodes have begun in these environments: a policy with a memory clears it."""
        ...


class Recorder(Protocol):
    """What records rollouts while they run."""

    def begin(self, env: ImitationEnv) -> None:
        """Called when all environments stand at their starts."""
        ...

    def record(self, env: ImitationEnv, terms: dict[str, np.ndarray], running: np.ndarray) -> None:
        """Called after every control step.

        Args:
          env: the environments.
          terms: weighted reward terms of the step, (N,) each.
          running: environments whose rollout goes on, bool (N,); the others are to be ignored.
        """
        ...


def run_episodes(
    env: ImitationEnv,
    policy: Acting,
    frames: np.ndarray,
    action_rng: np.random.Generator | None = None,
    start_rng: np.random.Generator | None = None,
    recorder: Recorder | None = None,
) -> Scores:
    """One rollout in each environment, to its end or failure.

    Args:
      env: as many environments as there are frames.
      policy: acts.
      frames: of the reference to start at, (N,).
      action_rng: actions are sampled with it; None takes the mean.
      start_rng: the start is disturbed with it as in training; None starts on the reference, borne by the ground.
      recorder: is shown the start and every control step.
    """
    reference = env.reference
    left = np.maximum(reference.last[frames] - frames, 1)
    length = np.full(env.num_envs, env.episode_steps) if reference.loop else left
    episode_return, running = np.zeros(env.num_envs), np.ones(env.num_envs, dtype=bool)
    completed, steps = np.zeros(env.num_envs, dtype=bool), np.zeros(env.num_envs, dtype=np.int64)
    env.start(frames, rng=start_rng, offset=env.rest(frames))
    policy.forget(np.arange(env.num_envs))
    if recorder is not None:
        recorder.begin(env)
    while running.any():
        result = env.step(policy.act(env.observe(), action_rng))
        steps += running
        running &= ~result.terminated
        episode_return += np.where(running, result.reward, 0.0)
        if recorder is not None:
            recorder.record(env, result.terms, running)
        completed |= running & result.truncated
        running &= ~result.truncated
    return Scores(episode_return / length, completed, steps)


class RolloutMetrics:
    """Records rollouts: errors of tracking and of physics in all of them, and the motion of the first."""

    def __init__(self) -> None:
        self.local_error, self.world_error, self.slide = [], [], []
        """Distance of bodies from the reference, relative to the root and in the world; way of resting soles [m]."""
        self.depth, self.power, self.effort = [], [], []
        """Penetration [m]; mechanical power of all servos [W]; mean torque as a fraction of the limits."""
        self.qpos, self.reference_qpos, self.box_qpos = [], [], []
        """Frames of the first environment."""
        self.terms: dict[str, list[float]] = {}

    def begin(self, env: ImitationEnv) -> None:
        """See `Recorder.begin`."""
        model, character = env.body, env.task.character
        self._shapes = GeomShapes.of(model, solid_bodies(model))
        feet = [
            [site for site in sites if model.body(model.site(site).bodyid[0]).name in character.foot_bodies]
            for sites in character.contacts.values()
        ]
        self._soles = [character.site_ids(tuple(sites)) for sites in feet if sites]
        """Of each foot, the points of its sole."""
        self._force_limit = np.maximum(model.actuator_forcerange[:, 1], 1e-9)
        self._soles_before: list[tuple[np.ndarray, np.ndarray]] | None = None
        """Of each foot at the last step, its points and which of them bear."""
        self._ran_before = np.zeros(env.num_envs, dtype=bool)
        self._record_first(env)

    def record(self, env: ImitationEnv, terms: dict[str, np.ndarray], running: np.ndarray) -> None:
        """See `Recorder.record`."""
        offset = env.bodies_xpos - env.reference.bodies[env.frame]
        self.world_error.append(np.linalg.norm(offset, axis=-1).mean(-1)[running])
        self.local_error.append(np.linalg.norm(offset - offset[:, :1], axis=-1).mean(-1)[running])
        self._record_slide(env, running)
        lowest = env.lowest(self._shapes).min(axis=1)
        self.depth.append(np.maximum(-lowest, 0.0)[running])
        force = env.actuator_force[running]
        self.power.append(np.abs(force * env.actuator_velocity[running]).sum(axis=1))
        self.effort.append(np.abs(force / self._force_limit).mean(axis=1))
        if running[0]:
            self._record_first(env)
            for name, term in terms.items():
                self.terms.setdefault(name, [0.0]).append(float(term[0]))

    def _record_first(self, env: ImitationEnv) -> None:
        self.qpos.append(env.qpos[0].copy())
        self.reference_qpos.append(env.reference.qpos[env.frame[0]])
        self.box_qpos.append(env.box_qpos[0].copy())

    def _record_slide(self, env: ImitationEnv, running: np.ndarray) -> None:
        points = [env.site_xpos[:, foot] for foot in self._soles]
        # Simulated contact is soft: a sole that bears anything lies below the surface, by millimetres.
        soles = [(sole, sole[..., 2] < env.ground.height(sole[..., :2])) for sole in points]
        if self._soles_before is not None:
            for (now, bears), (before, bore) in zip(soles, self._soles_before, strict=True):
                moved = foot_slide(now, before, bears & bore)
                self.slide.append(moved[np.isfinite(moved) & running & self._ran_before])
        self._soles_before, self._ran_before = soles, running.copy()

    def means(self) -> dict[str, float]:
        """Means over all environments and control steps, by the names of the rows in `result.json`."""
        return {
            "tracking_mpjpe_mm": 1e3 * _mean(self.local_error),
            "tracking_world_mpjpe_mm": 1e3 * _mean(self.world_error),
            "foot_slide_mm_per_frame": 1e3 * _mean(self.slide),
            "penetration_mm": 1e3 * _mean(self.depth),
            "penetration_p95_mm": 1e3 * float(np.quantile(np.concatenate(self.depth), 0.95)) if self.depth else 0.0,
            "power_w": _mean(self.power),
            "effort": _mean(self.effort),
        }

    def rollout(self, terminated: bool) -> Rollout:
        """The first environment's performance."""
        terms = {name: np.array(values) for name, values in self.terms.items()}
        return Rollout(
            qpos=np.array(self.qpos),
            reference_qpos=np.array(self.reference_qpos),
            reward_terms=terms or {"pose": np.zeros(len(self.qpos))},
            box_qpos=np.array(self.box_qpos) if self.box_qpos[0].size else np.empty((0, 7)),
            terminated=terminated,
            fps=float(CONTROL_HZ),
        )


def _mean(parts: list[np.ndarray]) -> float:
    values = np.concatenate(parts) if parts else np.zeros(0)
    return float(values.mean()) if len(values) else 0.0


def choose_start_frames(reference: Reference, count: int) -> np.ndarray:
    """Chooses frames to start at, evenly over the motion, (count,).

    A clip that does not loop is started in its first three quarters, so that enough of it is left to perform.
    """
    span = reference.starts if reference.loop else max(1, (3 * reference.starts) // 4)
    return (np.arange(count) * span) // count


def evaluate_policy(policy: Performer, task: Task, config: EvaluateConfig) -> Evaluation:
    """Evaluates a policy strictly: nothing is assisted, and a rollout that ends early earns nothing from there on.

    Four groups of rollouts: from the first frame and from phases all along the motion, each with the policy's mean
    actions and with its own noise. Those from the first frame start with small disturbances of pose and speed, as in
    training, or they would all be the same; those from phases start exactly on the reference.

    Args:
      policy: to evaluate.
      task: what it is to perform.
      config: number and length of the rollouts.

    Returns:
      Metrics: `normalised_return` and `completed` are of the deterministic policy over both starts; those of the groups
      have a suffix (`..._first_frame`, `..._phases`, `..._noisy`).

    Raises:
      InputError: the policy was trained for another body or by another version of the program, or an option is out of
        its range.
    """
    config.check()
    env = ImitationEnv.for_policy(policy, task, config.rollouts, config.loop_seconds)
    rng, recorder = np.random.default_rng(config.seed), RolloutMetrics()
    first, phases = np.zeros(config.rollouts, dtype=np.int64), choose_start_frames(env.reference, config.rollouts)
    groups = {
        "first_frame": run_episodes(env, policy, first, start_rng=rng),
        "phases": run_episodes(env, policy, phases, recorder=recorder),
        "first_frame_noisy": run_episodes(env, policy, first, rng, rng),
        "phases_noisy": run_episodes(env, policy, phases, rng),
    }
    metrics: dict[str, float] = {}
    for suffix, names in (
        ("", ("first_frame", "phases")),
        ("_noisy", ("first_frame_noisy", "phases_noisy")),
        ("_first_frame", ("first_frame",)),
        ("_phases", ("phases",)),
    ):
        returns = np.concatenate([groups[name].normalised_return for name in names])
        metrics[f"normalised_return{suffix}"] = float(returns.mean())
        metrics[f"normalised_return{suffix}_spread"] = float(returns.std())
        metrics[f"completed{suffix}"] = float(np.concatenate([groups[name].completed for name in names]).mean())
    metrics |= recorder.means()
    metrics["non_finite"] = float(env.non_finite)
    # Phases begin with frame 0, so the first of them is the undisturbed performance from the first frame.
    return Evaluation(metrics, recorder.rollout(terminated=not groups["phases"].completed[0]))
