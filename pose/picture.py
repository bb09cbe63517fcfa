"""The keypoints of one person in a single picture: several looks at it, and the one that most of them agree with."""

from pathlib import Path

import cv2
import numpy as np

from pose.blazepose import BlazePose
from pose.cleanup import weigh
from pose.errors import InputError
from pose.estimator import Crop, PoseEstimator, Poses, concatenate
from pose.keypoints import Keypoints
from pose.person import choose_person, pose_distance_px
from pose.progress import Progress, silent
from pose.weights import find_or_fetch
from pose.zoom import JITTER, MAX_PIXELS, Whereabouts, whereabouts

FPS = 30.0
"""A single frame has no rate; any will do."""
SIZES = (2.2, 1.6)
"""Sides of the closer looks [body sizes]."""
QUARTERS = (0.5 * np.pi, np.pi, 1.5 * np.pi)
"""Turns of the whole picture in which a person is looked for who is not found upright [rad]."""


def read_picture(path: Path) -> np.ndarray:
    """An upright RGB image, uint8 (H, W, 3).

    Raises:
      InputError: no such file, or not a picture that OpenCV reads.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the name of the picture")
    found = cv2.imdecode(np.frombuffer(path.read_bytes(), dtype=np.uint8), cv2.IMREAD_COLOR)
    if found is None:
        raise InputError(f"{path}: not a picture that can be read; give a JPEG or PNG")
    return cv2.cvtColor(found, cv2.COLOR_BGR2RGB)


def picture_keypoints(
    path: Path, person: str = "", model_size: str = "heavy", progress: Progress = silent
) -> tuple[np.ndarray, Keypoints]:
    """Finds one person in a picture.

    Args:
      path: JPEG, PNG or what else OpenCV reads.
      person: who, as in `pose.estimate.PoseConfig`; a point is "x,y@0".
      model_size: of the BlazePose network: heavy, full or lite.
      progress: told while weights are fetched.

    Returns:
      The picture, RGB uint8 (H, W, 3), and keypoints of a single frame.

    Raises:
      InputError: the picture cannot be read, or shows nobody.
    """
    image = read_picture(path)
    with BlazePose(find_or_fetch(None, model_size, progress), workers=1) as estimator:
        try:
            return image, keypoints_in(image, estimator, person)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def keypoints_in(image: np.ndarray, estimator: PoseEstimator, person: str = "") -> Keypoints:
    """Keypoints of one person, a single frame.

    Raises:
      InputError: nobody is there.
    """
    height, width = image.shape[:2]
    (poses,) = estimator.poses([image])
    if not len(poses):
        whole = [Crop((width / 2, height / 2), float(max(width, height)), turn, 1024) for turn in QUARTERS]
        poses = concatenate(_looks(image, whole, estimator))
    if not len(poses):
        raise InputError("no person was found in the picture; give one that shows the whole body")
    row = choose_person([poses], FPS, person)
    place = whereabouts([poses], row, FPS)
    near = place.near([concatenate([poses, *_looks(image, closer(place), estimator)])])[0]
    chosen = near.select([agreed(near)])
    return weigh(Keypoints(chosen.xy, chosen.xyz, chosen.score.clip(0.0, 1.0), FPS, estimator.names, (width, height)))


def closer(place: Whereabouts) -> list[Crop]:
    """Crops around the person, as the picture is and turned so that the trunk stands upright."""
    size, upright = float(place.size[0]), -float(place.lean[0])
    stands = abs((upright + np.pi) % (2 * np.pi) - np.pi) < JITTER
    turns = (0.0, JITTER, -JITTER) if stands else (0.0, upright, upright + JITTER)
    centre = (float(place.centre[0, 0]), float(place.centre[0, 1]))
    return [Crop(centre, s * size, turn, round(min(1.5 * s * size, MAX_PIXELS))) for s in SIZES for turn in turns]


def agreed(poses: Poses) -> int:
    """The row that is nearest to all others, by their scores: the medoid."""
    distance = pose_distance_px(poses.xy, poses.xy)
    return int((np.minimum(distance, np.median(distance) * 3.0 + 1e-6) @ poses.score.mean(axis=1)).argmin())


def _looks(image: np.ndarray, crops: list[Crop], estimator: PoseEstimator) -> list[Poses]:
    found = estimator.poses(crop.cut(image) for crop in crops)
    return [crop.poses_to_image(poses) for crop, poses in zip(crops, found, strict=True)]
