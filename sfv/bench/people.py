"""`bench people`: whom a film of several people is about, how fast its time runs, and where they all are."""

from dataclasses import replace
from typing import Literal

import numpy as np

from pose.estimate import PoseConfig
from pose.keypoints import Keypoints
from pose.landmarks import INDEX
from pose.timeline.playback_speed import estimate_playback_speed
from sfv.bench.films import find_cached_keypoints, make_films
from sfv.bench.inputs import find_recordings
from sfv.bench.people_films import FILMS, PeopleTruth, film_people
from sfv.bench.together import measure_simulated, measure_together
from sfv.bench.verdicts import list_verdict_rows, try_clips
from sfv.console import console
from sfv.rows import Row, show

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Motion's time over the film's, for each film."""
FEW_CROPS = PoseConfig(crop_rounds=1)
"""Who is followed is decided before the rounds of crops, which take most of the time."""
NEAR = 0.6
"""Distance of the middles of the trunks within which the right person is followed [true trunk lengths]."""
WITHIN = 0.1
"""Largest relative error of a speed that is right."""
TELL_TIME = ("backflip", "jump", "walk")
"""Demo motions with a flight or five steps."""
GOALS = {"right_person": 0.95, "speed_factor_right": 0.9, "speed_factor_false": 0.0}
REAL = "videos/sfv/*.mp4"
"""Real clips of one person for the verdicts, where they are at hand."""
TRUNK = [INDEX[f"{side}_{joint}"] for joint in ("shoulder", "hip") for side in ("left", "right")]


def bench_people(
    rows: tuple[Literal["person", "speed", "together", "simulated", "verdict"], ...] = (
        "person",
        "speed",
        "together",
        "simulated",
    ),
    json: bool = False,
) -> None:
    """Who a film of 2 to 12 people is about, how fast its time runs, and where two people are in one world.

    Films and keypoints are kept in the cache.

    Args:
      rows: which part of it; verdict tries how many clips called good end in a draft that completes, about an hour.
      json: one JSON object on standard output instead of a table.
    """
    found = list[Row]()
    if "person" in rows:
        found += _measure_person()
    if "speed" in rows:
        found += _measure_speed()
    if "together" in rows:
        found += measure_together()
    if "simulated" in rows:
        found += measure_simulated()
    if "verdict" in rows:
        films = [video for _, video in make_films([], full=False)]
        found += list_verdict_rows(try_clips([*films, *find_recordings(REAL)]))
    show("people", found, json)


def _measure_person() -> list[Row]:
    """Share of the frames in which the right person is followed: all films, then each."""
    rows, every = list[Row](), list[np.ndarray]()
    for film in FILMS:
        console.print(f"[dim]{film.name}[/dim]")
        video, truth = film_people(film)
        keypoints, _ = find_cached_keypoints(video, FEW_CROPS)
        right = find_right_frames(keypoints, truth)
        every.append(right)
        note = f"{len(film.people)} people; risk called {keypoints.wrong_person:.2f}"
        rows.append(Row(f"right_person_{film.name.replace('-', '_')}", float(right.mean()), "", len(right), note=note))
    whole = np.concatenate(every)
    return [Row("right_person", float(whole.mean()), "", len(whole), goal=GOALS["right_person"]), *rows]


def find_right_frames(keypoints: Keypoints, truth: PeopleTruth) -> np.ndarray:
    """Whether the first person is followed in each frame that shows it, bool (N,).

    A frame is right if the trunk's middle is near that person's, and no other person's is nearer.
    """
    frames = truth.xy_px.shape[1]
    offset = round(keypoints.start * keypoints.video_fps)
    middle, known = np.full((frames, 2), np.inf), np.asarray((keypoints.confidence[:, TRUNK] > 0).all(axis=1))
    last = min(frames, offset + len(keypoints))
    part = keypoints.xy[: last - offset, TRUNK].mean(axis=1)
    middle[offset:last] = np.where(known[: last - offset, None], part, np.inf)
    trunks = truth.xy_px[:, :, TRUNK].mean(axis=2)
    length = np.linalg.norm(truth.xy_px[0][:, TRUNK[:2]].mean(1) - truth.xy_px[0][:, TRUNK[2:]].mean(1), axis=-1)
    away = np.linalg.norm(trunks - middle, axis=-1)
    away = np.where(truth.visible, away, np.inf)
    right = (away[0] < NEAR * np.maximum(length, 0.5 * length.max())) & (away[0] <= away.min(axis=0))
    return right[truth.visible[0]]


def _measure_speed() -> list[Row]:
    """How often the speed of films that are shown too slowly or too fast is found."""
    right, false, errors = list[float](), list[float](), list[float]()
    for film, video in make_films([], full=False):
        keypoints, _ = find_cached_keypoints(video, PoseConfig(max_fps=1000.0))
        true_time = keypoints.with_speed(1.0)
        if film.motion not in TELL_TIME:
            false.append(float(estimate_playback_speed(true_time).speed != 1.0))
            continue
        for speed in SPEEDS:
            found = estimate_playback_speed(show_at(true_time, speed)).speed
            errors.append(abs(np.log(found / speed)))
            right.append(float(abs(found / speed - 1) <= WITHIN))
        false.append(float(estimate_playback_speed(true_time).speed != 1.0))
    return [
        Row.mean_of("speed_factor_right", right, "", goal=GOALS["speed_factor_right"]),
        Row.mean_of("speed_factor_log_error", errors, ""),
        Row.mean_of("speed_factor_false", false, "", goal=GOALS["speed_factor_false"]),
    ]


def show_at(keypoints: Keypoints, speed: float) -> Keypoints:
    """Keypoints of a film in which the motion was `speed` times as fast: slow motion above 1, a time lapse below."""
    if speed >= 1:
        return replace(keypoints, fps=keypoints.fps / speed, speed=1.0)
    return replace(keypoints.with_speed(1.0, keypoints.fps * speed), fps=keypoints.fps, speed=1.0)
