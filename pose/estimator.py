"""What a pose estimator is to the rest: images go in, the bodies seen in each come out."""

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
    """The estimator's own belief that each landmark is there and in sight, in [0, 1], (N, J)."""

    def __len__(self) -> int:
        return len(self.score)

    def select(self, rows: np.ndarray | list[int]) -> "Poses":
        """Those of the bodies, in the order of `rows`."""
        rows = np.asarray(rows, dtype=int)
        return Poses(self.xy[rows], self.xyz[rows], self.score[rows])


class PoseEstimator(Protocol):
    """Finds bodies in single images.

    A new detector is one class with this one method (and `names`, if its landmarks are not BlazePose's 33).
    """

    names: tuple[str, ...]

    def poses(self, images: Iterable[np.ndarray]) -> Iterator[Poses]:
        """Yields the bodies in each image, in order, holding only a few images at a time.

        Args:
          images: uint8 (H, W, 3) RGB, of any size, not all the same.
        """
        ...


def no_poses(landmarks: int) -> Poses:
    """Nobody in sight."""
    return Poses(np.zeros((0, landmarks, 2)), np.zeros((0, landmarks, 3)), np.zeros((0, landmarks)))


def concatenate(parts: list[Poses]) -> Poses:
    """All bodies of several looks at one image."""
    return Poses(
        np.concatenate([part.xy for part in parts]),
        np.concatenate([part.xyz for part in parts]),
        np.concatenate([part.score for part in parts]),
    )


@dataclass(frozen=True)
class Crop:
    """A square cut out of an image, turned and scaled: a closer look at one person."""

    centre: tuple[float, float]
    """In the image [px]."""
    side: float
    """Of the square, in the image [px]."""
    angle: float
    """By which the image turns clockwise on the way into the crop [rad]."""
    pixels: int
    """Side of the crop's own image [px]."""

    def image_to_crop(self) -> np.ndarray:
        """Affine map of pixel coordinates, (2, 3)."""
        scale = self.pixels / self.side
        rotation = scale * _turn(self.angle)
        offset = self.pixels / 2 - rotation @ np.asarray(self.centre)
        return np.column_stack([rotation, offset])

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The crop's image; outside of the picture the border's colour goes on, which looks least like a person."""
        size = (self.pixels, self.pixels)
        flags = cv2.INTER_AREA if self.pixels < self.side else cv2.INTER_LINEAR
        return cv2.warpAffine(image, self.image_to_crop(), size, flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def poses_to_image(self, poses: Poses) -> Poses:
        """Bodies found in the crop, as they stand in the image: 2D moved back, 3D turned back about the view axis."""
        matrix = self.image_to_crop()
        xy = (poses.xy - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
        xyz = poses.xyz.copy()
        xyz[..., :2] = xyz[..., :2] @ _turn(self.angle)  # rows: the transpose of the inverse turn
        return Poses(xy, xyz, poses.score)


def _turn(angle: float) -> np.ndarray:
    """Rotation of the image plane (x right, y down): clockwise to the eye for positive angles, (2, 2)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])
