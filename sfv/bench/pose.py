"""`python -m sfv bench pose`: 2D keypoints against known truth, and the share of real clips that is seen."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import isotonic_regression

from pose.confidence import RAW, uncalibrate
from pose.errors import InputError
from pose.estimate import PoseConfig
from pose.keypoints import Keypoints
from pose.landmarks import INDEX, MIRRORED, TWELVE
from sfv.bench.films import find_cached_keypoints, make_films
from sfv.bench.inputs import NOT_SHIPPED, find_recordings
from sfv.bench.metrics import pck, swapped_frames
from sfv.bench.reconstruct import EVERY_FRAME, FRONT_FLIP
from sfv.bench.truth import HIPS, SHOULDERS, Truth
from sfv.bench.truth import MIRRORED as MIRRORED_TWELVE
from sfv.demo.demo import truth_path
from sfv.rows import Row, show

COLUMNS = [INDEX[name] for name in TWELVE]
SYNTHETIC = ("synthetic", "rough", "panning")
GOALS = {"frontflip_detected": 0.95, "frontflip_turns": 1.0, "frontflip_exchanges": 0.0}
LEAST_TORSO = 0.5
"""A torso seen from its end is short in the image; it counts as at least this share of the clip's longest."""


def bench_pose(
    video: Path | None = None,
    truth: Path | None = None,
    full: bool = False,
    baseline: bool = False,
    calibrate: bool = False,
    json: bool = False,
) -> None:
    """Accuracy of 2D keypoints against known truth, and what share of real clips is seen.

    Films and keypoints are kept in the cache, which `bench reconstruct` uses too.

    Args:
      video: a clip of your own; default: the synthetic films, and real clips in ../shared/data if they are there.
      truth: its truth file, in the format that `sfv demo` writes.
      full: every motion from every viewpoint, with motion capture if it is there.
      baseline: also finds keypoints in a single pass over each frame, for the column of baselines.
      calibrate: only measure the constants of `pose.confidence`, on the synthetic films.
      json: one JSON object on standard output instead of a table.
    """
    if (video is None) != (truth is None):
        raise InputError("bench pose: give both --video and --truth, or neither")
    if video is not None and truth is not None:
        show("pose", _measure_clips(video.stem, [(video, truth)], baseline)[0], json)
        return
    sets: dict[str, list[tuple[Path, Path]]] = {}
    for film, path in make_films(find_recordings("motions/*.txt") if full else [], full):
        sets.setdefault(film.group, []).append((path, truth_path(path)))
    if calibrate:
        pairs = [found for name in SYNTHETIC for found in _measure_clips(name, sets[name], baseline=False)[1]]
        show("pose", _calibrate(np.concatenate(pairs)), json)
        return
    for name in ("kick_cam01", "kick_cam03"):
        sets[name] = [(path, truth_path(path)) for path in find_recordings(f"videos/{name}.mp4")]
    rows, pairs = list[Row](), list[np.ndarray]()
    for name, clips in sets.items():
        more, found = _measure_clips(name, clips, baseline)
        rows += more
        pairs += found if name in SYNTHETIC else []
    rows += _measure_calibration(np.concatenate(pairs))
    rows += _measure_paper_videos(baseline) + _measure_front_flip(baseline)
    show("pose", rows, json)


def _find_keypoints(video: Path, config: PoseConfig, single_look: bool = False) -> tuple[Keypoints, float]:
    """Keypoints, and processor seconds that a frame took."""
    used = replace(config, crop_rounds=0, min_seen=0.1) if single_look else config
    keypoints, seconds = find_cached_keypoints(video, used)
    return keypoints, seconds / len(keypoints)


def _measure_clips(
    group: str, clips: Sequence[tuple[Path, Path]], baseline: bool
) -> tuple[list[Row], list[np.ndarray]]:
    """Means over clips with known truth; and each landmark's (confidence, whether it is right), arrays (N, 2)."""
    if not clips:
        return [Row(f"{group}_detected_upright", None, note=NOT_SHIPPED)], []
    metrics, single, pairs = list[dict[str, float]](), list[dict[str, float]](), list[np.ndarray]()
    for video, truth in clips:
        keypoints, seconds = _find_keypoints(video, EVERY_FRAME)
        clip, landmarks = _compare(keypoints, truth)
        metrics.append(clip | {"pose_seconds_per_frame": seconds})
        pairs.append(landmarks)
        if baseline:
            keypoints, seconds = _find_keypoints(video, EVERY_FRAME, single_look=True)
            single.append(_compare(keypoints, truth)[0] | {"pose_seconds_per_frame": seconds})
    rows = []
    for name in {name: None for clip in metrics for name in clip}:
        before = Row.mean_of("", [clip[name] for clip in single if name in clip], "").value if baseline else None
        unit = "s" if "seconds" in name else "torso" if "error" in name else ""
        rows.append(Row.mean_of(f"{group}_{name}", [clip[name] for clip in metrics if name in clip], unit, before))
    return rows, pairs


def _compare(keypoints: Keypoints, truth_file: Path) -> tuple[dict[str, float], np.ndarray]:
    """Metrics of one clip, and its landmarks as (confidence, whether right), (N, 2)."""
    truth, true_px = Truth.load(truth_file), _read_true_px(truth_file)
    count = min(len(keypoints), len(true_px))
    true_px, inverted, seen = true_px[:count], truth.inverted[:count], keypoints.seen[:count]
    torso = np.linalg.norm(true_px[:, SHOULDERS].mean(1) - true_px[:, HIPS].mean(1), axis=-1)
    torso = np.maximum(torso, LEAST_TORSO * torso.max())
    xy, confidence = keypoints.xy[:count, COLUMNS], keypoints.confidence[:count, COLUMNS]
    right = pck(xy, true_px, torso) & (confidence > 0)
    error = np.linalg.norm(xy - true_px, axis=-1) / torso[:, None]
    metrics: dict[str, float] = {}
    for name, which in (("upright", ~inverted), ("inverted", inverted)):
        if which.any():
            metrics[f"detected_{name}"] = float(seen[which].mean())
            metrics[f"pck_{name}"] = float(right[which].mean())
            metrics[f"median_error_{name}_torso"] = float(np.median(error[which][confidence[which] > 0]))
    exchanged = swapped_frames(
        _center_hips(keypoints.xyz[:count, COLUMNS][seen]), _center_hips(truth.xyz_c[:count][seen]), MIRRORED_TWELVE
    )
    metrics["swapped_share"] = exchanged / max(int(seen.sum()), 1)
    return metrics, np.column_stack([confidence[seen].ravel(), right[seen].ravel()])


def _read_true_px(truth_file: Path) -> np.ndarray:
    """The twelve joints in the image [px], (T, 12, 2); through the lens where the file does not hold them."""
    with np.load(truth_file, allow_pickle=False) as arrays:
        columns = [list(map(str, arrays["names"])).index(name) for name in TWELVE]
        if "xy_px" in arrays.files:
            return arrays["xy_px"][:, columns]
        points = arrays["xyz_w"][:, columns]
        turn, _ = cv2.Rodrigues(arrays["R_camera_world"])
        px, _ = cv2.projectPoints(points.reshape(-1, 3), turn, arrays["t_camera_world"], arrays["K"], arrays["dist"])
    return px.reshape(*points.shape[:2], 2)


def _center_hips(joints: np.ndarray) -> np.ndarray:
    return joints - joints[:, HIPS].mean(axis=1, keepdims=True)


def _calibrate(pairs: np.ndarray) -> list[Row]:
    """The share of right landmarks at each raw confidence: isotonic regression, read off at `pose.confidence.RAW`."""
    raw, right = uncalibrate(pairs[pairs[:, 0] > 0, 0]), pairs[pairs[:, 0] > 0, 1]
    order = np.argsort(raw)
    fitted = isotonic_regression(right[order]).x
    rows = []
    for knot, lower, upper in zip(RAW, [0.0, *RAW[:-1]], [*RAW[1:], 1.0], strict=True):
        within = (raw[order] >= (lower + knot) / 2) & (raw[order] <= (knot + upper) / 2)
        share = float(fitted[within].mean()) if within.any() else None
        rows.append(
            Row(f"share_at_raw_{knot:.2f}", share, "", int(within.sum()), note="for SHARE in pose/confidence.py")
        )
    return rows


def _measure_calibration(pairs: np.ndarray) -> list[Row]:
    """How many landmarks are right at each confidence, and how far apart the two are on the mean."""
    confidence, right = pairs.T
    tenth = np.minimum((10 * confidence).astype(int), 9)
    rows, gap = list[Row](), 0.0
    for n in range(10):
        within = tenth == n
        if within.any():
            mean, share = float(confidence[within].mean()), float(right[within].mean())
            gap += abs(mean - share) * within.mean()
            note = f"confidence {mean:.2f} on the mean"
            rows.append(Row(f"right_at_confidence_{n / 10:.1f}", share, "", int(within.sum()), note=note))
    return [Row("confidence_error", gap, "", len(pairs), note="expected calibration error, synthetic films"), *rows]


def _measure_paper_videos(baseline: bool) -> list[Row]:
    """How much of the paper's videos is seen; there is no truth."""
    videos = find_recordings("videos/sfv/*.mp4")
    if not videos:
        return [Row("sfv_detected", None, note=NOT_SHIPPED)]
    found = {video.stem: _find_keypoints(video, EVERY_FRAME) for video in videos}
    single = [_find_keypoints(video, EVERY_FRAME, single_look=True)[0] for video in videos] if baseline else []
    shares = {name: float(keypoints.seen.mean()) for name, (keypoints, _) in found.items()}
    least = min(shares, key=lambda name: shares[name])
    before = float(np.mean([keypoints.seen.mean() for keypoints in single])) if baseline else None
    exchanges = {name: float(_count_exchanges(keypoints)) for name, (keypoints, _) in found.items()}
    most = max(exchanges, key=lambda name: exchanges[name])
    return [
        replace(
            Row.mean_of("sfv_detected", list(shares.values()), "", before), note=f"least: {least} {shares[least]:.3g}"
        ),
        replace(
            Row.mean_of(
                "sfv_exchanges",
                list(exchanges.values()),
                "",
                float(np.mean([_count_exchanges(k) for k in single])) if baseline else None,
            ),
            note=f"most: {most} {exchanges[most]:.0f}",
        ),
        Row.mean_of("sfv_pose_seconds_per_frame", [seconds for _, seconds in found.values()], "s"),
    ]


def _measure_front_flip(baseline: bool) -> list[Row]:
    """A real front flip against the light, without truth: physical facts."""
    videos = find_recordings("videos/walk_and_frontflip.mp4")
    if not videos:
        return [Row("frontflip_detected", None, note=NOT_SHIPPED)]
    keypoints, seconds = _find_keypoints(videos[0], FRONT_FLIP)
    before = _find_keypoints(videos[0], FRONT_FLIP, single_look=True)[0] if baseline else None
    metrics = {
        "frontflip_detected": lambda k: float(k.seen.mean()),
        "frontflip_turns": _count_turns,
        "frontflip_exchanges": _count_exchanges,
    }
    rows = [
        Row(name, float(metric(keypoints)), "", None, None, float(metric(before)) if before else None, GOALS[name])
        for name, metric in metrics.items()
    ]
    return [*rows, Row("frontflip_pose_seconds_per_frame", seconds, "s")]


def _count_turns(keypoints: Keypoints) -> float:
    """Full turns of the torso in the image from the first to the last frame in which it is seen."""
    torso = [INDEX[f"{side}_{joint}"] for joint in ("shoulder", "hip") for side in ("left", "right")]
    known = (keypoints.confidence[:, torso] > 0).all(axis=1)
    up = keypoints.xy[known][:, torso[:2]].mean(axis=1) - keypoints.xy[known][:, torso[2:]].mean(axis=1)
    lean = np.unwrap(np.arctan2(up[:, 0], -up[:, 1]))
    return float(abs(lean[-1] - lean[0]) / (2 * np.pi))


def _count_exchanges(keypoints: Keypoints) -> int:
    """Frames whose 3D landmarks would follow more smoothly on the last frame's with left and right exchanged."""
    seen = np.flatnonzero(keypoints.seen)
    columns = np.array(COLUMNS)
    xyz, known = keypoints.xyz[seen][:, columns], keypoints.confidence[seen][:, columns] > 0
    mirrored = np.array(MIRRORED)[columns]
    other, other_known = keypoints.xyz[seen][:, mirrored], keypoints.confidence[seen][:, mirrored] > 0
    all_known = (known & other_known)[1:] & known[:-1]
    straight = np.where(all_known, np.linalg.norm(xyz[1:] - xyz[:-1], axis=-1), 0.0).sum(axis=1)
    exchanged = np.where(all_known, np.linalg.norm(other[1:] - xyz[:-1], axis=-1), 0.0).sum(axis=1)
    return int((exchanged < straight).sum())
