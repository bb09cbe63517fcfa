"""Rollouts: what a policy does in simulation, and the figures that judge it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.reference import Reference
from imitate.env.reward import RewardConfig
from imitate.env.task import Task
from imitate.env.termination import GeomShapes
from imitate.policy import Policy
from imitate.scene.scene import CONTROL_HZ
from pose.archive import load_arrays, save_arrays
from reconstruct.contacts import foot_slide
from reconstruct.motion import ReferenceMotion

FORMAT_VERSION = 1


@dataclass(frozen=True)
class EvaluateConfig:
    """How a policy is judged."""

    rollouts: int = 32
    """Rollouts from the first frame, and as many from phases along the motion; each with and without action noise."""
    loop_seconds: float = 20.0
    """Length of a rollout of a loop [s]; a clip that does not loop is passed once."""
    seed: int = 0
    """Of phases and noise."""


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
        return cls.of_arrays(load_arrays(path, "rollout", FORMAT_VERSION))

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
    """Sum of rewards over the number of steps to the end; steps after a failure earn 0, (N,)."""
    completed: np.ndarray
    """Reached the end, bool (N,)."""


def run_episodes(
    env: ImitationEnv,
    policy: Policy,
    rows: np.ndarray,
    action_rng: np.random.Generator | None = None,
    start_rng: np.random.Generator | None = None,
    meter: "Watch | None" = None,
) -> Scores:
    """One rollout in each simulation, to its end or failure.

    Args:
      env: as many simulations as there are rows.
      policy: acts.
      rows: of the reference to start at, (N,).
      action_rng: actions are sampled with it; None takes the mean.
      start_rng: the start is disturbed with it as in training; None starts exactly on the reference.
      meter: is shown every step.
    """
    reference = env.reference
    length = np.full(env.size, env.episode_steps) if reference.loop else len(reference) - 1 - rows
    earned, running = np.zeros(env.size), np.ones(env.size, dtype=bool)
    completed = np.zeros(env.size, dtype=bool)
    env.start(rows, rng=start_rng)
    while running.any():
        outcome = env.step(policy.act(env.observe(), action_rng))
        running &= ~outcome.terminated
        earned += np.where(running, outcome.reward, 0.0)
        if meter is not None:
            meter.read(env, outcome.terms, running)
        completed |= running & outcome.truncated
        running &= ~outcome.truncated
    return Scores(earned / length, completed)


class Watch(Protocol):
    """What looks on while rollouts run."""

    def read(self, env: ImitationEnv, terms: dict[str, np.ndarray], running: np.ndarray) -> None:
        """Takes one step in of the simulations that are `running`."""
        ...


class Meter:
    """Watches rollouts and adds up errors of tracking and of physics."""

    def __init__(self, env: ImitationEnv):
        model, character = env.body, env.task.character
        moving = tuple(model.body(b).name for b in range(1, model.nbody))
        solid = tuple(
            name
            for name in moving
            if any(
                model.geom_bodyid[g] == model.body(name).id and (model.geom_contype[g] or model.geom_conaffinity[g])
                for g in range(model.ngeom)
            )
        )
        self._shapes = GeomShapes.of(model, solid)
        feet = [
            [site for site in sites if model.body(model.site(site).bodyid[0]).name in character.foot_bodies]
            for sites in character.contacts.values()
        ]
        self._soles = [character.site_ids(tuple(sites)) for sites in feet if sites]
        """Of each foot, the points of its sole."""
        self._force_limit = np.maximum(model.actuator_forcerange[:, 1], 1e-9)
        self._before: tuple[list[np.ndarray], list[np.ndarray]] | None = None
        self._ran_before = np.zeros(env.size, dtype=bool)
        self.local_error, self.world_error, self.slide = [], [], []
        self.depth, self.power, self.effort = [], [], []
        self.qpos, self.reference_qpos = [env.qpos[0].copy()], [env.reference.qpos[env.row[0]]]
        self.box_qpos = [env.box_qpos[0].copy()]
        self.terms: dict[str, list[float]] = {}

    def read(self, env: ImitationEnv, terms: dict[str, np.ndarray], running: np.ndarray) -> None:
        """Takes one step in of the simulations that are `running`."""
        row = env.row
        offset = env.bodies_xpos - env.reference.bodies[row]
        self.world_error.append(np.linalg.norm(offset, axis=-1).mean(-1)[running])
        self.local_error.append(np.linalg.norm(offset - offset[:, :1], axis=-1).mean(-1)[running])
        soles = [env.site_xpos[:, foot] for foot in self._soles]
        # Simulated contact is soft: a sole that bears anything lies below the surface, by millimetres.
        borne = [points[..., 2] < env.ground.height(points[..., :2]) for points in soles]
        if self._before is not None:
            for now, bears, before, bore in zip(soles, borne, *self._before, strict=True):
                moved = foot_slide(now, before, bears & bore)
                self.slide.append(moved[np.isfinite(moved) & running & self._ran_before])
        self._before, self._ran_before = (soles, borne), running.copy()
        lowest = env.lowest(self._shapes).min(axis=1)
        self.depth.append(np.maximum(-lowest, 0.0)[running])
        force = env.actuator_force[running]
        self.power.append(np.abs(force * env.actuator_velocity[running]).sum(axis=1))
        self.effort.append(np.abs(force / self._force_limit).mean(axis=1))
        if running[0]:
            self.qpos.append(env.qpos[0].copy())
            self.reference_qpos.append(env.reference.qpos[row[0]])
            self.box_qpos.append(env.box_qpos[0].copy())
            for name, term in terms.items():
                self.terms.setdefault(name, [0.0]).append(float(term[0]))

    def figures(self) -> dict[str, float]:
        """Means over everything that was seen."""
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
        """The first simulation's performance."""
        frames = len(self.qpos)
        terms = {name: np.array(values) for name, values in self.terms.items()}
        return Rollout(
            qpos=np.array(self.qpos),
            reference_qpos=np.array(self.reference_qpos),
            reward_terms=terms or {"pose": np.zeros(frames)},
            box_qpos=np.array(self.box_qpos) if self.box_qpos[0].size else np.empty((0, 7)),
            terminated=terminated,
            fps=float(CONTROL_HZ),
        )


def _mean(parts: list[np.ndarray]) -> float:
    values = np.concatenate(parts) if parts else np.zeros(0)
    return float(values.mean()) if len(values) else 0.0


def starting_rows(reference: Reference, count: int) -> np.ndarray:
    """Rows evenly spread over the motion.

    A clip that does not loop is started in its first three quarters, so that what is left to do is a feat.
    """
    span = reference.starts if reference.loop else max(1, (3 * reference.starts) // 4)
    return (np.arange(count) * span) // count


def evaluate_policy(
    policy: Policy, task: Task, config: EvaluateConfig, reward: RewardConfig | None = None
) -> Evaluation:
    """Judges a policy without mercy: nothing is assisted, and a rollout that ends early earns nothing from there on.

    Four groups of rollouts: from the first frame and from phases spread over the motion, each with the policy's mean
    actions and with its own noise. Those from the first frame start with small disturbances of pose and speed, as in
    training, or they would all be the same; those from phases start exactly on the reference.

    Returns:
      Figures: `normalised_return` and `completed` are of the deterministic policy over both starts; the groups stand
      beside them (`..._first_frame`, `..._phases`, `..._noisy`).
    """
    env_config = EnvConfig(reward=reward or RewardConfig())
    env = ImitationEnv.for_policy(policy, task, config.rollouts, config.loop_seconds, env_config)
    rng = np.random.default_rng(config.seed)
    first, phases = np.zeros(config.rollouts, dtype=np.int64), starting_rows(env.reference, config.rollouts)
    meter = None
    groups: dict[str, Scores] = {}
    for name, rows, disturbed, noisy in (
        ("first_frame", first, True, False),
        ("phases", phases, False, False),
        ("first_frame_noisy", first, True, True),
        ("phases_noisy", phases, False, True),
    ):
        watch = None
        if name == "phases":
            env.start(rows)
            watch = meter = Meter(env)
        groups[name] = run_episodes(env, policy, rows, rng if noisy else None, rng if disturbed else None, watch)
    assert meter is not None
    figures: dict[str, float] = {}
    for suffix, names in (
        ("", ("first_frame", "phases")),
        ("_noisy", ("first_frame_noisy", "phases_noisy")),
        ("_first_frame", ("first_frame",)),
        ("_phases", ("phases",)),
    ):
        returns = np.concatenate([groups[name].normalised_return for name in names])
        figures[f"normalised_return{suffix}"] = float(returns.mean())
        figures[f"normalised_return{suffix}_spread"] = float(returns.std())
        figures[f"completed{suffix}"] = float(np.concatenate([groups[name].completed for name in names]).mean())
    figures |= meter.figures()
    figures["non_finite"] = float(env.non_finite)
    # Phases begin with row 0, so the first of them is the undisturbed performance from the first frame.
    return Evaluation(figures, meter.rollout(terminated=not groups["phases"].completed[0]))
