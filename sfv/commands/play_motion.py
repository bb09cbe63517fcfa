"""`sfv play --motion FILE`: any motion file performed in simulation at once, by a tracker or by tracking control."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from tyro.conf import OmitArgPrefixes

from imitate.env.task import Task
from imitate.policy import Policy
from imitate.rollout import Rollout
from imitate.scene.scene import CONTROL_HZ
from imitate.tracker.evaluation import perform_clip
from imitate.tracker.tune import find_obstacle
from imitate.tracking.feasibility import explain
from imitate.tracking.track import FAST, TrackConfig, Tracking, track_motion
from pose.errors import InputError
from pose.progress import Progress, silent
from reconstruct.characters.character import Character, load_character
from reconstruct.formats.options import MotionFileConfig
from reconstruct.formats.read_motion import load_motion
from reconstruct.formats.write_bvh import write_bvh
from reconstruct.motion import ReferenceMotion
from sfv.console import bar, console
from sfv.drawing.rendering import follow, make_scenery, render_motion, write_side_by_side
from sfv.trackers import find_tracker

THOROUGH = TrackConfig(loop_seconds=0.1)
"""The tracking control of a single skill, slower than that of a library: for what falls otherwise."""


@dataclass(frozen=True)
class FilePart:
    """Where in a motion file to begin, who performs it, and what is said about the file where it is silent or wrong."""

    start: float = 0.0
    """Begins here in a motion file [s]."""
    tracker: Path | None = None
    """Performs a motion file by this tracker (sfv tracker train), by tracking control where it falls."""
    reading: OmitArgPrefixes[MotionFileConfig] = field(default_factory=MotionFileConfig)

    def check(self, given: bool) -> None:
        """Raises `InputError` for a start that no file has, or for options of a file where none is `given`."""
        if not given and self != FilePart():
            options = "--start, --tracker, --up, --fps, --unit and --joint"
            raise InputError(f"{options} are for motion files; say which: --motion FILE")
        if not 0.0 <= self.start <= 1e6:
            raise InputError(f"--start {self.start:g} is out of range; give seconds from the file's first frame")


@dataclass(frozen=True)
class PerformedFile:
    """A motion file as a body performed it."""

    task: Task
    """What was to be performed."""
    rollout: Rollout
    """The performance, as far as it went."""
    error_mm: float
    """Mean distance of the bodies from the reference, in the world; NaN where it was lost in its first step."""
    problems: tuple[str, ...] = ()
    """Which parts could not be followed, and why; the worst first."""
    findings: str = ""
    """What was inferred or mended in the file."""

    @classmethod
    def of_tracking(cls, task: Task, tracking: Tracking) -> "PerformedFile":
        """What tracking control did."""
        rollout, error = tracking.draft.rollout, tracking.metrics["tracking_world_mpjpe_mm"]
        return cls(task, rollout, error, tuple(explain(tracking.draft.verdict, rollout.fps)))

    @property
    def share(self) -> float:
        """How much of the motion was performed, 0 to 1."""
        steps = len(self.task.reference(0.0)) - 1
        return 1.0 if self.completed else (len(self.rollout.qpos) - 1) / steps

    @property
    def completed(self) -> bool:
        """Whether it was performed to its end."""
        return not self.rollout.terminated

    def describe(self) -> str:
        """How it went, in one line."""
        seconds = self.task.motion.duration
        off = f"bodies off by {self.error_mm:.0f} mm" if np.isfinite(self.error_mm) else "lost in its first step"
        end = f"all {seconds:.1f} s performed" if self.completed else self.describe_fall()
        return "; ".join([f"{end}, {off}", *self.problems[:1]])

    def describe_fall(self) -> str:
        """How far it got."""
        return f"falls after {self.rollout.duration:.1f} of {self.task.motion.duration:.1f} s ({self.share:.0%})"


def perform_file(
    path: Path,
    character: Character,
    seconds: float | None = None,
    progress: Progress = silent,
    file: FilePart = FilePart(),
) -> PerformedFile:
    """Performs a motion file by a tracker, if there is one; where that falls by tracking control.

    Args:
      path: a motion file of any format that is read.
      character: the body.
      seconds: performs no more than this of the file [s]; None for all.
      progress: is called with the control steps done.
      file: where in the file it begins, and how the file is read.

    Raises:
      InputError: not such a file, not a person's motion, no such part in it, or a tracker of another body.
    """
    tracker = find_tracker(file.tracker, character.name)
    end = None if seconds is None else file.start + seconds
    found = load_motion(path, character, CONTROL_HZ, file.start, end, "no", file.reading)
    if doubtful := [finding.text for finding in found.findings if finding.doubtful]:
        console.print(f"[yellow]{path.name}: {'; '.join(doubtful)}[/yellow]")
    task = Task(character, found.motion)
    done = None if tracker is None else perform_by_tracker(tracker, task)
    if done is None:
        done = PerformedFile.of_tracking(task, perform_by_control(task, progress))
    return replace(done, findings=found.summary)


def perform_by_tracker(tracker: Policy, task: Task) -> PerformedFile | None:
    """A performance by a tracker; None, and a line that says why, where it does not come to the end."""
    if obstacle := find_obstacle(tracker, task):
        console.print(f"[yellow]not by the tracker: {obstacle}; tracking control performs it[/yellow]")
        return None
    done = PerformedFile(task, *perform_clip(tracker, task))
    if not done.completed:
        console.print(f"[yellow]the tracker {done.describe_fall()}; tracking control performs it[/yellow]")
        return None
    return done


def perform_by_control(task: Task, progress: Progress = silent, threads: int = 0) -> Tracking:
    """A performance by tracking control: quickly, and where that falls once more with longer plans.

    Args:
      task: what to perform.
      progress: is called with the control steps done.
      threads: that it works on; 0 for one a core.
    """
    best = track_motion(task, replace(FAST, threads=threads), progress)
    if not best.metrics["draft_completed"]:
        other = track_motion(task, replace(THOROUGH, threads=threads), progress)
        best = max(best, other, key=lambda each: (each.metrics["draft_completed"], each.metrics["draft_return"]))
    return best


def play_motion(
    path: Path,
    body: str,
    seconds: float | None,
    size: tuple[int, int],
    out: Path | None,
    file: FilePart = FilePart(),
) -> None:
    """Performs a motion file and leaves the film, the file's motion beside the simulated one, and that as files.

    With `out` walk.mp4 the motion is walk_simulated.npz and .bvh, for a walk.bvh beside it may be the user's.

    Raises:
      InputError: not such a file, or one of the results would replace it.
    """
    ours = Path(f"{path.stem}_performed.mp4")
    motion = ours if out is None else out.with_name(f"{out.stem}_simulated.mp4")
    out, character = out or ours, load_character(body)
    results = [out, *(motion.with_suffix(suffix) for suffix in (".npz", ".bvh"))]
    if path.resolve() in [result.resolve() for result in results]:
        raise InputError(f"{path}: would be replaced by the result; give another -o")
    with bar("performing") as progress:
        done = perform_file(path, character, seconds, progress, file)
    simulated = done.rollout.as_motion(done.task.motion)
    out.parent.mkdir(parents=True, exist_ok=True)
    with bar(out.name) as progress:
        write_comparison(done.task, simulated, size, out, progress)
    simulated.save(results[1])
    write_bvh(simulated, character, results[2])
    console.print(f"{path.name}: {done.findings}")
    console.print(f"{out}: {path.stem} by {character.name}, {done.describe()}")
    console.print(f"{results[1]}, {results[2].name}: the simulated motion")


def write_comparison(
    task: Task, simulated: ReferenceMotion, size: tuple[int, int], path: Path, progress: Progress
) -> None:
    """Films what was to be performed beside what was, seen by one camera; after a fall the last pose stays."""
    (width, height), wanted, fps = size, task.reference(0.0).qpos, simulated.fps
    camera = follow(wanted, fps, task.character.height, None, task.ground)
    half = (2 * (width // 4), height)
    panels = [
        render_motion(task.character, qpos, fps, camera, half, make_scenery(task))
        for qpos in (wanted, _fit_length(simulated.qpos, len(wanted)))
    ]
    write_side_by_side(panels, ["the file", "simulated"], fps, path, height, progress, total=len(wanted))


def _fit_length(qpos: np.ndarray, frames: int) -> np.ndarray:
    """The first frames of a motion; where it is shorter, its last pose again."""
    missing = max(0, frames - len(qpos))
    return np.concatenate([qpos, np.repeat(qpos[-1:], missing, axis=0)])[:frames]
