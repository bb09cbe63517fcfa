"""A longer video as several skills: each cycle and action in it becomes a run of its own beside the video's."""

from dataclasses import dataclass, replace
from pathlib import Path

from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.timeline.segments import Segment, find_segments
from sfv import __version__, stages
from sfv.config import ClipConfig
from sfv.console import console
from sfv.describe_keypoints import describe_keypoints
from sfv.pipeline import choose_source, find_commit, print_findings, resolve, run_clip
from sfv.run import Run
from sfv.run_folder import open_run
from sfv.stage import Made, Stage, StageResult, Work, plain, run_stage

PART_VERSION = 1
"""Version of the choice of a part of keypoints: raised whenever the same moments give another one."""
SHORTEST_S = 0.5
"""Shortest part that is learnt [s of the motion]."""
OTHER_MINUTES = 3.0
"""Most time for motion, draft and result of one part or person, besides training, on two cores [min]."""


@dataclass(frozen=True)
class PartSetting:
    """Which part of keypoints is taken."""

    start: float
    """First moment [s of the video]."""
    end: float
    """Last moment [s of the video]."""


def run_split(config: ClipConfig, command: str | None = None) -> list[Run]:
    """From a video to a skill of each cycle and action in it; rests are left out. The person is found once.

    A part that cannot be learnt is reported, and the others go on. The same call again skips what is done.

    Args:
      config: all options; `out` is the folder of the video's run, the parts are beside it: `<out>_1`, `<out>_2` ...
      command: what the user typed or called, noted in the runs.

    Raises:
      InputError: the video or an option cannot be used, or nothing in it moves.
    """
    if config.motion is not None:
        raise InputError("--split is for videos; of a motion file choose a part by --start and --end")
    config = choose_source(config.check())
    config = resolve(config)
    source, folder = config.video, config.out
    assert source is not None and folder is not None
    record = {"config": plain(config), "version": __version__, "commit": find_commit(), "command": command}
    with open_run(folder, source, record):
        console.print(f"[bold]{source}[/bold] -> {folder}")
        pose = run_stage(folder, stages.estimate(source, config.pose, config.keypoints), command=command)
        print_findings(pose)
    keypoints = Keypoints.load(pose["keypoints.npz"])
    segments = find_segments(keypoints)
    parts = [s for s in segments if s.kind != "rest" and s.duration / keypoints.speed >= SHORTEST_S]
    if not parts:
        raise InputError(f"{source}: nothing in it moves for {SHORTEST_S:g} s; choose a part by START and END")
    print_plan(segments, parts, config.imitate.minutes)
    found = [_learn(n, part, pose, config, command) for n, part in enumerate(parts, start=1)]
    return [run for run in found if run is not None]


def print_plan(segments: list[Segment], parts: list[Segment], minutes: float) -> None:
    """Prints what is in the video, what is learnt of it, and how long that takes at most."""
    for segment in segments:
        number = f"{parts.index(segment) + 1}." if segment in parts else "  "
        console.print(f"  {number} {segment.describe()}")
    total = len(parts) * (minutes + OTHER_MINUTES)
    console.print(f"  {len(parts)} skills of up to {minutes:g} min of training each: {total:.0f} min at most (MINUTES)")


def _learn(number: int, part: Segment, pose: StageResult, config: ClipConfig, command: str | None) -> Run | None:
    """The run of one part; None if it cannot be learnt, which is printed."""
    assert config.video is not None and config.out is not None
    folder = config.out.with_name(f"{config.out.name}_{number}")
    console.print(f"\n[bold]{number}.[/bold] {part.describe()}")
    find = select_part(config.video, pose["keypoints.npz"], part.start, part.end)
    try:
        return run_clip(replace(config, out=folder, split=False), command, find, before=(pose,))
    except InputError as error:
        console.print(f"  [yellow]{number}. is left out: {error}[/yellow]")
        return None


def select_part(video: Path, keypoints: Path, start: float, end: float) -> Stage[PartSetting]:
    """Keypoints of a whole video -> those between two of its moments [s]."""
    inputs = {"video": video, "whole": keypoints}
    return Stage("1_pose", PART_VERSION, PartSetting(start, end), inputs, _select_part)


def _select_part(work: Work[PartSetting]) -> Made:
    keypoints = Keypoints.load(work.inputs["whole"]).select(work.config.start, work.config.end)
    return describe_keypoints(keypoints, (), work.inputs["video"], work.folder, work.progress)
