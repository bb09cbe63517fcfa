"""Keypoints of one person, frame by frame."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pose.archive import REMAKE, load_as, save_arrays
from pose.camera.camera_motion import CameraMotion
from pose.errors import InputError

FORMAT_VERSION = 2
"""Version of the keys in the file."""


@dataclass(frozen=True)
class Keypoints:
    """2D and 3D landmarks of one person over T frames.

    What was not seen is marked, not invented: its confidence is 0 and its coordinates are 0.
    """

    xy: np.ndarray
    """Landmarks in the upright image [px], x right, y down, (T, J, 2)."""
    xyz: np.ndarray
    """Landmarks about the middle of the hips, camera axes (x right, y down, z away from the camera) [m], (T, J, 3)."""
    confidence: np.ndarray
    """Probability that each landmark is right, from 0 (not seen) to 1, (T, J)."""
    fps: float
    """Frames a second, constant through the clip."""
    names: tuple[str, ...]
    """Names of the J landmarks."""
    image_size: tuple[int, int]
    """Width and height of the upright image [px]."""
    start: float = 0.0
    """Time of the first frame in the video [s]."""
    camera_motion: CameraMotion | None = None
    """Rotation, zoom and path of the camera relative to the first frame; None for a camera that stands still."""
    people: np.ndarray | None = None
    """How many people are in view in each frame, this one included, int (T,); None if that is not known."""

    shots: np.ndarray | None = None
    """Start and end of the shots that the video's range is cut into, of which this is one [s], (N, 2); None for one."""
    speed: float = 1.0
    """How many times faster than its film the motion was; `fps` and all speeds are the motion's own."""
    rotation: int = 0
    """Clockwise rotation of the video's picture by which it is upright [deg]: 0, 90, 180 or 270."""
    guessed: tuple[str, ...] = ()
    """Landmarks that were not filmed and are guessed because the user asked for it."""
    wrong_person: float = 0.0
    """Risk that another person was meant, from 0 to 1: how near the next candidate comes, and what moves elsewhere."""
    doubt_of_camera: str = ""
    """What is doubtful about the camera's motion, in words; empty for nothing."""
    vertical_lines: np.ndarray | None = None
    """Lines of the background that may be vertical: upper and lower end (x, y, x, y) [px], (N, 4); None if unknown."""

    def __post_init__(self) -> None:
        frames, landmarks = self.confidence.shape if self.confidence.ndim == 2 else (-1, -1)
        if frames < 1 or landmarks != len(self.names):
            raise ValueError(f"Keypoints.confidence: shape {self.confidence.shape}, expected (T, {len(self.names)})")
        for field, width in (("xy", 2), ("xyz", 3)):
            shape = getattr(self, field).shape
            if shape != (frames, landmarks, width):
                raise ValueError(f"Keypoints.{field}: shape {shape}, expected {(frames, landmarks, width)}")
        for field in ("xy", "xyz", "confidence"):
            if not np.isfinite(getattr(self, field)).all():
                raise ValueError(f"Keypoints.{field}: holds NaN or infinity; mark what is missing by confidence 0")
        if self.confidence.min() < 0 or self.confidence.max() > 1:
            raise ValueError("Keypoints.confidence: outside [0, 1]; clip it")
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise ValueError(f"Keypoints.fps: {self.fps}, expected a positive number")
        if self.shots is not None and (self.shots.ndim != 2 or self.shots.shape[1] != 2):
            raise ValueError(f"Keypoints.shots: shape {self.shots.shape}, expected (N, 2)")
        if self.rotation not in (0, 90, 180, 270):
            raise ValueError(f"Keypoints.rotation: {self.rotation}, expected 0, 90, 180 or 270")
        if not (np.isfinite(self.speed) and self.speed > 0):
            raise ValueError(f"Keypoints.speed: {self.speed}, expected a positive number")
        if not set(self.guessed) <= set(self.names):
            raise ValueError(f"Keypoints.guessed: {sorted(set(self.guessed) - set(self.names))[0]} is no landmark")
        if min(self.image_size) < 1:
            raise ValueError(f"Keypoints.image_size: {self.image_size}, expected positive (width, height)")
        if self.people is not None and self.people.shape != (frames,):
            raise ValueError(f"Keypoints.people: shape {self.people.shape}, expected {(frames,)}")
        lines = self.vertical_lines
        if lines is not None and (lines.ndim != 2 or lines.shape[1] != 4 or not np.isfinite(lines).all()):
            raise ValueError(f"Keypoints.vertical_lines: shape {lines.shape}, expected (N, 4), finite")
        if self.camera_motion is not None and len(self.camera_motion) != frames:
            raise ValueError(f"Keypoints.camera_motion: {len(self.camera_motion)} frames, expected {frames}")

    def __len__(self) -> int:
        return len(self.confidence)

    @property
    def seen(self) -> np.ndarray:
        """Frames in which at least one landmark was found, bool (T,)."""
        return np.asarray((self.confidence > 0).any(axis=1))

    @property
    def video_fps(self) -> float:
        """Frames for each second of the video, in which `start` is counted too."""
        return self.fps / self.speed

    def select(self, start: float, end: float) -> "Keypoints":
        """The part between two moments of the video [s], as if the video were no longer.

        Raises:
          InputError: nothing of the clip lies between them.
        """
        first = max(0, round((start - self.start) * self.video_fps))
        after = min(len(self), round((end - self.start) * self.video_fps) + 1)
        if after <= first:
            raise InputError(f"{start:g} to {end:g} s is outside of the clip; choose START and END within it")
        part, camera = slice(first, after), self.camera_motion
        if camera is not None:
            camera = camera.start_at(first).select(slice(0, after - first))
        return replace(
            self,
            xy=self.xy[part],
            xyz=self.xyz[part],
            confidence=self.confidence[part],
            people=None if self.people is None else self.people[part],
            camera_motion=camera,
            start=self.start + first / self.video_fps,
        )

    def with_speed(self, speed: float, max_fps: float = np.inf) -> "Keypoints":
        """Counts time `speed` times as fast as the film shows it, and leaves out frames above `max_fps` [1/s]."""
        fps = self.video_fps * speed
        step = max(1, int(np.ceil(fps / max_fps - 1e-3)))
        camera = self.camera_motion
        if camera is not None and step > 1:
            camera = camera.select(slice(None, None, step))
        return replace(
            self,
            xy=self.xy[::step],
            xyz=self.xyz[::step],
            confidence=self.confidence[::step],
            people=None if self.people is None else self.people[::step],
            camera_motion=camera,
            fps=fps / step,
            speed=speed,
        )

    def save(self, path: Path) -> None:
        """Writes one `.npz`; it holds keys `camera_*` only for a camera that moves."""
        camera = self.camera_motion
        known = {} if camera is None else {name: value for name, value in vars(camera).items() if value is not None}
        more = {f"camera_{name}": value for name, value in known.items()}
        if self.people is not None:
            more["people"] = self.people
        if self.shots is not None:
            more["shots"] = self.shots
        if self.speed != 1.0:
            more["speed"] = self.speed
        if self.rotation != 0:
            more["rotation"] = self.rotation
        if self.guessed:
            more["guessed"] = np.array(self.guessed)
        if self.doubt_of_camera:
            more["doubt_of_camera"] = np.array(self.doubt_of_camera)
        if self.wrong_person > 0.0:
            more["wrong_person"] = self.wrong_person
        if self.vertical_lines is not None:
            more["vertical_lines"] = self.vertical_lines.astype(np.float32)
        save_arrays(
            path,
            "keypoints",
            FORMAT_VERSION,
            {
                "xy": self.xy.astype(np.float32),
                "xyz": self.xyz.astype(np.float32),
                "confidence": self.confidence.astype(np.float32),
                "fps": self.fps,
                "names": np.array(self.names),
                "image_size": np.array(self.image_size),
                "start": self.start,
                **more,
            },
        )

    @classmethod
    def load(cls, path: Path, mend: str = REMAKE) -> "Keypoints":
        """Reads what `save` wrote; raises `InputError`, which says what mends it, for a damaged or foreign file."""
        return load_as(path, "keypoints", FORMAT_VERSION, cls._of_arrays, mend)

    @classmethod
    def _of_arrays(cls, arrays: dict[str, np.ndarray]) -> "Keypoints":
        return cls(
            xy=arrays["xy"].astype(np.float64),
            xyz=arrays["xyz"].astype(np.float64),
            confidence=arrays["confidence"].astype(np.float64),
            fps=float(arrays["fps"]),
            names=tuple(str(name) for name in arrays["names"]),
            image_size=(int(arrays["image_size"][0]), int(arrays["image_size"][1])),
            start=float(arrays["start"]),
            camera_motion=_read_camera_motion(arrays),
            people=arrays.get("people"),
            shots=arrays.get("shots"),
            speed=float(arrays.get("speed", 1.0)),
            rotation=int(arrays.get("rotation", 0)),
            guessed=tuple(str(name) for name in arrays.get("guessed", ())),
            wrong_person=float(arrays.get("wrong_person", 0.0)),
            doubt_of_camera=str(arrays.get("doubt_of_camera", "")),
            vertical_lines=arrays["vertical_lines"].astype(np.float64) if "vertical_lines" in arrays else None,
        )


def _read_camera_motion(arrays: dict[str, np.ndarray]) -> CameraMotion | None:
    if "camera_R" not in arrays:
        return None
    measured = bool(arrays["camera_focal_measured"])
    return CameraMotion(
        arrays["camera_R"], arrays["camera_zoom"], float(arrays["camera_focal_px"]), measured,
        arrays.get("camera_path"), arrays.get("camera_ground"),
    )  # fmt: skip
