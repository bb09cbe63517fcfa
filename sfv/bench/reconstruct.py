"""`python -m sfv bench reconstruct`: pose and reconstruction against truth, physical laws and SFV's own motions."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from pose.errors import InputError
from pose.estimate import PoseConfig
from pose.keypoints import Keypoints
from pose.landmarks import TWELVE
from reconstruct.characters.character import Character, load_character
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.reconstruct import ReconstructConfig, Reconstruction, reconstruct_motion
from sfv.bench.aim import measure_aim
from sfv.bench.films import Film, find_cached_keypoints, make_films
from sfv.bench.inputs import NOT_SHIPPED, find_recordings
from sfv.bench.sfv_baseline import measure_both
from sfv.bench.truth import Truth, compare
from sfv.console import console
from sfv.demo.demo import truth_path
from sfv.rows import Row, show

Depth = Literal["lifter", "detector"]
EVERY_FRAME = PoseConfig(max_fps=1000.0)
FRONT_FLIP = PoseConfig(start=4.8, end=7.2, person="2", max_fps=1000.0, min_seen=0.3)
"""The part of `walk_and_frontflip.mp4` in which the man flips; the woman is the more prominent one."""
PHYSICAL = {
    "foot_slide_mm_per_frame": "mm", "penetration_mm": "mm", "float_mm": "mm", "flight_gravity_ratio": "",
    "root_turns": "", "zmp_outside_support_mm": "mm", "rest_com_outside_support_mm": "mm", "free_moment_nm": "N m",
    "reprojection_px": "px", "swapped_frames": "",
}  # fmt: skip
GOALS = {
    "synthetic_pa_mpjpe_upright_mm": 36, "synthetic_pa_mpjpe_inverted_mm": 50, "synthetic_mpjpe_mm": 48,
    "synthetic_world_mpjpe_mm": 65, "synthetic_limb_sign_accuracy": 0.93, "synthetic_worse_than_detector_share": 0,
    "rough_worse_than_detector_share": 0, "panning_worse_than_detector_share": 0,
    "kick_cam01_mpjpe_mm": 60, "kick_cam01_pa_mpjpe_mm": 42, "kick_cam01_worse_than_detector_share": 0,
    "kick_cam03_mpjpe_mm": 60, "kick_cam03_pa_mpjpe_mm": 42, "kick_cam03_worse_than_detector_share": 0,
    "foot_slide_mm_per_frame": 3, "penetration_mm": 5,
    "flight_gravity_ratio": 1, "zmp_outside_support_mm": 60, "rest_com_outside_support_mm": 30,
    "sfv_foot_slide_ratio": 0.5, "sfv_acceleration_ratio": 0.7, "sfv_reprojection_ratio": 1.0,
    "frontflip_detected": 0.95, "frontflip_root_turns": 1, "frontflip_swapped_frames": 0,
    "panning_world_mpjpe_ratio": 1.25, "solve_seconds_120_frames": 3, "solve_growth": 1.2,
    "synthetic_bone_length_variation_mm": 0,
}  # fmt: skip
UNITS = {
    "mm_per_frame": "mm",
    "mm": "mm",
    "nm": "N m",
    "m_s2": "m/s2",
    "px": "px",
    "deg": "deg",
    "per_clip": "s",
    "frames": "",
}
KICK = "kick_cam01"


@dataclass(frozen=True)
class MeasuredClip:
    """One clip, through both stages."""

    name: str
    keypoints: Keypoints
    found: Reconstruction
    joints_w: np.ndarray
    """The twelve joints, world frame [m], (T, 12, 3)."""
    metrics: dict[str, float]
    """Values of `PHYSICAL`, and the processor seconds of both stages."""


def bench_reconstruct(
    video: Path | None = None,
    truth: Path | None = None,
    height: float | None = None,
    full: bool = False,
    depth: Depth = "lifter",
    truth_only: bool = False,
    json: bool = False,
) -> None:
    """Accuracy of keypoints and reference motions against known truth.

    Films and keypoints are kept in the cache: an interrupted run goes on from there, and a change of the reconstruction
    repeats only the reconstruction.

    Args:
      video: a clip of your own; default: the synthetic films, and real clips in ../shared/data if they are there.
      truth: its truth file, in the format that `sfv demo` writes.
      height: the person's height [m]; default: the character's own.
      full: every motion from every viewpoint, with motion capture if it is there, and 3,000 frames; about an hour.
      depth: which limbs are in front, as `--reconstruct.depth` has it: what the lifter is worth.
      truth_only: only the clips with known truth.
      json: one JSON object on standard output instead of a table.
    """
    if (video is None) != (truth is None):
        raise InputError("bench reconstruct: give both --video and --truth, or neither")
    character = load_character("humanoid", height)
    if video is not None and truth is not None:
        show("reconstruct", measure_clips(video.stem, [(video, Truth.load(truth))], character, depth), json)
        return
    rows = measure_synthetic_films(character, full, depth)
    for camera in ("kick_cam01", "kick_cam03"):
        clips = [(path, Truth.load(truth_path(path))) for path in find_recordings(f"videos/{camera}.mp4")]
        missing = [Row(f"{camera}_mpjpe_mm", None, "mm", note=NOT_SHIPPED)]
        rows += measure_clips(camera, clips, character, depth) if clips else missing
    if not truth_only:
        rows += measure_paper_videos(character, depth)
        rows += measure_front_flip(character, depth)
        rows += measure_solve_time(character, full)
    show("reconstruct", rows, json)


def measure(
    video: Path, character: Character, depth: Depth = "lifter", config: PoseConfig = EVERY_FRAME
) -> MeasuredClip:
    """Keypoints, from the cache if they are there, and the motion that they become."""
    console.print(f"[dim]{video.stem}[/dim]")
    keypoints, pose_seconds = find_cached_keypoints(video, config)
    began = time.process_time()
    found = reconstruct_motion(keypoints, character, ReconstructConfig(loop="no", depth=depth))
    seconds = {"pose_seconds_per_clip": pose_seconds, "solve_seconds_per_clip": time.process_time() - began}
    points = BodyPoints.of_sites(character.model, tuple(character.landmarks[name] for name in TWELVE))
    joints_w = point_positions(character.model, found.motion.qpos, points)
    return MeasuredClip(video.stem, keypoints, found, joints_w, {n: found.metrics[n] for n in PHYSICAL} | seconds)


def measure_synthetic_films(character: Character, full: bool, depth: Depth) -> list[Row]:
    """The films with exact truth: clean, rough and panned ones."""
    files = find_recordings("motions/*.txt") if full else []
    films = make_films(files, full)
    pairs = {film: (path, Truth.load(truth_path(path))) for film, path in films}
    clips = {film: compare_with_truth(*pair, character, depth) for film, pair in pairs.items()}
    rows = []
    for group in ("synthetic", "rough", "panning"):
        rows += summarize_group(group, {f.title: clip for f, clip in clips.items() if f.group == group})
    if full:
        for view in ("side", "quarter", "front"):
            named = {f.title: c for f, c in clips.items() if f.group == "synthetic" and f.viewpoint.name == view}
            kept = (f"synthetic_{view}_pa_mpjpe_mm", f"synthetic_{view}_world_mpjpe_mm")
            rows += [row for row in summarize_group(f"synthetic_{view}", named) if row.name in kept]
    done = {film: clip for film, clip in clips.items() if not isinstance(clip, str)}
    flown = [clip["flight_gravity_ratio"] for film, clip in done.items() if film.motion == "backflip"]
    return [*rows, Row.mean_of("flight_gravity_ratio_backflip", flown, "", None, 1.0), compare_panned_films(done)]


def compare_panned_films(clips: dict[Film, dict[str, float]]) -> Row:
    """Each panned film against the still one of the same motion from the same side."""
    world = "world_mpjpe_mm"
    still = {film.motion: clip[world] for film, clip in clips.items()
             if film.group == "synthetic" and film.viewpoint.name == "side"}  # fmt: skip
    both = [(clip[world], still[film.motion]) for film, clip in clips.items()
            if film.group == "panning" and film.motion in still]  # fmt: skip
    name = "panning_world_mpjpe_ratio"
    if not both:
        return Row(name, None, goal=GOALS[name], note="no panned film could be reconstructed")
    panned, stood = np.mean(both, axis=0)
    return Row(name, panned / stood, "", len(both), None, None, GOALS[name], f"{panned:.0f} and {stood:.0f} mm")


def compare_with_truth(
    video: Path, truth: Truth, character: Character, depth: Depth = "lifter"
) -> dict[str, float] | str:
    """Metrics of a clip with known truth, or why there are none."""
    try:
        clip = measure(video, character, depth)
    except InputError as error:
        return str(error)
    aims = measure_aim(truth_path(video), clip.keypoints, clip.found, character)
    return compare(clip.keypoints, clip.found, clip.found.camera.to_camera(clip.joints_w), truth) | clip.metrics | aims


def measure_clips(
    group: str, films: list[tuple[Path, Truth]], character: Character, depth: Depth = "lifter"
) -> list[Row]:
    """Rows of clips with known truth."""
    return summarize_group(
        group, {video.stem: compare_with_truth(video, truth, character, depth) for video, truth in films}
    )


def summarize_group(group: str, clips: dict[str, dict[str, float] | str]) -> list[Row]:
    """Means over clips; the baseline is BlazePose as it is, the one low-passed at 8 Hz has rows of its own."""
    done = {name: clip for name, clip in clips.items() if not isinstance(clip, str)}
    failed = "; ".join(f"{name}: {clip}" for name, clip in clips.items() if isinstance(clip, str))
    rows = []
    for name in {name: None for clip in done.values() for name in clip if not name.startswith("raw_")}:
        raw = Row.mean_of("", [clip[f"raw_{name}"] for clip in done.values() if f"raw_{name}" in clip], "").value
        values = {title: clip[name] for title, clip in done.items() if name in clip}
        row = Row.mean_of(f"{group}_{name}", list(values.values()), find_unit(name), raw, GOALS.get(f"{group}_{name}"))
        rows.append(
            replace(row, note="; ".join(filter(None, [name_largest(values) if len(clips) > 1 else "", failed])))
        )
    return rows or [Row(f"{group}_mpjpe_mm", None, "mm", note=failed or "no film")]


def find_unit(name: str) -> str:
    """The unit at a metric's end."""
    return next((unit for end, unit in UNITS.items() if name.endswith(f"_{end}")), "")


def name_largest(values: dict[str, float], count: int = 1) -> str:
    """The clips with the largest values, for a row's note."""
    real = {name: value for name, value in values.items() if math.isfinite(value)}
    return ", ".join(f"{name} {real[name]:.3g}" for name in sorted(real, key=lambda name: -real[name])[:count])


def measure_paper_videos(character: Character, depth: Depth) -> list[Row]:
    """Physical metrics of the paper's videos, and ratios of ours to SFV's."""
    videos = find_recordings("videos/sfv/*.mp4")
    if not videos:
        return [Row("sfv_reprojection_ratio", None, note=NOT_SHIPPED)]
    clips: dict[str, MeasuredClip] = {}
    failed: list[str] = []
    for video in videos:
        try:
            clips[video.stem] = measure(video, character, depth)
        except InputError as error:
            failed.append(f"{video.stem}: {error}")
    rows = []
    for name, unit in PHYSICAL.items():
        values = {clip: measured.metrics[name] for clip, measured in clips.items()}
        row = Row.mean_of(name, list(values.values()), unit, None, GOALS.get(name))
        rows.append(replace(row, note="; ".join([name_largest(values, 3), *failed])))
    for name in ("backflip_a", "jump"):
        if name in clips:
            rows.append(Row(f"flight_gravity_ratio_{name}", clips[name].metrics["flight_gravity_ratio"], goal=1.0))
    return rows + compare_with_sfv(clips.values(), videos[0].parent)


def compare_with_sfv(clips: Iterable[MeasuredClip], folder: Path) -> list[Row]:
    """Ours over SFV's own, means over its videos."""
    means: dict[str, tuple[list[float], list[float]]] = {}
    for clip in clips:
        file = folder / f"{clip.name}.sfv.bvh"
        if file.is_file():
            for name, (ours, theirs) in measure_both(clip.keypoints, clip.found, clip.joints_w, file).items():
                both = means.setdefault(name, ([], []))
                both[0].append(ours)
                both[1].append(theirs)
    rows = []
    for name, (ours, theirs) in means.items():
        worse = sum(a > b for a, b in zip(ours, theirs, strict=True))
        note = f"means {np.nanmean(ours):.3g} and {np.nanmean(theirs):.3g}; ours worse in {worse}"
        row = f"sfv_{name}_ratio"
        rows.append(Row(row, float(np.nanmean(ours) / np.nanmean(theirs)), "", len(ours), None, 1.0, GOALS[row], note))
    return rows


def measure_front_flip(character: Character, depth: Depth) -> list[Row]:
    """A real front flip against the light, without truth."""
    videos = find_recordings("videos/walk_and_frontflip.mp4")
    if not videos:
        return [Row("frontflip_detected", None, note=NOT_SHIPPED)]
    try:
        clip = measure(videos[0], character, depth, FRONT_FLIP)
    except InputError as error:
        return [Row("frontflip_detected", None, goal=GOALS["frontflip_detected"], note=str(error))]
    rows = [Row("frontflip_detected", float(clip.keypoints.seen.mean()), goal=GOALS["frontflip_detected"])]
    rows += [Row(f"frontflip_{name}", clip.metrics[name], unit, goal=GOALS.get(f"frontflip_{name}"))
             for name, unit in PHYSICAL.items()]  # fmt: skip
    return [*rows, Row("flight_gravity_ratio_frontflip", clip.metrics["flight_gravity_ratio"], goal=1.0)]


def measure_solve_time(character: Character, full: bool) -> list[Row]:
    """Processor seconds of the reconstruction, and how they grow: the kick's keypoints to and fro."""
    videos = find_recordings(f"videos/{KICK}.mp4")
    if not videos:
        return [Row("solve_seconds_120_frames", None, "s", note=NOT_SHIPPED)]
    keypoints, _ = find_cached_keypoints(videos[0], EVERY_FRAME)
    long = 3000 if full else 600
    seconds = [_time_solve(keypoints, frames, character) for frames in (120, long)]
    growth = (seconds[1] / long) / (seconds[0] / 120)
    return [
        Row("solve_seconds_120_frames", seconds[0], "s", goal=GOALS["solve_seconds_120_frames"], note="of one core"),
        Row(f"solve_seconds_{long}_frames", seconds[1], "s", note="of one core"),
        Row("solve_growth", growth, goal=GOALS["solve_growth"], note=f"seconds a frame, {long} frames over 120"),
    ]


def _time_solve(keypoints: Keypoints, frames: int, character: Character) -> float:
    last = len(keypoints) - 1
    order = last - np.abs(np.arange(frames) % (2 * last) - last)
    parts = {name: getattr(keypoints, name)[order] for name in ("xy", "xyz", "confidence")}
    began = time.process_time()
    reconstruct_motion(replace(keypoints, people=None, **parts), character, ReconstructConfig(loop="no"))
    return time.process_time() - began
