"""The interface of a pose estimator, the bodies that it finds, and crops of images for it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np


@dataclass(frozen=True)
class Poses:
    """The N bodies that an estimator sees in one image; N may be 0."""

    xy: np.ndarray
    """Landmarks in the image [px], (N, J, 2)."""
    xyz: np.ndarray
    """Landmarks about the middle of the hips, camera axes (x right, y down, z away from the camera) [m], (N, J, 3)."""
    score: np.ndarray
    """The estimator's own probability that each landmark is present and visible, in [0, 1], (N, J)."""

    def __len__(self) -> int:
        return len(self.score)

    def select(self, rows: np.ndarray | list[int]) -> "Poses":
        """Selects bodies by their rows, (M,), in that order; all of them are shared, not copied."""
        rows = np.asarray(rows, dtype=int)
        if len(rows) == len(self) and (rows == np.arange(len(self))).all():
            return self  # of a long film copies would fill the memory
        return Poses(self.xy[rows], self.xyz[rows], self.score[rows])


class PoseEstimator(Protocol):
    """Finds bodies in single images.

    A new detector is one class with this one method (and `names`, if its landmarks are not BlazePose's 33).
    """

    names: tuple[str, ...]

    def detect(self, images: Iterable[np.ndarray]) -> Iterator[Poses]:
        """Yields the bodies found in each image, in order; holds only a few images at a time.

        Args:
          images: uint8 (H, W, 3) RGB, of any size, not all the same.
        """
        ...


def no_poses(landmarks: int) -> Poses:
    """Poses of nobody: N = 0, with this number of landmarks."""
    return Poses(np.zeros((0, landmarks, 2)), np.zeros((0, landmarks, 3)), np.zeros((0, landmarks)))


def concatenate(parts: list[Poses]) -> Poses:
    """Puts the bodies of several detections in one image together."""
    return Poses(
        np.concatenate([part.xy for part in parts]),
        np.concatenate([part.xyz for part in parts]),
        np.concatenate([part.score for part in parts]),
    )


@dataclass(frozen=True)
class Crop:
    """A square cut out of an image, rotated and scaled."""

    centre: tuple[float, float]
    """Middle of the square in the image, (x, y) [px]."""
    side: float
    """Side of the square in the image [px]."""
    angle: float
    """Clockwise rotation of the image on the way into the crop [rad]."""
    pixels: int
    """Side of the crop's own image, in its own pixels."""

    def image_to_crop(self) -> np.ndarray:
        """Affine map from image pixels to crop pixels, (2, 3)."""
        scale = self.pixels / self.side
        rotation = scale * _rotation(self.angle)
        offset = self.pixels / 2 - rotation @ np.asarray(self.centre)
        return np.column_stack([rotation, offset])

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Cuts the crop out of an image, uint8 (H, W, 3); beyond its edges the border pixels are repeated."""
        size = (self.pixels, self.pixels)
        flags = cv2.INTER_AREA if self.pixels < self.side else cv2.INTER_LINEAR
        return cv2.warpAffine(image, self.image_to_crop(), size, flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def poses_to_image(self, poses: Poses) -> Poses:
        """Maps bodies from the crop to the image: 2D by the affine map, 3D by a rotation about the view axis."""
        matrix = self.image_to_crop()
        xy = (poses.xy - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
        xyz = poses.xyz.copy()
        xyz[..., :2] = xyz[..., :2] @ _rotation(self.angle)  # rows: the transpose of the inverse rotation
        return Poses(xy, xyz, poses.score)


def _rotation(angle: float) -> np.ndarray:
    """Rotation of the image plane (x right, y down): clockwise to the eye for positive angles, (2, 2)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])
