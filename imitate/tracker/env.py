"""The environment of a tracker: that of a skill, with many clips in one reference, and frames to come in view."""

from collections.abc import Sequence
from dataclasses import replace

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
        env = cls(tasks[0], config, num_envs)
        env.use_reference(join_references([task.reference(config.episode_seconds) for task in tasks]))
        return env

    def use_reference(self, reference: Reference) -> None:
        """See `ImitationEnv.use_reference`."""
        super().use_reference(reference)
        self._table = describe_frames(reference, self.joints, self.body.qpos0)
        sizes = self.observation_layout.sizes
        more = {"error": 2 * self.body.nv, "future": future_size(self.joints, reference.end_effectors.shape[1])}
        self.observation_layout = ObservationLayout({key: n for key, n in sizes.items() if key != "phase"} | more)

    def _observe(self, ids: np.ndarray | None) -> np.ndarray:
        these = slice(None) if ids is None else ids
        seen = super()._observe(ids)[:, PHASE:]
        frame, qpos = self.frame[these], self.qpos[these]
        error = observe_error(self.reference, self.joints, frame, qpos, self.qvel[these])
        future = observe_future(self.reference, self._table, frame, qpos[:, :3])
        return np.concatenate([seen, np.clip(error, -LIMIT, LIMIT), future], axis=1)


def join_references(references: Sequence[Reference]) -> Reference:
    """Clips as one table of frames, in which none leads into the next.

    Args:
      references: of one body, no loops.
    """
    lengths = np.array([len(reference) for reference in references])
    begins = np.cumsum(lengths) - lengths
    joined = {name: np.concatenate([each.tables[name] for each in references]) for name in references[0].tables}
    return replace(references[0], **joined, last=np.repeat(begins + lengths - 1, lengths), starts=int(lengths.sum()))


def find_firsts(reference: Reference) -> np.ndarray:
    """The first frame of every clip of a joined reference, (C,)."""
    return np.concatenate([[0], np.unique(reference.last)[:-1] + 1])
