"""A motion as a body performed it in simulation, small enough to ship, and the controller that performs it again.

What tracking control did is kept as states and servo offsets. The feedback gains about it, much larger, are
computed again from MuJoCo's derivatives when it is to be performed; they make good what another machine's rounding, a
push or another start puts wrong.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.rollout import Rollout
from imitate.tracking.draft import Draft
from imitate.tracking.feasibility import Verdict
from imitate.tracking.physics_filter import to_physical_motion
from imitate.tracking.track import TrackConfig, Tracker
from imitate.tracking.trajectory import Trajectory
from imitate.training.distill import Expert
from pose.archive import load_as, save_arrays
from reconstruct.motion import ReferenceMotion

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Performance:
    """A motion that obeys physics, and the servo offsets that made it."""

    motion: ReferenceMotion
    """The simulated motion at the control rate, T frames."""
    qvel: np.ndarray
    """Velocities, (T, nv)."""
    controls: np.ndarray
    """Offsets of the servo targets from this motion [rad], (T - 1, nu)."""

    @classmethod
    def of_draft(cls, draft: Draft, task: Task) -> "Performance":
        """The performance of a draft on the plane, its controls taken about itself instead of about the reference."""
        motion, steps = to_physical_motion(draft, task), len(draft.controls)
        before, after = (_place(each, draft.rollout.qpos, draft.qvel) for each in (task, Task(task.character, motion)))
        targets = before.targets(np.concatenate([draft.controls, np.zeros((1, before.action_size))]))
        return cls(motion, draft.qvel, (targets - after.targets(np.zeros_like(targets)))[:steps])

    def save(self, path: Path) -> None:
        """Writes one `.npz`: poses in single precision, velocities and controls in half, which feedback makes good."""
        arrays = self.motion.arrays()
        arrays |= {"qpos": self.motion.qpos.astype(np.float32), "qvel": self.qvel.astype(np.float16)}
        save_arrays(path, "performance", FORMAT_VERSION, arrays | {"controls": self.controls.astype(np.float16)})

    @classmethod
    def load(cls, path: Path) -> "Performance":
        """Reads what `save` wrote; raises `InputError` for a damaged or foreign file."""
        return load_as(path, "performance", FORMAT_VERSION, cls._of_arrays, "install the program again")

    @classmethod
    def _of_arrays(cls, arrays: dict[str, np.ndarray]) -> "Performance":
        qpos = arrays["qpos"].astype(np.float64)
        qpos[:, 3:7] /= np.linalg.norm(qpos[:, 3:7], axis=1, keepdims=True)
        motion = ReferenceMotion.of_arrays(arrays | {"qpos": qpos})
        return cls(motion, arrays["qvel"].astype(np.float64), arrays["controls"].astype(np.float64))

    def make_draft(self, task: Task, config: TrackConfig | None = None) -> Draft:
        """The performance with feedback gains about it, computed in about a second.

        Args:
          task: this motion, on the plane.
          config: weights of the cost that the gains follow from.
        """
        frames, none = len(self.motion), np.zeros(len(self.motion))
        env, tracker = _place(task, self.motion.qpos, self.qvel), Tracker(task, config or TrackConfig(threads=1))
        offsets = np.concatenate([self.controls, np.zeros((1, env.action_size))])
        plan = Trajectory(
            frame=0,
            states=env.state()["batch"],
            qpos=self.motion.qpos,
            qvel=self.qvel,
            controls=self.controls,
            ctrl=env.targets(offsets)[:-1],
            costs=none,
            failed=np.zeros(frames, dtype=bool),
        )
        rollout = Rollout(self.motion.qpos, self.motion.qpos, {"pose": none}, False, self.motion.fps)
        verdict = Verdict(np.ones(frames, dtype=bool), ("",) * frames, none, none, none)
        return Draft(rollout, verdict, self.controls, self.qvel, tracker.compute_gains(plan))


class Controller:
    """Performs a draft in environments by its controls and gains; for `run_episodes`."""

    def __init__(self, draft: Draft, env: ImitationEnv):
        self._env, self._expert = env, Expert(draft, env)

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions in the states that the environments are in, (N, nu); the observation is not looked at."""
        return self._expert.label(self._env)[0]

    def forget(self, ids: np.ndarray) -> None:
        """There is no memory to clear."""


def _place(task: Task, qpos: np.ndarray, qvel: np.ndarray) -> ImitationEnv:
    """An environment for each of the first T frames of a task, in these states, (T, nq) and (T, nv)."""
    frames = np.arange(len(qpos))
    env = ImitationEnv(task, EnvConfig(action_scale=1.0), len(frames))
    reference = env.reference
    env.start(frames, None, None, env.joints.difference(reference.qpos[frames], qpos), qvel - reference.qvel[frames])
    return env
