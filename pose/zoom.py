"""A closer look at the frames in which the person was not seen, or not surely.

BlazePose first finds bodies in the whole image at 224 pixels: small, turned or blurred ones are missed. Cut out around
where the person must be, in several sizes and turns, nearly all are found (one real front flip: 62 % of frames at
first, 85-97 % with zoomed tries). Which try is right is decided over time, by `person.best_path`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import maximum_filter1d

from pose.estimator import Crop, Poses
from pose.landmarks import INDEX, MIRRORED
from pose.person import CORE, body_size, pose_distance_px

DOUBTFUL_SCORE = 0.65
"""Bodies whose mean score is below are looked at again."""
DOUBTFUL_MOTION = 0.15
"""So are bodies that lie so far off the middle between their neighbours in time [body sizes]."""
BEYOND_S = 0.2
"""Each round looks for the person so long before the first and after the last sighting."""
DRIFT_S = 0.1
"""A body goes on in its direction for so long: bodies in flight turn back, those that run do not."""
NARROW, MEDIUM, WIDE = 1.6, 2.2, 3.0
"""Sides of the crops [body sizes]."""
JITTER = np.deg2rad(20.0)
"""Turn of some tries [rad]."""
MAX_PIXELS = 512
"""Of a crop's own image: about twice what the landmark network reads."""
NEAR = 1.0
"""Bodies further from where the person must be belong to somebody else [body sizes]."""


@dataclass(frozen=True)
class Look:
    """One try at a frame."""

    crop: Crop
    contrast: bool
    """Whether brightness is evened out first."""
    mirrored: bool
    """Whether the network sees the picture in a mirror; its habits of left and right cancel out then."""

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The crop's image."""
        cut = self.crop.cut(image)
        if self.contrast:
            cut = with_contrast(cut)
        return np.ascontiguousarray(cut[:, ::-1]) if self.mirrored else cut

    def poses_to_image(self, poses: Poses) -> Poses:
        """Bodies found in the crop's image, as they stand in the whole one."""
        if self.mirrored:
            xy, xyz, score = (part[:, list(MIRRORED)] for part in (poses.xy, poses.xyz, poses.score))
            xy = np.stack([self.crop.pixels - xy[..., 0], xy[..., 1]], axis=-1)
            poses = Poses(xy, xyz * [-1.0, 1.0, 1.0], score)
        return self.crop.poses_to_image(poses)


@dataclass(frozen=True)
class Whereabouts:
    """Where the person must be in every frame, also in those in which it was not seen."""

    centre: np.ndarray
    """Of the body's box [px], (T, 2)."""
    size: np.ndarray
    """Of the body, not less than half of its usual [px], (T,)."""
    possible: np.ndarray
    """Whether the frame is near enough to a sighting for the person to be still in the picture, bool (T,)."""
    lean: np.ndarray
    """Clockwise turn of the torso from upright, without wraps [rad], (T,)."""

    def looks(self, t: int, before: int) -> list[Look]:
        """The next closer looks at frame `t`, after so many rounds of them.

        First as it is and as a mirror shows it, which every frame is worth: the mean of both has no favourite side.
        Then with more contrast, turned upright or a little, and with ever more of the surroundings.
        """
        upright = float(-self.lean[t])
        stands = abs((upright + np.pi) % (2 * np.pi) - np.pi) < JITTER
        turn = JITTER if stands else upright
        rounds = (
            ((NARROW, 0.0, False, False), (NARROW, 0.0, False, True)),
            ((MEDIUM, 0.0, True, False), (NARROW, turn, True, False), (MEDIUM, -JITTER, True, True)),
            (
                (WIDE, 0.0, True, False),
                (MEDIUM, turn, True, True),
                (NARROW, 0.0, True, False),
                (WIDE, turn, False, True),
            ),
        )
        centre = (float(self.centre[t, 0]), float(self.centre[t, 1]))
        looks = []
        for scale, angle, contrast, mirrored in rounds[min(before, len(rounds) - 1)]:
            # Later rounds look past another part of the surroundings, not at the same picture again.
            side = scale * float(self.size[t]) * (1.0 + 0.15 * max(0, before - len(rounds) + 1))
            crop = Crop(centre, side, angle, round(min(1.5 * side, MAX_PIXELS)))
            looks.append(Look(crop, contrast, mirrored))
        return looks

    def near(self, frames: list[Poses]) -> list[Poses]:
        """Those bodies that can be the person; nobody where the person cannot be known to be in the picture."""
        near = []
        for t, poses in enumerate(frames):
            away = np.linalg.norm(_box_centre(poses.xy) - self.centre[t], axis=-1)
            near.append(poses.select(np.flatnonzero((away < NEAR * self.size[t]) & self.possible[t])))
        return near


def with_contrast(rgb: np.ndarray) -> np.ndarray:
    """Evens out the brightness of an image by neighbourhoods: bodies against the sun step forth."""
    lightness, *colours = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB))
    evened = cv2.createCLAHE(clipLimit=8.0, tileGridSize=(8, 8)).apply(lightness)
    return cv2.cvtColor(cv2.merge([evened, *colours]), cv2.COLOR_LAB2RGB)


def whereabouts(frames: list[Poses], rows: np.ndarray, fps: float, reach: float = BEYOND_S) -> Whereabouts:
    """Interpolates a path; beyond its ends the person moves on as it did there, for `DRIFT_S`, and then stays.

    It may still be in the picture for `reach` [s] before the first and after the last sighting.
    """
    seen = np.flatnonzero(rows >= 0)
    xy = np.stack([frames[t].xy[rows[t]] for t in seen])
    times = np.arange(len(rows))
    centre = np.column_stack([np.interp(times, seen, values) for values in _box_centre(xy).T])
    drift = DRIFT_S * fps
    for end, inner in ((seen[0], seen[min(3, len(seen) - 1)]), (seen[-1], seen[max(-4, -len(seen))])):
        if end == inner:
            continue
        outside = times < end if end < inner else times > end
        velocity = (centre[end] - centre[inner]) / (end - inner)
        centre[outside] += np.clip(times[outside] - end, -drift, drift)[:, None] * velocity
    possible = (times >= seen[0] - reach * fps) & (times <= seen[-1] + reach * fps)
    usual = np.percentile(body_size(xy), 75)
    size = np.interp(times, seen, body_size(xy))
    # A body that opens up between two looks must still fit in: the largest of the neighbourhood counts.
    size = np.maximum(maximum_filter1d(size, 2 * round(0.1 * fps) + 1), 0.5 * usual)
    size[(times < seen[0]) | (times > seen[-1])] = usual
    shoulders = xy[:, [INDEX["left_shoulder"], INDEX["right_shoulder"]]].mean(axis=1)
    hips = xy[:, [INDEX["left_hip"], INDEX["right_hip"]]].mean(axis=1)
    up = shoulders - hips
    lean = np.interp(times, seen, np.unwrap(np.arctan2(up[:, 0], -up[:, 1])))
    return Whereabouts(centre, size, possible, lean)


def doubtful(frames: list[Poses], rows: np.ndarray) -> np.ndarray:
    """Frames worth a closer look, bool (T,): not seen, unsure, or off the way between their neighbours."""
    seen = np.flatnonzero(rows >= 0)
    answer = np.ones(len(rows), dtype=bool)
    xy = np.stack([frames[t].xy[rows[t]] for t in seen])
    score = np.array([frames[t].score[rows[t], CORE].mean() for t in seen])
    off = np.zeros(len(seen))
    if len(seen) > 2:
        middle = (xy[:-2] + xy[2:]) / 2
        away = np.array([pose_distance_px(a[None], b[None])[0, 0] for a, b in zip(middle, xy[1:-1], strict=True)])
        off[1:-1] = away / body_size(xy)[1:-1]
    answer[seen] = (score < DOUBTFUL_SCORE) | (off > DOUBTFUL_MOTION)
    return answer


def between(rows: np.ndarray) -> np.ndarray:
    """Frames between the first and the last in which the person is seen, bool (T,)."""
    seen = np.flatnonzero(rows >= 0)
    times = np.arange(len(rows))
    return (times > seen[0]) & (times < seen[-1]) if len(seen) else np.zeros(len(rows), dtype=bool)


def _box_centre(xy: np.ndarray) -> np.ndarray:
    core = xy[..., CORE, :]
    return (core.min(axis=-2) + core.max(axis=-2)) / 2
