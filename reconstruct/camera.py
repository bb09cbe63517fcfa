"""The camera: a pinhole that stands still, and the few numbers of it that the reconstruction looks for."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pose.archive import load_arrays, save_arrays

FORMAT_VERSION = 1

# Camera axes (x right, y down, z away) of a level camera that looks along the world's x.
R_LEVEL = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: x_c = R_camera_world x_w + t_camera_world; image x right, y down, z away from the camera."""

    focal_px: float
    """Focal length [px], the same along both image axes."""
    principal_point_px: np.ndarray
    """Where the optical axis meets the image [px], (2,)."""
    image_size: tuple[int, int]
    """Width and height [px]."""
    R_camera_world: np.ndarray
    """Turns world vectors into camera axes, (3, 3)."""
    t_camera_world: np.ndarray
    """World origin in camera axes [m], (3,)."""

    def __post_init__(self) -> None:
        if self.R_camera_world.shape != (3, 3) or not np.allclose(
            self.R_camera_world @ self.R_camera_world.T, np.eye(3), atol=1e-5
        ):
            raise ValueError("Camera.R_camera_world: not a rotation matrix (3, 3)")
        if not (np.isfinite(self.focal_px) and self.focal_px > 0):
            raise ValueError(f"Camera.focal_px: {self.focal_px}, expected a positive number")

    @property
    def intrinsics(self) -> np.ndarray:
        """OpenCV's K, (3, 3)."""
        (x, y), f = self.principal_point_px, self.focal_px
        return np.array([[f, 0.0, x], [0.0, f, y], [0.0, 0.0, 1.0]])

    def to_camera(self, points_w: np.ndarray) -> np.ndarray:
        """World points in camera axes [m], (..., 3)."""
        return points_w @ self.R_camera_world.T + self.t_camera_world

    def project(self, points_w: np.ndarray) -> np.ndarray:
        """World points in the image [px], (..., 3) -> (..., 2)."""
        points_c = self.to_camera(points_w)
        return self.focal_px * points_c[..., :2] / points_c[..., 2:] + self.principal_point_px

    def moved(self, R_new_old: np.ndarray, t_new_old: np.ndarray) -> "Camera":
        """The same camera seen from another world frame, x_new = R_new_old x_old + t_new_old."""
        rotation = self.R_camera_world @ R_new_old.T
        return Camera(
            self.focal_px,
            self.principal_point_px,
            self.image_size,
            rotation,
            self.t_camera_world - rotation @ t_new_old,
        )

    def save(self, path: Path) -> None:
        """Writes one `.npz`."""
        save_arrays(
            path,
            "camera",
            FORMAT_VERSION,
            {
                "focal_px": self.focal_px,
                "principal_point_px": self.principal_point_px,
                "image_size": np.array(self.image_size),
                "R_camera_world": self.R_camera_world,
                "t_camera_world": self.t_camera_world,
            },
        )

    @classmethod
    def load(cls, path: Path) -> "Camera":
        """Reads what `save` wrote; raises `InputError` for a damaged or foreign file."""
        arrays = load_arrays(path, "camera", FORMAT_VERSION)
        return cls(
            focal_px=float(arrays["focal_px"]),
            principal_point_px=arrays["principal_point_px"],
            image_size=(int(arrays["image_size"][0]), int(arrays["image_size"][1])),
            R_camera_world=arrays["R_camera_world"],
            t_camera_world=arrays["t_camera_world"],
        )


@dataclass(frozen=True)
class View:
    """What is unknown of the camera, and of the ground it sees: the global unknowns of the optimisation.

    Where the camera stands on the ground and its heading are free to choose, so it stands above the world's origin
    and looks along x.
    """

    pitch: float
    """The camera's tilt about its own x axis [rad]; positive looks down."""
    roll: float
    """Its turn about the optical axis [rad]."""
    height: float
    """Height above the ground [m]."""
    log_focal: float
    """Logarithm of the focal length [px]."""
    belt: tuple[float, float] = (0.0, 0.0)
    """Velocity of the ground under the person [m/s], world x and y: a treadmill, or a camera that goes along."""

    def vector(self) -> np.ndarray:
        """The G unknowns in a row, (6,)."""
        return np.array([self.pitch, self.roll, self.height, self.log_focal, *self.belt])

    @classmethod
    def from_vector(cls, vector: np.ndarray) -> "View":
        """The inverse of `vector`."""
        pitch, roll, height, log_focal, belt_x, belt_y = (float(value) for value in vector)
        return cls(pitch, roll, height, log_focal, (belt_x, belt_y))

    def rotation(self) -> np.ndarray:
        """R_camera_world, (3, 3)."""
        return _about_z(self.roll) @ _about_x(self.pitch) @ R_LEVEL

    def rotation_derivatives(self) -> tuple[np.ndarray, np.ndarray]:
        """d R_camera_world by pitch and by roll, (3, 3) each."""
        by_pitch = _about_z(self.roll) @ _about_x(self.pitch) @ _CROSS_X @ R_LEVEL
        return by_pitch, _CROSS_Z @ self.rotation()

    def seen_from(self, other: "View") -> tuple[np.ndarray, np.ndarray]:
        """Rotation (3, 3) and shift (3,) that carry points of this view's world into the other's, camera fixed."""
        rotation = other.rotation().T @ self.rotation()
        return rotation, np.array([0.0, 0.0, other.height]) - rotation @ np.array([0.0, 0.0, self.height])

    def camera(self, image_size: tuple[int, int]) -> Camera:
        """The pinhole, with the principal point in the middle of the image."""
        rotation = self.rotation()
        position_w = np.array([0.0, 0.0, self.height])
        middle = 0.5 * np.array(image_size, dtype=np.float64)
        return Camera(float(np.exp(self.log_focal)), middle, image_size, rotation, -rotation @ position_w)


def tilt_from_up(up_c: np.ndarray) -> tuple[float, float]:
    """Pitch and roll of a camera that sees the vertical along `up_c` (3,), in its own axes."""
    x, y, z = up_c / np.linalg.norm(up_c)
    return float(-np.arcsin(np.clip(z, -1.0, 1.0))), float(np.arctan2(x, -y))


_CROSS_X = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
_CROSS_Z = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])


def _about_x(angle: float) -> np.ndarray:
    return np.eye(3) + np.sin(angle) * _CROSS_X + (1.0 - np.cos(angle)) * (_CROSS_X @ _CROSS_X)


def _about_z(angle: float) -> np.ndarray:
    return np.eye(3) + np.sin(angle) * _CROSS_Z + (1.0 - np.cos(angle)) * (_CROSS_Z @ _CROSS_Z)


def focal_from_fov(fov_degrees: float, image_size: tuple[int, int]) -> float:
    """Focal length [px] of a lens whose field of view along the longer side of the image is `fov_degrees`."""
    return 0.5 * max(image_size) / np.tan(np.radians(fov_degrees) / 2.0)
