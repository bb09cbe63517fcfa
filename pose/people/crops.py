"""The second pass: crops around the person, for frames in which it was not detected or not with confidence.

BlazePose first finds bodies in the whole image at 224 pixels, where small, rotated or blurred ones are missed. In crops
around the place where the person must be, at several sizes and rotations, nearly all are found (in one real front flip
62 % of the frames in the first pass, 85-97 % with crops). `pose.people.candidates` chooses among the detections over
time.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import maximum_filter1d

from pose.estimator import Crop, Poses
from pose.landmarks import INDEX, MIRRORED
from pose.people.person import CORE, body_size, pose_distance_px

DOUBTFUL_SCORE = 0.65
"""Frames whose chosen body has a lower mean score get further crops, in [0, 1]."""
DOUBTFUL_MOTION = 0.15
"""Frames whose chosen body is further off the middle between its neighbours get further crops [body sizes]."""
MARGIN_S = 0.2
"""How much further each round searches before the first and after the last sighting [s]."""
DRIFT_S = 0.1
"""How long a body moves on at its velocity beyond the ends of its track [s]: in flight it turns back, running not."""
NARROW, MEDIUM, WIDE = 1.6, 2.2, 3.0
"""Sides of the crops [body sizes]."""
JITTER = np.deg2rad(20.0)
"""Rotation of some crops [rad]."""
MAX_PIXELS = 512
"""Largest side of a crop's own image [px]: about twice what the landmark network reads."""
NEAR = 1.0
"""Bodies further than this from the predicted place belong to somebody else [body sizes]."""


@dataclass(frozen=True)
class AugmentedCrop:
    """A crop whose image may be changed before detection (test-time augmentation)."""

    crop: Crop
    contrast: bool
    """Whether contrast is equalised first."""
    mirrored: bool
    """Whether the image is mirrored; the network's bias between left and right cancels out then."""

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Cuts the crop out of an image, uint8 (H, W, 3) RGB, and augments it; uint8 (pixels, pixels, 3)."""
        cut = self.crop.cut(image)
        if self.contrast:
            cut = equalise_contrast(cut)
        return np.ascontiguousarray(cut[:, ::-1]) if self.mirrored else cut

    def poses_to_image(self, poses: Poses) -> Poses:
        """Maps bodies from the crop's image [px] to the whole image [px]."""
        if self.mirrored:
            xy, xyz, score = (part[:, list(MIRRORED)] for part in (poses.xy, poses.xyz, poses.score))
            xy = np.stack([self.crop.pixels - xy[..., 0], xy[..., 1]], axis=-1)
            poses = Poses(xy, xyz * [-1.0, 1.0, 1.0], score)
        return self.crop.poses_to_image(poses)


@dataclass(frozen=True)
class PersonTrack:
    """Where the person must be in every frame, those without a detection included."""

    centre: np.ndarray
    """Centre of the body's box [px], (T, 2)."""
    size: np.ndarray
    """Size of the body, at least half of its usual size [px], (T,)."""
    may_be_visible: np.ndarray
    """Whether the frame is near enough to a sighting for the person to be still in the picture, bool (T,)."""
    lean: np.ndarray
    """Clockwise angle of the torso from upright, unwrapped [rad], (T,)."""

    def plan_crops(self, t: int, round_: int) -> list[AugmentedCrop]:
        """Plans the crops of frame `t` in a round, counted from 0.

        Round 0 is the plain crop and its mirror image, which every frame is worth: their mean favours no side. The
        next rounds add contrast, rotate the torso upright or a little, and widen the crop.
        """
        upright = float(-self.lean[t])
        stands = abs((upright + np.pi) % (2 * np.pi) - np.pi) < JITTER
        rotation = JITTER if stands else upright
        rounds = (
            ((NARROW, 0.0, False, False), (NARROW, 0.0, False, True)),
            ((MEDIUM, 0.0, True, False), (NARROW, rotation, True, False), (MEDIUM, -JITTER, True, True)),
            (
                (WIDE, 0.0, True, False),
                (MEDIUM, rotation, True, True),
                (NARROW, 0.0, True, False),
                (WIDE, rotation, False, True),
            ),
        )
        centre = (float(self.centre[t, 0]), float(self.centre[t, 1]))
        crops = []
        for scale, angle, contrast, mirrored in rounds[min(round_, len(rounds) - 1)]:
            # Later rounds widen the crop further, so that no image is searched twice.
            side = scale * float(self.size[t]) * (1.0 + 0.15 * max(0, round_ - len(rounds) + 1))
            crop = Crop(centre, side, angle, round(min(1.5 * side, MAX_PIXELS)))
            crops.append(AugmentedCrop(crop, contrast, mirrored))
        return crops

    def select_near(self, frames: list[Poses]) -> list[Poses]:
        """Selects the bodies that can be the person; none in frames in which the person is not to be expected."""
        near = []
        for t, poses in enumerate(frames):
            distance = np.linalg.norm(_box_centre(poses.xy) - self.centre[t], axis=-1)
            near.append(poses.select(np.flatnonzero((distance < NEAR * self.size[t]) & self.may_be_visible[t])))
        return near


def equalise_contrast(rgb: np.ndarray) -> np.ndarray:
    """Equalises the contrast of neighbourhoods (CLAHE), which brings out bodies against the light; uint8 (H, W, 3)."""
    lightness, *colours = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB))
    equalised = cv2.createCLAHE(clipLimit=8.0, tileGridSize=(8, 8)).apply(lightness)
    return cv2.cvtColor(cv2.merge([equalised, *colours]), cv2.COLOR_LAB2RGB)


def interpolate_track(frames: list[Poses], rows: np.ndarray, fps: float, margin: float = MARGIN_S) -> PersonTrack:
    """Interpolates a path; beyond its ends the person moves on at its velocity for `DRIFT_S` and then stays.

    Args:
      frames: the bodies in each frame.
      rows: the person's row in each frame, -1 for none; at least one is not, int (T,).
      fps: frames a second.
      margin: how long before the first and after the last sighting the person may still be in the picture [s].
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
    may_be_visible = (times >= seen[0] - margin * fps) & (times <= seen[-1] + margin * fps)
    usual = np.percentile(body_size(xy), 75)
    size = np.interp(times, seen, body_size(xy))
    # A body that opens up between two sightings must still fit in: the largest of the neighbourhood counts.
    size = np.maximum(maximum_filter1d(size, 2 * round(0.1 * fps) + 1), 0.5 * usual)
    size[(times < seen[0]) | (times > seen[-1])] = usual
    shoulders = xy[:, [INDEX["left_shoulder"], INDEX["right_shoulder"]]].mean(axis=1)
    hips = xy[:, [INDEX["left_hip"], INDEX["right_hip"]]].mean(axis=1)
    up = shoulders - hips
    lean = np.interp(times, seen, np.unwrap(np.arctan2(up[:, 0], -up[:, 1])))
    return PersonTrack(centre, size, may_be_visible, lean)


def find_doubtful(frames: list[Poses], rows: np.ndarray) -> np.ndarray:
    """Finds the frames that are worth another crop, bool (T,): not seen, low score, or far from the neighbours' middle.

    Args:
      frames: the bodies in each frame.
      rows: the person's row in each frame, -1 for none, int (T,).
    """
    seen = np.flatnonzero(rows >= 0)
    doubtful = np.ones(len(rows), dtype=bool)
    xy = np.stack([frames[t].xy[rows[t]] for t in seen])
    score = np.array([frames[t].score[rows[t], CORE].mean() for t in seen])
    deviation = np.zeros(len(seen))
    if len(seen) > 2:
        middle = (xy[:-2] + xy[2:]) / 2
        distance = [pose_distance_px(a[None], b[None])[0, 0] for a, b in zip(middle, xy[1:-1], strict=True)]
        deviation[1:-1] = np.array(distance) / body_size(xy)[1:-1]
    doubtful[seen] = (score < DOUBTFUL_SCORE) | (deviation > DOUBTFUL_MOTION)
    return doubtful


def find_inner_frames(rows: np.ndarray) -> np.ndarray:
    """Finds the frames between the first and the last sighting, bool (T,)."""
    seen = np.flatnonzero(rows >= 0)
    times = np.arange(len(rows))
    return (times > seen[0]) & (times < seen[-1]) if len(seen) else np.zeros(len(rows), dtype=bool)


def _box_centre(xy: np.ndarray) -> np.ndarray:
    core = xy[..., CORE, :]
    return (core.min(axis=-2) + core.max(axis=-2)) / 2
