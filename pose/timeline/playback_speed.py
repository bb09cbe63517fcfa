"""How many times faster than its film a motion was, from keypoints: slow motion, time lapse, wrong frame rates.

Two clocks tick in a film of a person. In flight the centre of mass falls with g, whatever the person does. And steps of
a given length have a usual frequency (the walk ratio: Sekiya and Nagasaki 1998, "Reproducibility of the walking
patterns of normal young adults"; runners keep about 2.75 steps a second). Sizes come from the body, so neither needs a
calibrated camera.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.landmarks import TWELVE

GRAVITY = 9.81
"""Of free fall [m/s2]."""
MASS = {"shoulder": 0.16, "elbow": 0.04, "wrist": 0.02, "hip": 0.18, "knee": 0.07, "ankle": 0.03}
"""Share of the body's mass that moves about as each of the twelve joints does (de Leva 1996, rounded)."""
LOWEST = ("nose", "shoulder", "elbow", "wrist", "pinky", "index", "hip", "knee", "ankle", "heel")
"""Landmarks that a body stands on."""
SEGMENTS = (("shoulder", "hip"), ("hip", "knee"), ("knee", "ankle"))
SEGMENTS_M, SEGMENTS_HEIGHT = 1.32, 1.72
"""Length of trunk, thigh and shank together of a person of a height [m]; the detector's own metres are less steady."""
LEAST_RISE_M = 0.16
"""Least height of the lowest point of the body over the line from take-off to landing for a flight [m]."""
CORE = 0.25
"""Share of that height above which all of the body is surely in the air."""
FOOT = 0.1
"""Share of a hill's height at which it begins and ends."""
LEAST_FRAMES = 4
"""Fewest frames of a flight that a parabola is fitted to."""
HELD = 0.45
"""Median speed of a hand or foot, relative to the centre of mass's, below which it holds on to something: no flight."""
MISFIT_M = 0.03
"""Largest root mean square distance of the centre of mass from its parabola [m]."""
LONGEST_FLIGHT_S, SHORTEST_FLIGHT_S = 1.2, 0.15
"""Range of a person's flights [s]."""
LEAST_STEPS = 5
"""Fewest steps in a row that are measured."""
LEAST_STEP = 0.35
"""Shortest step that counts, distance of the ankles as a share of leg length."""
REGULAR = 0.3
"""Largest coefficient of variation of the times between steps."""
WALK_RATIO = 0.70
"""Step frequency times sqrt(leg / g) over step length / leg: about the same at all speeds of walking."""
RUN_FREQUENCY = 0.82
"""Step frequency times sqrt(leg / g) of running."""
RUNNING_KNEE = 85.0
"""Flexion of the swinging knee from which a gait is running [degrees]."""
FLIGHT_LOG_STD, GAIT_LOG_STD = 0.10, 0.12
"""Standard deviation of the logarithm of the speed from one flight and from one gait."""
USUAL = (0.125, 0.25, 1 / 3, 0.5, 1.0, 2.0, 3.0, 4.0, 8.0)
"""Speeds that cameras and editors offer; a measured speed near one of them is taken to be it."""
SNAP = 0.2
"""Distance from a usual speed within which it is taken, as a logarithm."""
NOT_REAL_TIME = 1.45
"""Speed, or its inverse, from which a clip is taken to be not in real time."""


SPEED_RANGE = (0.01, 100.0)
"""Range of speeds that may be asked for."""


@dataclass(frozen=True)
class PlaybackSpeed:
    """How many times faster than its film the motion was."""

    speed: float
    """4 for slow motion that shows a second in four, 0.5 for a time lapse; 1 where nothing speaks against it."""
    measured: float | None
    """What was measured, before it was rounded to a usual speed; None where nothing could be."""
    flights: int = 0
    """Flights that it was measured from."""
    steps: int = 0
    """Steps that it was measured from."""

    @property
    def evidence(self) -> str:
        """What it was measured from, in words."""
        parts = [f"{n} {word}{'s' * (n > 1)}" for n, word in ((self.flights, "flight"), (self.steps, "step")) if n]
        return " and ".join(parts)


def check_speed(speed: float | None) -> None:
    """Raises `InputError` if a speed that was asked for makes no sense."""
    if speed is not None and not SPEED_RANGE[0] <= speed <= SPEED_RANGE[1]:
        raise InputError(
            f"SPEED={speed:g}: give how many times faster than its video the motion was, 4 for slow motion of a"
            " quarter; or leave it out, then it is estimated"
        )


def apply_playback_speed(keypoints: Keypoints, speed: float | None, max_fps: float) -> Keypoints:
    """Counts time as the motion did, at the speed asked for or else at the estimated one.

    Args:
      keypoints: at the video's own rate.
      speed: how many times faster than the video the motion was; None to estimate it.
      max_fps: highest frame rate afterwards [1/s].

    Raises:
      InputError: the speed makes no sense.
    """
    check_speed(speed)
    speed = estimate_playback_speed(keypoints).speed if speed is None else speed
    return keypoints if speed == 1.0 else keypoints.with_speed(speed, max_fps)


def estimate_playback_speed(keypoints: Keypoints) -> PlaybackSpeed:
    """Estimates how many times faster than its film a motion was.

    The median over all flights and gaits of the clip, weighted by how sure each of them is.

    Args:
      keypoints: of one person, at the film's own frame rate.
    """
    body = _Body.of(keypoints)
    if body is None:
        return PlaybackSpeed(1.0, None)
    flights, gaits = find_flight_speeds(body), find_gait_speeds(body)
    values = np.log([*(speed for speed, _ in flights), *(speed for speed, _ in gaits)])
    if len(values) == 0:
        return PlaybackSpeed(1.0, None)
    weights = np.array(
        [rise / LEAST_RISE_M / FLIGHT_LOG_STD**2 for _, rise in flights] + [1 / GAIT_LOG_STD**2] * len(gaits)
    )
    order = np.argsort(values)
    half = np.cumsum(weights[order]) - 0.5 * weights[order]
    measured = float(np.exp(np.interp(0.5 * weights.sum(), half, values[order])))
    return PlaybackSpeed(round_speed(measured), measured, len(flights), sum(steps for _, steps in gaits))


def measure_gaits(keypoints: Keypoints) -> list[tuple[float, int]]:
    """`find_gait_speeds` of keypoints; none where too little is seen."""
    body = _Body.of(keypoints)
    return [] if body is None else find_gait_speeds(body)


def round_speed(measured: float) -> float:
    """The usual speed that a measured one is near to; 1 where it is near enough to real time."""
    if 1 / NOT_REAL_TIME < measured < NOT_REAL_TIME:
        return 1.0
    nearest = min(USUAL, key=lambda usual: abs(np.log(measured / usual)))
    return nearest if nearest != 1.0 and abs(np.log(measured / nearest)) < SNAP else float(f"{measured:.2g}")


@dataclass(frozen=True)
class _Body:
    """A person in metres, in the plane of the image of a camera that stands still."""

    com: np.ndarray
    """Centre of mass, (right, up) [m], (T, 2)."""
    low: np.ndarray
    """Height of the lowest point [m], (T,)."""
    ends: np.ndarray
    """Wrists and ankles, (right, up) [m], (T, 4, 2)."""
    ankles: np.ndarray
    """From the right to the left ankle in three dimensions [m], (T, 3)."""
    knees: np.ndarray
    """Flexion of the knees [degrees], (T, 2)."""
    leg: float
    """Length of a leg [m]."""
    seen: np.ndarray
    """Frames in which the person was seen, bool (T,)."""
    fps: float

    @classmethod
    def of(cls, keypoints: Keypoints) -> "_Body | None":
        """Measures keypoints; None where too little is seen. Where a detector finds no depth, all counts as level."""
        names, seen = keypoints.names, keypoints.seen
        if not set(TWELVE) <= set(names) or seen.sum() < 2 * LEAST_FRAMES:
            return None
        frames, times = np.arange(len(keypoints)), np.flatnonzero(seen)

        def fill(values: np.ndarray, known: np.ndarray) -> np.ndarray:
            """Interpolates what is not known, (T, J, n) with (T, J)."""
            filled = values.copy()
            for j in range(values.shape[1]):
                have = np.flatnonzero(known[:, j])
                for k in range(values.shape[2]):
                    filled[:, j, k] = np.interp(frames, have, values[have, j, k]) if len(have) > 1 else np.nan
            return filled

        known = keypoints.confidence > 0
        xy = fill(_hold_camera_still(keypoints), known)
        xyz = fill(keypoints.xyz, known) if keypoints.xyz.any() else np.pad(xy, ((0, 0), (0, 0), (0, 1)))
        joint = {name: i for i, name in enumerate(names)}

        def both(points: np.ndarray, part: str) -> np.ndarray:
            return points[:, [joint[f"left_{part}"], joint[f"right_{part}"]]]

        lengths = [np.linalg.norm(both(xyz, a) - both(xyz, b), axis=-1) for a, b in SEGMENTS]
        size = sum(float(np.nanmedian(length[times])) for length in lengths)
        if not size > 0.0:
            return None
        metres = SEGMENTS_M / size
        core = [joint[name] for name in TWELVE]
        flat, image = xyz[:, core, :2] * metres, xy[:, core]
        extent = [np.linalg.norm(p - p.mean(axis=1, keepdims=True), axis=(1, 2)) for p in (flat, image)]
        if not np.isfinite(extent).all() or (extent[1][times] < 1).any():
            return None
        # A body that comes nearer grows steadily; the detector's own foreshortening flickers.
        per_px = np.exp(_smooth_steady(np.log(extent[0] / extent[1]), max(2.0, 0.1 * len(times))))
        share = np.array([MASS[name.split("_")[1]] for name in TWELVE])
        com = np.einsum("j,tji->ti", share / share.sum(), image) * per_px[:, None] * (1.0, -1.0)
        lowest = np.stack([xy[:, i, 1] for name, i in joint.items() if name.endswith(LOWEST)])
        low = -np.nanmax(lowest, axis=0) * per_px
        ends = np.concatenate([both(xy, part) for part in ("wrist", "ankle")], axis=1) * (1.0, -1.0)
        ends = ends * per_px[:, None, None]
        hip, knee, ankle = (both(xyz, part) for part in ("hip", "knee", "ankle"))
        cosine = np.sum((hip - knee) * (ankle - knee), axis=-1)
        cosine /= np.maximum(np.linalg.norm(hip - knee, axis=-1) * np.linalg.norm(ankle - knee, axis=-1), 1e-9)
        flexion = 180.0 - np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
        leg = metres * sum(float(np.nanmedian(length[times])) for length in lengths[1:])
        return cls(com, low, ends, metres * (ankle[:, 0] - ankle[:, 1]), flexion, leg, np.asarray(seen), keypoints.fps)


def find_flight_speeds(body: _Body) -> list[tuple[float, float]]:
    """The speed by the fall in each flight, and how high the flight is [m].

    A flight is a hill of the body's lowest point over the line from where it leaves the ground to where it lands.
    """
    found = []
    low = gaussian_filter1d(body.low, 0.7)
    for first, last, rise in _find_hills(low):
        line = np.interp(np.arange(first, last + 1), [first, last], low[[first, last]])
        core = first + np.flatnonzero(low[first : last + 1] - line > CORE * rise)
        if len(core) < LEAST_FRAMES or not body.seen[core].mean() > 0.6:
            continue
        core = np.arange(core[0], core[-1] + 1)
        if _is_held(body, core):
            continue
        t = core - core.mean()
        fit = np.polyfit(t, body.com[core, 1], 2)
        misfit = float(np.sqrt(np.mean((np.polyval(fit, t) - body.com[core, 1]) ** 2)))
        fall = -2.0 * fit[0]  # [m/frame2]
        drop = 0.125 * fall * len(core) ** 2  # from the top of the parabola to the ends of the core
        if fall <= 0 or misfit > max(MISFIT_M, 0.1 * drop) or drop < 0.4 * LEAST_RISE_M:
            continue
        speed = float(np.sqrt(GRAVITY / fall)) / body.fps
        if SHORTEST_FLIGHT_S <= (last - first) / body.fps / speed <= LONGEST_FLIGHT_S:
            found.append((speed, rise))
    return found


def find_gait_speeds(body: _Body) -> list[tuple[float, int]]:
    """The speed by each run of regular steps, and how many steps it has."""
    distance = np.linalg.norm(body.ankles, axis=1)
    calm = gaussian_filter1d(distance, 0.7)
    peaks, _ = find_peaks(calm, height=LEAST_STEP * body.leg, prominence=0.25 * body.leg)
    if len(peaks) < LEAST_STEPS:
        return []
    ahead = np.sign(body.ankles[peaks] @ body.ankles[peaks[np.argmax(calm[peaks])]])
    times, steps = np.diff(peaks), np.flatnonzero(ahead[1:] * ahead[:-1] < 0)
    if len(steps) < LEAST_STEPS - 1 or len(steps) < 0.7 * len(times):
        return []
    times = times[steps]
    if np.std(times) > REGULAR * np.mean(times):
        return []
    bend = np.array([body.knees[a:b].max() for a, b in pairwise(peaks)])
    frequency = float(np.sqrt(body.leg / GRAVITY) * body.fps / np.median(times))  # as the film shows it
    length = float(np.median(calm[peaks])) / body.leg
    usual = RUN_FREQUENCY if np.median(bend) > RUNNING_KNEE else WALK_RATIO * length
    return [(usual / frequency, len(steps) + 1)]


def _is_held(body: _Body, frames: np.ndarray) -> bool:
    """Whether a hand or a foot rests while the body moves in these frames: a bar, a cartwheel, a step."""
    ends, com = body.ends[frames], body.com[frames]
    speeds = np.median(np.linalg.norm(np.diff(ends, axis=0), axis=-1), axis=0)
    return bool(speeds.min() < HELD * np.median(np.linalg.norm(np.diff(com, axis=0), axis=-1)))


def _find_hills(low: np.ndarray) -> list[tuple[int, int, float]]:
    """Hills of a curve: (first, last, height over the line between them)."""
    peaks, found = find_peaks(low, prominence=LEAST_RISE_M)
    hills = []
    for peak, left, right, height in zip(
        peaks, found["left_bases"], found["right_bases"], found["prominences"], strict=True
    ):
        # A base is the lowest point on its side, often far off: the hill's foot is where it has nearly come down.
        first = peak - int((low[left : peak + 1][::-1] < low[left] + FOOT * height).argmax())
        last = peak + int((low[peak : right + 1] < low[right] + FOOT * height).argmax())
        rise = float(low[peak] - np.interp(peak, [first, last], low[[first, last]]))
        if first < peak < last and rise >= 0.8 * LEAST_RISE_M:
            hills.append((first, last, rise))
    return hills


def _hold_camera_still(keypoints: Keypoints) -> np.ndarray:
    """Where the landmarks would be in the image if the camera had stayed as in the first frame [px], (T, J, 2).

    Of a camera that is carried along they are left where they are: it mostly keeps the body in its place.
    """
    camera, centre = keypoints.camera_motion, np.array(keypoints.image_size) / 2.0
    if camera is None or camera.path is not None:
        return keypoints.xy - centre
    focal = camera.focal_px * camera.zoom[:, None, None]
    rays = np.concatenate([(keypoints.xy - centre) / focal, np.ones((*keypoints.xy.shape[:2], 1))], axis=-1)
    rays = rays @ camera.R  # rows: the transpose of R
    return camera.focal_px * rays[..., :2] / np.maximum(rays[..., 2:], 0.1)


def _smooth_steady(values: np.ndarray, std: float) -> np.ndarray:
    """A robust running mean: medians first, (T,)."""
    window = max(1, round(std))
    medians = np.array([np.median(values[max(0, t - window) : t + window + 1]) for t in range(len(values))])
    return gaussian_filter1d(medians, std, mode="nearest")
