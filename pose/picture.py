"""The keypoints of one person in a single picture: detected in several crops, from which the medoid is taken."""

import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from pose.blazepose import BlazePose
from pose.cleanup import weigh
from pose.errors import InputError
from pose.estimator import Crop, PoseEstimator, Poses, concatenate
from pose.keypoints import Keypoints
from pose.people.crops import JITTER, MAX_PIXELS, PersonTrack, interpolate_track
from pose.people.person import choose_person, pose_distance_px
from pose.progress import Progress, silent
from pose.weights import find_or_fetch

LARGEST, SMALLEST = 100_000_000, 16
"""Pixels of the largest picture, and side of the smallest one [px]."""
FPS = 30.0
"""Nominal frame rate of a single picture [1/s]; the result does not depend on it."""
SIZES = (2.2, 1.6)
"""Sides of the crops [body sizes]."""
QUARTERS = (0.5 * np.pi, np.pi, 1.5 * np.pi)
"""Rotations in which the whole picture is searched if nobody is found upright [rad]."""


def read_picture(path: Path) -> np.ndarray:
    """Reads an upright RGB image, uint8 (H, W, 3).

    Raises:
      InputError: no such file, or not a picture that OpenCV reads.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the name of the picture")
    _check_claimed_size(path)
    try:
        found = cv2.imdecode(np.frombuffer(path.read_bytes(), dtype=np.uint8), cv2.IMREAD_COLOR)
    except (cv2.error, OSError, MemoryError) as error:
        raise InputError(f"{path}: empty, too large or damaged; give a JPEG or PNG") from error
    if found is None:
        raise InputError(f"{path}: not a picture that can be read; give a JPEG or PNG")
    if min(found.shape[:2]) < SMALLEST:
        raise InputError(f"{path}: {found.shape[1]} x {found.shape[0]} px show nobody; give a larger picture")
    return cv2.cvtColor(found, cv2.COLOR_BGR2RGB)


def _check_claimed_size(path: Path) -> None:
    """Raises `InputError` for a picture that would take gigabytes; its header says so before anything is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as header:
                width, height = header.size
    except Image.DecompressionBombError:
        width = height = LARGEST
    except Exception:  # a kind that Pillow does not know, or a damaged one: OpenCV is asked
        return
    if width * height > LARGEST:
        raise InputError(f"{path}: more than {LARGEST / 1e6:.0f} million px; make the picture smaller")


def estimate_picture_keypoints(
    path: Path, person: str = "", model_size: str = "heavy", progress: Progress = silent
) -> tuple[np.ndarray, Keypoints]:
    """Finds one person in a picture.

    Args:
      path: JPEG, PNG or what else OpenCV reads.
      person: who, as in `pose.estimate.PoseConfig`; a point is "x,y@0".
      model_size: of the BlazePose network: heavy, full or lite.
      progress: called while weights are downloaded.

    Returns:
      The picture, RGB uint8 (H, W, 3), and keypoints of a single frame.

    Raises:
      InputError: the picture cannot be read, or shows nobody.
    """
    image = read_picture(path)
    with BlazePose(find_or_fetch(None, model_size, progress), workers=1) as estimator:
        try:
            return image, estimate_image_keypoints(image, estimator, person)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def estimate_image_keypoints(image: np.ndarray, estimator: PoseEstimator, person: str = "") -> Keypoints:
    """Finds one person in an image, uint8 (H, W, 3) RGB; keypoints of a single frame.

    Raises:
      InputError: nobody is there.
    """
    height, width = image.shape[:2]
    (poses,) = estimator.detect([image])
    if not len(poses):
        whole = [Crop((width / 2, height / 2), float(max(width, height)), angle, 1024) for angle in QUARTERS]
        poses = concatenate(_detect_in_crops(image, whole, estimator))
    if not len(poses):
        raise InputError("no person was found in the picture; give one that shows the whole body")
    row = choose_person([poses], FPS, person)
    track = interpolate_track([poses], row, FPS)
    everyone = concatenate([poses, *_detect_in_crops(image, plan_crops(track), estimator)])
    near = track.select_near([everyone])[0]
    chosen = near.select([find_medoid(near)])
    return weigh(Keypoints(chosen.xy, chosen.xyz, chosen.score.clip(0.0, 1.0), FPS, estimator.names, (width, height)))


def plan_crops(track: PersonTrack) -> list[Crop]:
    """Plans crops around the person, unrotated and rotated so that the trunk stands upright."""
    size, upright = float(track.size[0]), -float(track.lean[0])
    stands = abs((upright + np.pi) % (2 * np.pi) - np.pi) < JITTER
    rotations = (0.0, JITTER, -JITTER) if stands else (0.0, upright, upright + JITTER)
    centre = (float(track.centre[0, 0]), float(track.centre[0, 1]))
    return [Crop(centre, s * size, angle, round(min(1.5 * s * size, MAX_PIXELS))) for s in SIZES for angle in rotations]


def find_medoid(poses: Poses) -> int:
    """Finds the row of the body that is nearest to all others, weighted by their scores."""
    distance = pose_distance_px(poses.xy, poses.xy)
    return int((np.minimum(distance, np.median(distance) * 3.0 + 1e-6) @ poses.score.mean(axis=1)).argmin())


def _detect_in_crops(image: np.ndarray, crops: list[Crop], estimator: PoseEstimator) -> list[Poses]:
    found = estimator.detect(crop.cut(image) for crop in crops)
    return [crop.poses_to_image(poses) for crop, poses in zip(crops, found, strict=True)]
