"""The environment of a tracker: that of a skill, with many clips in one reference, and frames to come in view."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imitate.env.config import EnvConfig
from imitate.env.env import ImitationEnv
from imitate.env.observation import LIMIT, ObservationLayout
from imitate.env.reference import Reference
from imitate.env.task import Task
from imitate.tracker.observation import describe_frames, future_size, observe_error, observe_future

PHASE = 3
"""Numbers of a skill's observation that a tracker does not see: the phase comes first."""


class TrackerEnv(ImitationEnv):
    """N environments on the plane, each at a frame of one of the clips that are joined in their reference.

    Body, reward, termination and servos are those of single skills; the observation has no phase, but how far the body
    is off, and `AHEAD` frames of the reference.
    """

    @classmethod
    def of_tasks(cls, tasks: Sequence[Task], config: EnvConfig, num_envs: int) -> "TrackerEnv":
        """Environments for clips of one body; `start` takes frames of the joined reference, see `find_firsts`."""
        return cls(JoinedTask.of(tasks), config, num_envs)

    def use_reference(self, reference: Reference) -> None:
        """See `ImitationEnv.use_reference`."""
        super().use_reference(reference)
        self._view = TrackerView(self)
        sizes = self.observation_layout.sizes
        more = {"error": 2 * self.body.nv, "future": future_size(self.joints, reference.end_effectors.shape[1])}
        self.observation_layout = ObservationLayout({key: n for key, n in sizes.items() if key != "phase"} | more)

    def _observe(self, ids: np.ndarray | None) -> np.ndarray:
        return self._view.observe(self, ids)


class TrackerView:
    """What a tracker sees in environments that others act in as well, on the plane and without a box."""

    def __init__(self, env: ImitationEnv):
        self._table = describe_frames(env.reference, env.joints, env.body.qpos0)

    def observe(self, env: ImitationEnv, ids: np.ndarray | None = None) -> np.ndarray:
        """Raw observations of all or some of the environments, float32 (M, O)."""
        these, reference, state = slice(None) if ids is None else ids, env.reference, env.sense(ids)
        frame, qpos = env.frame[these], state.qpos[these]
        offset = env.joints.difference(qpos, reference.qpos[reference.follow(frame)])
        seen = state.describe(these, reference.phase[frame], reference.heading[frame], offset)[:, PHASE:]
        error = observe_error(reference, env.joints, frame, qpos, state.qvel[these])
        future = observe_future(reference, self._table, frame, qpos[:, :3])
        return np.concatenate([seen, np.clip(error, -LIMIT, LIMIT), future], axis=1)


@dataclass(frozen=True, eq=False)
class JoinedTask(Task):
    """Many clips on the plane, performed by one body; `motion` is the first of them."""

    clips: tuple[Task, ...] = ()

    @classmethod
    def of(cls, tasks: Sequence[Task]) -> "JoinedTask":
        """Of tasks of one body, none of them a loop unless it is the only one."""
        return cls(tasks[0].character, tasks[0].motion, tasks[0].scene, tuple(tasks))

    def reference(self, seconds: float) -> Reference:
        """All clips in one table, see `join_references`."""
        if seconds not in self._references:
            self._references[seconds] = join_references([task.reference(seconds) for task in self.clips])
        return self._references[seconds]


def join_references(references: Sequence[Reference]) -> Reference:
    """Clips as one table of frames, in which none leads into the next.

    Args:
      references: of one body, no loops; one alone is returned as it is.
    """
    if len(references) == 1:
        return references[0]
    lengths = np.array([len(reference) for reference in references])
    begins = np.cumsum(lengths) - lengths
    joined = {name: np.concatenate([each.tables[name] for each in references]) for name in references[0].tables}
    return replace(references[0], **joined, last=np.repeat(begins + lengths - 1, lengths), starts=int(lengths.sum()))


def find_firsts(reference: Reference) -> np.ndarray:
    """The first frame of every clip of a joined reference, (C,)."""
    return np.concatenate([[0], np.unique(reference.last)[:-1] + 1])
