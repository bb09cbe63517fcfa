"""Plans over stairs as tracking control performs them: what the guide imitates before PPO.

To climb, legs must push much harder than the walk's policy does, which PPO alone is slow to find out. iLQG finds it
for some plans in some seconds each; where level ground or a gap is walked over, the skill's own policy is as good.
"""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from imitate.env.env import ImitationEnv
from imitate.env.reference import Reference
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.scene.ground import Ground
from imitate.tracking.draft import Draft
from imitate.tracking.track import FAST, track_motion
from imitate.training.distill import apply_feedback, compute_trust
from imitate.vision.plans import Plans
from imitate.vision.walking_course import CourseRow
from pose.progress import Progress, silent

BEFORE, AFTER = 0.9, 0.5
"""A draft begins so far before the first riser and goes on so far beyond the last [m]."""
BEFORE_FALL = 30
"""Control steps before a draft's fall that nobody imitates."""
TRACK = replace(FAST, threads=1)
"""Three times as fast as for a single skill, as for the tracker's clips."""


@dataclass(frozen=True, eq=False)
class SegmentTask(Task):
    """A part of a plan."""

    segment: Reference | None = None
    surface: Ground = field(default_factory=Ground)

    @cached_property
    def ground(self) -> Ground:
        """The course's surface."""
        return self.surface

    def reference(self, seconds: float) -> Reference:
        """The part; `seconds` makes no difference."""
        assert self.segment is not None
        return self.segment


def choose_segments(plans: Plans, row: CourseRow, each: int) -> list[tuple[int, int]]:
    """First and last frames of the parts of plans that lead up stairs; all courses with stairs take turns.

    Args:
      plans: of the row.
      row: the courses.
      each: plans of each course.
    """
    found, last = list[tuple[int, int]](), plans.reference.last
    for turn in range(each):
        for number, course in enumerate(row.courses):
            if course.kind != "stairs":
                continue
            own = plans.first[plans.course[plans.first] == number]
            first = int(own[(3 * number + 5 * turn) % len(own)])
            rows = np.arange(first, int(last[first]) + 1)
            x = plans.reference.qpos[rows, 0] - row.begins[number]
            inside = rows[(x > course.edges[0] - BEFORE) & (x < course.edges[-1] + AFTER)]
            found.append((int(inside[0]), int(inside[-1])))
    return found


def find_climbs(plans: Plans, row: CourseRow) -> np.ndarray:
    """Which frames of plans are on stairs, or about to be, bool (K,)."""
    x = plans.reference.qpos[:, 0] - row.begins[plans.course]
    edges = np.array([[course.edges[0], course.edges[-1]] for course in row.courses])[plans.course]
    climbs = np.array([course.kind == "stairs" for course in row.courses])[plans.course]
    return climbs & (x >= edges[:, 0] - BEFORE) & (x <= edges[:, 1] + AFTER)


def cut_reference(reference: Reference, first: int, last: int) -> Reference:
    """Frames `first` to `last` as a clip of their own."""
    part = slice(first, last + 1)
    arrays = {name: value[part] for name, value in vars(reference).items() if isinstance(value, np.ndarray)}
    count = last + 1 - first
    return replace(reference, **arrays | {"last": np.full(count, count - 1)}, starts=count - 1)


def make_drafts(
    task: Task, plans: Plans, row: CourseRow, each: int, folder: Path, progress: Progress = silent
) -> list[tuple[int, Draft]]:
    """Performs parts of plans by tracking control; what the folder has is read.

    Args:
      task: the walk on the row.
      plans: of the row.
      row: the courses.
      each: plans of each course with stairs.
      folder: where a file for each draft stays; made if it is absent.
      progress: is called with the drafts done.

    Returns:
      First frame of each part, and its draft; those that fall are kept up to the fall.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found, segments = list[tuple[int, Draft]](), choose_segments(plans, row, each)
    for number, (first, last) in enumerate(segments):
        progress(number, len(segments), "drafts")
        segment = cut_reference(plans.reference, first, last)
        path = folder / f"draft_{name_segment(segment)}.npz"
        if not path.is_file():
            part = SegmentTask(task.character, task.motion, segment=segment, surface=task.ground)
            track_motion(part, TRACK).draft.save(path)
        found.append((first, Draft.load(path)))
    return found


def name_segment(segment: Reference) -> str:
    """Names the poses of a part, and how it is tracked."""
    return hashlib.sha256(segment.qpos.astype(np.float32).tobytes() + repr(TRACK).encode()).hexdigest()[:16]


class PlanExpert:
    """iLQG's controllers on the parts that were drafted, the skill's own policy where the ground is no stairs."""

    def __init__(self, drafts: list[tuple[int, Draft]], skill: Policy, plans: Plans, row: CourseRow, env: ImitationEnv):
        reference, nu, nv = env.reference, env.action_size, env.body.nv
        count = len(reference)
        self.skill, self._scale = skill, env.config.action_scale
        self.qpos, self.qvel = reference.qpos.copy(), reference.qvel.copy()
        self.controls = np.zeros((count, nu))
        self._gains = np.zeros((count, nu, 2 * nv), dtype=np.float32)
        self.covered = np.zeros(count, dtype=bool)
        """Frames that a draft has a controller for, (K,)."""
        for first, draft in drafts:
            steps = len(draft.controls)
            if draft.rollout.terminated:  # what led to the fall is no example
                steps = max(0, steps - BEFORE_FALL)
            own = slice(first, first + steps)
            self.qpos[own], self.qvel[own] = draft.rollout.qpos[:steps], draft.qvel[:steps]
            self.controls[own], self._gains[own] = draft.controls[:steps], draft.gains[:steps]
            self.covered[own] = True
        self.favoured: np.ndarray | None = np.flatnonzero(self.covered)
        """Half of the episodes begin there: drafts are few among the frames of all plans."""
        self.easy = ~find_climbs(plans, row)
        """Frames that the skill's own policy can do, (K,)."""
        self.pose_offset = env.joints.difference(reference.qpos, self.qpos)
        """Tangent steps from the plan to the performance, (K, nv)."""
        self.velocity_offset = self.qvel - reference.qvel

    def label(self, env: ImitationEnv) -> tuple[np.ndarray, np.ndarray]:
        """Actions in the states that the environments are in, float32 (N, nu), and how far to trust them, (N,)."""
        frame = env.frame
        pose = env.joints.difference(self.qpos[frame], env.qpos)
        controls = apply_feedback(self.controls[frame], self._gains[frame], pose, env.qvel - self.qvel[frame])
        covered, easy = self.covered[frame], self.easy[frame]
        weight = np.where(covered, compute_trust(pose), 1.0 * easy)
        label = np.where(covered[:, None], controls / self._scale, self.skill.act(env.observe()))
        return label.astype(np.float32), weight.astype(np.float32)
