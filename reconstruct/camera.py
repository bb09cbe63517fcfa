"""The camera: a pinhole, still or moving, and the few numbers of it that the reconstruction looks for."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pose.archive import load_as, save_arrays

FORMAT_VERSION = 1
MOVING = ("turn", "zoom", "path")

# Camera axes (x right, y down, z away) of a level camera that looks along the world's x.
R_LEVEL = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: x_c = R_camera_world x_w + t_camera_world; image x right, y down, z away from the camera.

    That is the camera of the first frame. One that moves has the other frames' in `turn`, `zoom` and `path`; points are
    then given frame by frame, (T, ..., 3).
    """

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
    turn: np.ndarray | None = None
    """Rotation from the first frame's camera axes to those of each frame, (T, 3, 3)."""
    zoom: np.ndarray | None = None
    """Focal length in each frame over `focal_px`, (T,)."""
    path: np.ndarray | None = None
    """How far the camera has gone since the first frame, world axes [m], (T, 3)."""

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
        """World points in the axes of the first frame's camera, about the camera of their frame [m], (..., 3)."""
        if self.path is not None:
            points_w = points_w - _framewise(self.path, points_w)
        return points_w @ self.R_camera_world.T + self.t_camera_world

    def project(self, points_w: np.ndarray) -> np.ndarray:
        """World points in the image [px], (..., 3) -> (..., 2)."""
        points_c, focal = self.to_camera(points_w), np.float64(self.focal_px)
        if self.turn is not None:
            points_c = (points_c[..., None, :] @ np.swapaxes(_framewise(self.turn, points_c, 2), -1, -2))[..., 0, :]
        if self.zoom is not None:
            focal = focal * _framewise(self.zoom[:, None], points_c)
        return focal * points_c[..., :2] / points_c[..., 2:] + self.principal_point_px

    def scale(self, factor: float) -> "Camera":
        """A camera that has the same picture of a world whose lengths are `factor` times as large."""
        path = None if self.path is None else factor * self.path
        return replace(self, t_camera_world=factor * self.t_camera_world, path=path)

    def change_world(self, R_new_old: np.ndarray, t_new_old: np.ndarray) -> "Camera":
        """The same camera seen from another world frame, x_new = R_new_old x_old + t_new_old."""
        rotation = self.R_camera_world @ R_new_old.T
        return replace(
            self,
            R_camera_world=rotation,
            t_camera_world=self.t_camera_world - rotation @ t_new_old,
            path=None if self.path is None else self.path @ R_new_old.T,
        )

    def start_at(self, frame: int) -> "Camera":
        """The same film without its first frames: the camera of frame `frame` is the first one then."""
        camera = self
        if camera.path is not None:
            shift = camera.R_camera_world @ camera.path[frame]
            path = camera.path[frame:] - camera.path[frame]
            camera = replace(camera, path=path, t_camera_world=camera.t_camera_world - shift)
        if camera.turn is not None:
            first, turn = camera.turn[frame], camera.turn[frame:] @ camera.turn[frame].T
            R, t = first @ camera.R_camera_world, first @ camera.t_camera_world
            camera = replace(camera, turn=turn, R_camera_world=R, t_camera_world=t)
        if camera.zoom is not None:
            focal, zoom = camera.focal_px * float(camera.zoom[frame]), camera.zoom[frame:] / camera.zoom[frame]
            camera = replace(camera, focal_px=focal, zoom=zoom)
        return camera

    def save(self, path: Path) -> None:
        """Writes one `.npz`; it holds `turn`, `zoom` and `path` only for a camera that has them."""
        moving = {name: getattr(self, name) for name in MOVING if getattr(self, name) is not None}
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
                **moving,
            },
        )

    @classmethod
    def load(cls, path: Path) -> "Camera":
        """Reads what `save` wrote; raises `InputError` for a damaged or foreign file."""
        return load_as(path, "camera", FORMAT_VERSION, cls._of_arrays)

    @classmethod
    def _of_arrays(cls, arrays: dict[str, np.ndarray]) -> "Camera":
        return cls(
            focal_px=float(arrays["focal_px"]),
            principal_point_px=arrays["principal_point_px"],
            image_size=(int(arrays["image_size"][0]), int(arrays["image_size"][1])),
            R_camera_world=arrays["R_camera_world"],
            t_camera_world=arrays["t_camera_world"],
            **{name: arrays[name] for name in MOVING if name in arrays},
        )


def _framewise(values: np.ndarray, points: np.ndarray, own: int = 1) -> np.ndarray:
    """Values of each frame (T, ...) with axes put in so that they go along with points (T, ..., 3)."""
    if len(values) != len(points):
        raise ValueError(f"Camera: moves over {len(values)} frames, but points of {len(points)} are given")
    return values.reshape(len(values), *(1,) * (points.ndim - 2), *values.shape[values.ndim - own :])


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
    ground_velocity: tuple[float, float] = (0.0, 0.0)
    """Velocity of the ground under the person [m/s], world x and y: a treadmill, or a camera that goes along."""

    def vector(self) -> np.ndarray:
        """The G unknowns in a row, (6,)."""
        return np.array([self.pitch, self.roll, self.height, self.log_focal, *self.ground_velocity])

    @classmethod
    def from_vector(cls, vector: np.ndarray) -> "View":
        """The inverse of `vector`."""
        pitch, roll, height, log_focal, velocity_x, velocity_y = (float(value) for value in vector)
        return cls(pitch, roll, height, log_focal, (velocity_x, velocity_y))

    def rotation(self) -> np.ndarray:
        """R_camera_world, (3, 3)."""
        return _about_z(self.roll) @ _about_x(self.pitch) @ R_LEVEL

    def rotation_derivatives(self) -> tuple[np.ndarray, np.ndarray]:
        """d R_camera_world by pitch and by roll, (3, 3) each."""
        by_pitch = _about_z(self.roll) @ _about_x(self.pitch) @ _CROSS_X @ R_LEVEL
        return by_pitch, _CROSS_Z @ self.rotation()

    def change_to(self, other: "View") -> tuple[np.ndarray, np.ndarray]:
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
