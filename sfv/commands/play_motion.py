"""`sfv play --motion FILE`: any motion file performed in simulation at once, by tracking control."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tyro.conf import OmitArgPrefixes

from imitate.env.task import Task
from imitate.scene.scene import CONTROL_HZ
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

THOROUGH = TrackConfig(loop_seconds=0.1)
"""The tracking control of a single skill, slower than that of a library: for what falls otherwise."""


@dataclass(frozen=True)
class FilePart:
    """Where in a motion file to begin, and what is said about the file where it is silent or wrong."""

    start: float = 0.0
    """Begins here in a motion file [s]."""
    reading: OmitArgPrefixes[MotionFileConfig] = field(default_factory=MotionFileConfig)

    def check(self, given: bool) -> None:
        """Raises `InputError` for a start that no file has, or for options of a file where none is `given`."""
        if not given and self != FilePart():
            raise InputError("--start, --up, --fps, --unit and --joint are for motion files; say which: --motion FILE")
        if not 0.0 <= self.start <= 1e6:
            raise InputError(f"--start {self.start:g} is out of range; give seconds from the file's first frame")


@dataclass(frozen=True)
class PerformedFile:
    """A motion file as a body performed it."""

    task: Task
    """What was to be performed."""
    tracking: Tracking
    """The performance, as far as it went."""
    findings: str
    """What was inferred or mended in the file."""

    @property
    def share(self) -> float:
        """How much of the motion was performed, 0 to 1."""
        steps = len(self.task.reference(0.0)) - 1
        return 1.0 if self.completed else (len(self.tracking.draft.rollout.qpos) - 1) / steps

    @property
    def completed(self) -> bool:
        """Whether it was performed to its end."""
        return bool(self.tracking.metrics["draft_completed"])

    def describe(self) -> str:
        """How it went, in one line."""
        draft, metrics = self.tracking.draft, self.tracking.metrics
        seconds, error = self.task.motion.duration, metrics["tracking_world_mpjpe_mm"]
        off = f"bodies off by {error:.0f} mm" if np.isfinite(error) else "lost in its first step"
        if self.completed:
            end = f"all {seconds:.1f} s performed"
        else:
            end = f"falls after {draft.rollout.duration:.1f} of {seconds:.1f} s ({self.share:.0%})"
        problems = explain(draft.verdict, draft.rollout.fps)
        return "; ".join([f"{end}, {off}", *problems[:1]])


def perform_file(
    path: Path,
    character: Character,
    seconds: float | None = None,
    progress: Progress = silent,
    file: FilePart = FilePart(),
) -> PerformedFile:
    """Performs a motion file: quickly, and where that falls once more with longer plans.

    Args:
      path: a motion file of any format that is read.
      character: the body.
      seconds: performs no more than this of the file [s]; None for all.
      progress: is called with the control steps done.
      file: where in the file it begins, and how the file is read.

    Raises:
      InputError: not such a file, not a person's motion, or no such part in it.
    """
    end = None if seconds is None else file.start + seconds
    found = load_motion(path, character, CONTROL_HZ, file.start, end, "no", file.reading)
    if doubtful := [finding.text for finding in found.findings if finding.doubtful]:
        console.print(f"[yellow]{path.name}: {'; '.join(doubtful)}[/yellow]")
    task = Task(character, found.motion)
    best = track_motion(task, FAST, progress)
    if not best.metrics["draft_completed"]:
        other = track_motion(task, THOROUGH, progress)
        best = max(best, other, key=lambda each: (each.metrics["draft_completed"], each.metrics["draft_return"]))
    return PerformedFile(task, best, found.summary)


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
    simulated = done.tracking.draft.rollout.as_motion(done.task.motion)
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
