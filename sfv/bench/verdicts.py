"""What a verdict is worth: how many clips that are called good end in a draft that completes."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from imitate.env.task import Task
from imitate.scene.scene import make_found_scene
from imitate.tracking.track import TrackConfig, track_motion
from pose.errors import InputError
from pose.estimate import PoseConfig
from pose.quality import assess_keypoints
from reconstruct.characters.character import load_character
from reconstruct.motion_quality import assess_motion
from reconstruct.reconstruct import reconstruct_motion
from sfv.bench.films import find_cached_keypoints
from sfv.console import bar, console
from sfv.rows import Row

LEVELS = ("good", "usable", "poor")
GOAL = 0.95
"""Share of the clips called good that are to end in a draft that completes."""


@dataclass(frozen=True)
class Outcome:
    """What was said of a clip, and what became of it."""

    name: str
    level: str
    """The worse one of the verdicts of keypoints and motion; `refused` for a clip that raised an error."""
    completed: bool
    """Whether the draft came to the end."""


def try_clips(videos: Iterable[Path]) -> list[Outcome]:
    """The verdict on each clip by default options, and whether its draft completes; poor ones are tried, too."""
    return [_try_clip(video) for video in videos]


def list_verdict_rows(outcomes: list[Outcome]) -> list[Row]:
    """Share of completed drafts for each verdict; clips that were refused are counted."""
    rows = list[Row]()
    for level in LEVELS:
        of_level = [one for one in outcomes if one.level == level]
        goal = GOAL if level == "good" else None
        row = Row.mean_of(f"verdict_{level}_completed", [float(one.completed) for one in of_level], "", goal=goal)
        rows.append(row)
    refused = sum(one.level == "refused" for one in outcomes)
    return [*rows, Row("verdict_refused", refused / max(1, len(outcomes)), "", len(outcomes))]


def _try_clip(video: Path) -> Outcome:
    character = load_character("humanoid")
    try:
        keypoints, _ = find_cached_keypoints(video, PoseConfig())
        with bar(f"{video.stem} motion") as progress:
            found = reconstruct_motion(keypoints, character, progress=progress)
    except InputError as error:
        console.print(f"[dim]{video.stem}: refused, {error}[/dim]")
        return Outcome(video.stem, "refused", False)
    level = max(assess_keypoints(keypoints).level, assess_motion(found.metrics).level, key=LEVELS.index)
    task = Task(character, found.motion, make_found_scene(found.objects))
    with bar(f"{video.stem} draft") as progress:
        tracking = track_motion(task.drafted, TrackConfig(), progress)
    completed = bool(tracking.metrics["draft_completed"])
    console.print(f"[dim]{video.stem}: {level}, draft {'completes' if completed else 'falls'}[/dim]")
    return Outcome(video.stem, level, completed)
