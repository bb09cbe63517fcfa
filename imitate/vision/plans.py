"""How a walk would best be taken over courses, from many states: what a guide follows.

Each course is planned from all phases of the cycle in turn, so that wherever a walker is, and in whatever phase, some
plan is within a few centimetres. Plans that are made stay in a folder, a file for each course.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from imitate.env.reference import Reference, build_reference, make_table, sample_velocities
from imitate.scene.ground import Ground
from imitate.scene.scene import CONTROL_HZ
from imitate.vision.fitted_walk import LevelWalk, fit_walk, make_level_walk, straighten_cycle
from imitate.vision.walking_course import START, CourseRow, WalkingCourse
from pose.archive import load_as, save_arrays
from pose.errors import InputError
from pose.progress import Progress, silent
from reconstruct.characters.character import Character
from reconstruct.motion import ReferenceMotion

FORMAT_VERSION = 1
VERSION = 6
"""Of how a walk is set upon a course."""
PHASES = 8
"""Plans of a course, each from another phase of the cycle."""
LONGEST = 16.0
"""Longest walk that is planned [s]."""
BEYOND = 20
"""Control steps that a plan goes on after its goal."""
FIELDS = ("qpos", "qvel", "phase", "heading", "com", "end_effectors", "key_bodies", "bodies", "may_touch", "rise")


@dataclass(frozen=True, eq=False)
class Walk:
    """A skill that goes ahead, as plans need it."""

    character: Character
    cycle: ReferenceMotion
    """Straight, at the control rate; its last frame is its first one, moved along."""

    @classmethod
    def of(cls, motion: ReferenceMotion, character: Character) -> "Walk":
        """Straightens a skill's cycle; raises `InputError` where it is none that goes ahead."""
        return cls(character, straighten_cycle(motion, character.model))

    @property
    def period(self) -> int:
        """Control steps in a cycle."""
        return len(self.cycle) - 1

    @property
    def speed(self) -> float:
        """How fast it goes ahead [m/s]."""
        return float(self.cycle.qpos[-1, 0] - self.cycle.qpos[0, 0]) / self.cycle.duration

    @property
    def digest(self) -> str:
        """Names body and motion."""
        text = self.cycle.qpos.tobytes() + self.character.path.read_bytes() + repr(self.character.height).encode()
        return hashlib.sha256(text).hexdigest()

    def make_level_walks(self) -> list[tuple[int, LevelWalk]]:
        """First steps of the cycle and the walks that begin there."""
        found = []
        for number in range(PHASES):
            first = round(number * self.period / PHASES)
            found.append((first, make_level_walk(self.cycle, self.character, LONGEST, first)))
        return found


@dataclass(frozen=True, eq=False)
class Plans:
    """Plans of all courses of a row as one table of frames, in which none leads into the next."""

    reference: Reference
    course: np.ndarray
    """Number of the course, (K,)."""
    step: np.ndarray
    """Step of the cycle, 0 to `period` - 1, (K,)."""
    first: np.ndarray
    """Where each plan begins, (B,)."""
    feet: np.ndarray
    """Where root and heels are, x and z, (K, 6) [m]."""
    near: np.ndarray
    """The frames of a course at a step of the cycle, filled up with -1, (C, period, M)."""

    def find_nearest(self, course: np.ndarray, step: np.ndarray, feet: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The frames whose root and heels are nearest, and how far on average [m], (N,) each.

        Args:
          course: on which each walker is, (N,).
          step: of the cycle, (N,).
          feet: where its root and heels are, as `Plans.feet`, (N, 6) [m].
        """
        frames = self.near[course, step]
        apart = np.sqrt(np.square(self.feet[frames] - feet[:, None]).mean(2))
        apart[frames < 0] = np.inf
        best = apart.argmin(1)
        rows = np.arange(len(best))
        return frames[rows, best], apart[rows, best]

    def measure(self, frames: np.ndarray, feet: np.ndarray) -> np.ndarray:
        """How far walkers are from these frames on average, (N,) and (N, 6) -> (N,) [m]."""
        return np.sqrt(np.square(self.feet[frames] - feet).mean(1))


def make_plans(
    walk: Walk, row: CourseRow, folder: Path, progress: Progress = silent, name: str = "this skill"
) -> Plans:
    """Plans the walk over all courses of a row; what the folder has already is read.

    Args:
      walk: the skill.
      row: the courses.
      folder: where a file for each course stays; made if it is absent.
      progress: is called with the courses done.
      name: of the skill, for the error.

    Raises:
      InputError: no plan leads over one of the courses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    level = walk.make_level_walks()
    parts = list[dict[str, np.ndarray]]()
    for number, course in enumerate(row.courses):
        progress(number, len(row.courses), f"plans: {course.kind}")
        path = folder / f"plans_{name_plan(walk, course)}.npz"
        if not path.is_file():
            try:
                planned = plan_course(walk, level, course)
            except ValueError as error:
                raise InputError(
                    f"{name}: no plan leads over course {number + 1}, {course.kind}: {error}; "
                    f"it goes {walk.speed:.1f} m/s, take a walk of about 1 m/s"
                ) from error
            save_arrays(path, "plans", FORMAT_VERSION, planned)
        parts.append(load_as(path, "plans", FORMAT_VERSION, dict, "delete it to have it made again"))
    return join_plans(walk, row, parts)


def name_plan(walk: Walk, course: WalkingCourse) -> str:
    """Names what a plan depends on."""
    text = f"{walk.digest} {VERSION} {PHASES} {START}".encode() + course.edges.tobytes() + course.levels.tobytes()
    return hashlib.sha256(text).hexdigest()[:16]


def plan_course(walk: Walk, level: list[tuple[int, LevelWalk]], course: WalkingCourse) -> dict[str, Any]:
    """Plans of one course, in its own coordinates; arrays by name, one plan after another."""
    model, ground = walk.character.model, course.ground
    tables, steps, lengths = list[Reference](), list[np.ndarray](), list[int]()
    for first, each in level:
        qpos, _ = fit_walk(each, ground, START, course.goal)
        arrives = int(np.argmax(qpos[:, 0] > course.goal))
        if not arrives:
            raise ValueError(f"a plan over {course.kind} takes longer than {LONGEST} s")
        qpos = qpos[: arrives + BEYOND]
        qvel = sample_velocities(model, qpos, CONTROL_HZ, np.arange(len(qpos)) / CONTROL_HZ)
        step = (first + np.arange(len(qpos))) % walk.period
        tables.append(make_table(qpos, qvel, step / walk.period, walk.character, model, ground, len(qpos)))
        steps.append(step)
        lengths.append(len(qpos))
    joined = {name: np.concatenate([getattr(table, name) for table in tables]) for name in FIELDS}
    small = {name: value.astype(np.float32) if value.dtype == np.float64 else value for name, value in joined.items()}
    return small | {"step": np.concatenate(steps), "lengths": np.array(lengths)}


def join_plans(walk: Walk, row: CourseRow, parts: list[dict[str, np.ndarray]]) -> Plans:
    """One table of the plans of all courses, moved to where the courses are."""
    begins = row.begins
    moved = {name: list[np.ndarray]() for name in FIELDS}
    for begin, part in zip(begins, parts, strict=False):
        for name in FIELDS:
            value = part[name] if part[name].dtype == bool else part[name].astype(np.float64)
            if name in ("com", "key_bodies", "bodies"):
                value = value + [begin, 0.0, 0.0]
            elif name == "qpos":
                value[:, 0] += begin
                value[:, 3:7] /= np.linalg.norm(value[:, 3:7], axis=1, keepdims=True)
            moved[name].append(value)
    joined = {name: np.concatenate(values) for name, values in moved.items()}
    lengths = np.concatenate([part["lengths"] for part in parts])
    ends = np.cumsum(lengths)
    course = np.repeat(np.arange(len(parts)), [len(part["step"]) for part in parts])
    step = np.concatenate([part["step"] for part in parts])
    reference = Reference(
        **joined,
        reach=joined["qpos"][:, 0],
        last=np.repeat(ends - 1, lengths),
        starts=len(step),
        loop=False,
    )
    feet = find_feet(walk.character.model, walk.character, joined["qpos"])
    return Plans(reference, course, step, ends - lengths, feet, list_frames(course, step, walk.period))


def find_feet(model: mujoco.MjModel, character: Character, qpos: np.ndarray) -> np.ndarray:
    """Where root and heels are, x and z, (K, nq) -> (K, 6) [m]."""
    sites, data = character.site_ids(heels_of(character)), mujoco.MjData(model)
    found = np.empty((len(qpos), 6))
    for k, pose in enumerate(qpos):
        data.qpos[:] = pose
        mujoco.mj_kinematics(model, data)
        found[k] = np.concatenate([pose[:3][None], data.site_xpos[sites]])[:, [0, 2]].ravel()
    return found


def heels_of(character: Character) -> tuple[str, ...]:
    """Names of the sites of both heels."""
    return tuple(sites[0] for name, sites in character.contacts.items() if name.endswith("foot"))


def list_frames(course: np.ndarray, step: np.ndarray, period: int) -> np.ndarray:
    """The frames of each course at each step of the cycle, (C, period, M), filled up with -1."""
    key = course * period + step
    order = np.argsort(key, kind="stable")
    counts = np.bincount(key, minlength=(course.max() + 1) * period)
    near = np.full((len(counts), counts.max()), -1)
    begins = np.cumsum(counts) - counts
    near[key[order], np.arange(len(order)) - begins[key[order]]] = order
    return near.reshape(-1, period, counts.max())


def level_table(walk: Walk) -> Reference:
    """The cycle on level ground, a frame for each of its steps and the one after them."""
    return build_reference(walk.cycle, walk.character, walk.character.model, 1.0, Ground())
