"""Motion of a camera that pans, tilts, rolls or zooms, estimated from the background.

A camera that rotates about its optical centre moves the whole image by one homography, K_t R_t K_0^-1, whatever stands
in front of it (Hartley and Zisserman 2004, 8.4; self-calibration from such homographies: 19.6). Corners of the
background are followed by optical flow from key frames, so that errors add up over key frames only, not over frames.
A camera that travels is modelled as one that rotates: for a distant background the difference is small; where it is
not, see `pose.camera.carried_camera`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from scipy.optimize import least_squares, minimize_scalar
from scipy.spatial.transform import Rotation

from pose.camera.corner_tracking import WIDTH, mask_people, shrink, track_there_and_back, widen_boxes

CORNERS = 400
"""Most corners of the background that are tracked."""
FEWEST = 25
"""Fewest corners from which the camera's motion is estimated."""
INLIER = 2.0
"""Largest residual of a homography's inliers [px]; other corners belong to something that moves by itself."""
AGREE = 0.5
"""Least share of corners that must be inliers, and of frames that must have a match."""
AT_REST = 1.0
"""Motion since the key frame below which a corner is at rest [px]."""
AT_REST_SHARE = 0.3
"""Share of corners at rest from which the camera is at rest, whatever the others (leaves, water) do."""
STILL = 3.0
"""Motion of the image below which the camera stands still [px]; 2 cm at a distance of 4 m."""
KEY_OVERLAP = 0.35
"""Share of a key frame's corners below which the next key frame is chosen."""
NOMINAL_FOV = 50.0
"""Field of view along the longer side where rotation is too small to estimate it [degrees]."""
FOV_RANGE = (20.0, 100.0)
"""Range in which the field of view is searched [degrees]."""
LENS_SHIFT = 0.12
"""Shift between two frames from which they determine the focal length, as a share of the longer side."""
LENS_MISFIT = 0.9
"""Misfit, relative to the nominal lens, below which an estimated focal length is used."""


@dataclass(frozen=True)
class CameraMotion:
    """Rotation and zoom of the camera in each frame relative to the first frame.

    With x_first a point in the first camera's axes (x right, y down, z away from the camera), it appears in frame t at

        x_t = R[t] x_first,    xy_px = focal_px zoom[t] x_t[:2] / x_t[2] + image centre.

    The first camera's axes are the same for all frames: what is reconstructed in the axes of frame t is moved there by
    R[t].T.
    """

    R: np.ndarray
    """Rotation from the first camera's axes to those of frame t, R[0] = 1, (T, 3, 3)."""
    zoom: np.ndarray
    """Focal length relative to the first frame, zoom[0] = 1, (T,)."""
    focal_px: float
    """Focal length of the first frame with which `R` and `zoom` were estimated [px]."""
    focal_measured: bool
    """Whether the focal length was estimated from rotation; otherwise it is that of a nominal 50 degree lens."""
    path: np.ndarray | None = None
    """Place of the camera in each frame in the first camera's axes, path[0] = 0, (T, 3); its unit of length is not
    known. None for a camera that stays in its place, or goes so little that it may be taken to."""
    ground: np.ndarray | None = None
    """From the first camera straight down to the ground, in its axes and the unit of `path`, (3,); None if the ground
    is not seen."""

    def __post_init__(self) -> None:
        frames = len(self.zoom)
        if self.path is not None and (self.path.shape != (frames, 3) or not np.isfinite(self.path).all()):
            raise ValueError(f"CameraMotion.path: shape {self.path.shape} or not finite, expected {(frames, 3)}")
        if self.R.shape != (frames, 3, 3) or self.zoom.shape != (frames,):
            raise ValueError(f"CameraMotion: R {self.R.shape}, zoom {self.zoom.shape}, expected (T, 3, 3) and (T,)")
        if not (np.isfinite(self.R).all() and (np.isfinite(self.zoom) & (self.zoom > 0)).all() and self.focal_px > 0):
            raise ValueError("CameraMotion: holds NaN, infinity, or a zoom or focal length that is not positive")

    def __len__(self) -> int:
        return len(self.zoom)

    def for_focal(self, focal_px: float) -> "CameraMotion":
        """Converts to another focal length [px] under which the image moves the same.

        From frame to frame rotations are small, so that the image moves by focal length times angle. A camera that is
        carried along keeps its focal length: its path was found with it.
        """
        if self.path is not None:
            return self
        step = Rotation.from_matrix(self.R[1:] @ np.swapaxes(self.R[:-1], 1, 2)).as_rotvec()
        step[:, :2] *= self.focal_px / focal_px
        R = [np.eye(3)]
        for rotation in Rotation.from_rotvec(step).as_matrix():
            R.append(rotation @ R[-1])
        return CameraMotion(np.stack(R), self.zoom, focal_px, False)

    def select(self, frames: slice) -> "CameraMotion":
        """Some of the frames, of which the first one stays the first."""
        path = None if self.path is None else self.path[frames]
        return replace(self, R=self.R[frames], zoom=self.zoom[frames], path=path)

    def start_at(self, first: int) -> "CameraMotion":
        """The motion from this frame on, relative to it."""
        R, zoom, path, ground = self.R[first:] @ self.R[first].T, self.zoom[first:], self.path, self.ground
        if path is not None:
            gone, path = path[first], (path[first:] - path[first]) @ self.R[first].T
            if ground is not None:
                height = float(np.linalg.norm(ground))
                left = 1.0 - float(gone @ ground) / height**2  # share of the height above the same ground
                ground = self.R[first] @ ground * left if left > 0 else None
        focal_px = self.focal_px * float(zoom[0])
        return replace(self, R=R, zoom=zoom / zoom[0], focal_px=focal_px, path=path, ground=ground)

    def largest_rotation(self) -> float:
        """Largest angle between the view axes of two frames [rad]."""
        axes = self.R[:, 2]
        least = min(float((axes[t : t + 500] @ axes.T).min()) for t in range(0, len(axes), 500))  # not all T^2 at once
        return float(np.arccos(np.clip(least, -1.0, 1.0)))


@dataclass(frozen=True)
class WatchedCamera:
    """What the background shows of a camera that is thought to stay in its place."""

    motion: CameraMotion | None
    """Its rotation and zoom; None for one that stands still, or is not seen to move."""
    still: bool
    """Whether the background shows that it stands still."""


def watch_camera(images: Iterable[np.ndarray], people_px: list[np.ndarray]) -> WatchedCamera:
    """Estimates rotation and zoom of the camera in every frame, or says why there is no motion.

    A frame without enough corners (blur, a bare wall) takes the motion of its neighbours in time.

    Args:
      images: the T frames, uint8 (H, W, 3) RGB, all of one size.
      people_px: boxes that hold no background in each frame, (left, top, right, bottom) [px], T arrays (N, 4).
    """
    matches, size = _match_frames(images, people_px)
    matched = np.array([match is not None for match in matches])
    if matched.sum() < 2 or matched.mean() < AGREE:
        return WatchedCamera(None, False)
    scale = WIDTH / size[0]
    side = max(WIDTH, size[1] * scale)
    nominal = find_focal_px(NOMINAL_FOV, side)
    _, zoom = _chain_matches(matches, nominal)
    focal, measured = _estimate_focal(
        [(match, zoom[match.key]) for match in matches if match is not None], nominal, side
    )
    R, zoom = _fill_gaps(*_chain_matches(matches, focal), matched)
    corners = np.array([[x, y] for x in (-0.5, 0.5) for y in (-0.5, 0.5)]) * np.array(size) * scale
    rotated = np.column_stack([corners / focal, np.ones(4)]) @ np.swapaxes(R, 1, 2)
    moved = focal * zoom[:, None, None] * rotated[..., :2] / rotated[..., 2:]
    # A few frames may mislead: the first one of a stream is compressed unlike the others.
    if np.percentile(np.linalg.norm(moved - corners, axis=-1).max(axis=1), 95) < STILL:
        return WatchedCamera(None, True)
    return WatchedCamera(CameraMotion(R, zoom, focal / scale, measured), False)


@dataclass(frozen=True)
class Match:
    """Corners of a key frame found again in another frame, relative to the image centre [px at `WIDTH`]."""

    key: int
    """Number of the key frame."""
    first: np.ndarray
    """Corners in the key frame, (N, 2)."""
    second: np.ndarray
    """The same corners in the other frame, (N, 2)."""

    @property
    def shift(self) -> float:
        """Median shift of the corners [px at `WIDTH`]."""
        return float(np.median(np.linalg.norm(self.second - self.first, axis=1))) if len(self.first) else 0.0


def _match_frames(
    images: Iterable[np.ndarray], people_px: list[np.ndarray]
) -> tuple[list[Match | None], tuple[int, int]]:
    """Matches each frame with a key frame; None where that fails. Also returns the images' (width, height) [px]."""
    matches = list[Match | None]()
    size = (0, 0)
    key, key_gray, key_corners = 0, np.zeros(0), np.zeros((0, 2), np.float32)
    last, last_gray, last_people = 0, np.zeros(0), np.zeros((0, 4))
    since_key = np.eye(3)  # homography from the key frame to the last matched frame
    for t, (image, people) in enumerate(zip(images, people_px, strict=True)):
        size = (image.shape[1], image.shape[0])
        scale = WIDTH / size[0]
        gray, people = shrink(image), people * scale
        if t == 0:
            key_gray = last_gray = gray
            key_corners, last_people = _find_corners(gray, people), people
            matches.append(Match(0, np.zeros((0, 2)), np.zeros((0, 2))))
            continue
        match, moved = _match(key, key_gray, gray, key_corners, since_key, people)
        if last != key and (match is None or len(match.first) < KEY_OVERLAP * len(key_corners)):
            corners = _find_corners(last_gray, last_people)
            next_match = _match(last, last_gray, gray, corners, np.eye(3), people)
            if next_match[0] is not None:
                key, key_gray, key_corners = last, last_gray, corners
                match, moved = next_match
        matches.append(match)
        if match is not None:
            since_key, last, last_gray, last_people = moved, t, gray, people
    centre = np.array([WIDTH, size[1] * WIDTH / max(size[0], 1)]) / 2
    return [m and Match(m.key, m.first - centre, m.second - centre) for m in matches], size


def _match(
    key: int, key_gray: np.ndarray, gray: np.ndarray, corners: np.ndarray, guess: np.ndarray, people: np.ndarray
) -> tuple[Match | None, np.ndarray]:
    """Finds the corners that move by one homography, and that homography (3, 3); None where too few do.

    `guess` is a first homography, which is returned where there is no match.
    """
    if len(corners) < FEWEST:
        return None, guess
    expected = cv2.perspectiveTransform(corners[:, None], guess)[:, 0].astype(np.float32)
    moved, found = _track_corners(key_gray, gray, corners, expected, people)
    if found.sum() < FEWEST:
        return None, guess
    first = corners[found].astype(float)
    if (np.linalg.norm(moved[found] - first, axis=1) < AT_REST).mean() >= AT_REST_SHARE:
        return Match(key, first, first), np.eye(3)
    homography, inlier = cv2.findHomography(corners[found], moved[found], cv2.USAC_MAGSAC, INLIER)
    if homography is None or inlier.sum() < max(FEWEST, AGREE * found.sum()):
        return None, guess
    kept = np.flatnonzero(found)[inlier.ravel() > 0]
    return Match(key, corners[kept].astype(float), moved[kept].astype(float)), homography


def _find_corners(gray: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Finds corners of the background, all over the image, float32 (N, 2) [px]."""
    corners = cv2.goodFeaturesToTrack(gray, CORNERS, 0.03, 10, mask=mask_people(gray.shape, people))
    return np.zeros((0, 2), np.float32) if corners is None else corners[:, 0]


def _track_corners(
    before: np.ndarray, after: np.ndarray, corners: np.ndarray, expected: np.ndarray, people: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Tracks corners by optical flow: where they are (N, 2) [px], and which were found outside of people, bool (N,)."""
    if len(corners) == 0:
        return corners, np.zeros(0, dtype=bool)
    moved, found = track_there_and_back(before, after, corners, expected)
    height, width = after.shape
    found &= ((moved >= 0) & (moved < (width, height))).all(axis=1)
    for left, top, right, bottom in widen_boxes(people):
        found &= ~((moved > (left, top)) & (moved < (right, bottom))).all(axis=1)
    return moved, found


def _chain_matches(matches: list[Match | None], focal: float) -> tuple[np.ndarray, np.ndarray]:
    """Chains matches to rotation (T, 3, 3) and zoom (T,) relative to the first frame; identity where there is none."""
    R, zoom = np.tile(np.eye(3), (len(matches), 1, 1)), np.ones(len(matches))
    for t, match in enumerate(matches):
        if match is not None and match.key != t:
            rotation, relative_zoom, *_ = fit_rotation(match, focal * zoom[match.key])
            R[t], zoom[t] = rotation @ R[match.key], relative_zoom * zoom[match.key]
    return R, zoom


def _estimate_focal(matches: list[tuple[Match, float]], nominal: float, side: float) -> tuple[float, bool]:
    """Estimates the focal length [px] that explains the matches best, and whether it is not the nominal one.

    Each match comes with the zoom of its key frame; `side` is the longer side of the image [px].
    """
    shifted = sorted((pair for pair in matches if pair[0].shift > LENS_SHIFT * side), key=lambda pair: -pair[0].shift)
    if not shifted:
        return nominal, False

    def misfit(log_focal: float) -> float:
        return sum(fit_rotation(match, zoom * float(np.exp(log_focal))).misfit for match, zoom in shifted[:10])

    bounds = sorted(np.log(find_focal_px(fov, side)) for fov in FOV_RANGE)
    found = minimize_scalar(misfit, bounds=tuple(bounds), method="bounded", options={"xatol": 0.01})
    at_bound = min(abs(found.x - bound) for bound in bounds) < 0.05
    if at_bound or (found.fun > LENS_MISFIT * misfit(np.log(nominal)) and abs(found.x - np.log(nominal)) > 0.1):
        return nominal, False
    return float(np.exp(found.x)), True


class FittedRotation(NamedTuple):
    """The rotation and zoom that map a key frame's corners to another frame's."""

    R: np.ndarray
    """(3, 3)."""
    zoom: float
    misfit: float
    """Root mean square over the corners [px]."""
    typical: float
    """Median over the corners [px]."""


def fit_rotation(match: Match, focal: float) -> FittedRotation:
    """Fits the rotation and zoom of a camera with this focal length [px] by robust least squares."""
    rays = np.column_stack([match.first / focal, np.ones(len(match.first))])

    def residual(x: np.ndarray) -> np.ndarray:
        rotated = rays @ Rotation.from_rotvec(x[:3]).as_matrix().T
        return (focal * np.exp(x[3]) * rotated[:, :2] / np.maximum(rotated[:, 2:], 0.05) - match.second).ravel()

    found = least_squares(residual, np.zeros(4), loss="soft_l1", f_scale=0.5)
    misfit = float(np.sqrt(2 * found.cost / len(match.first)))
    typical = float(np.median(np.linalg.norm(residual(found.x).reshape(-1, 2), axis=1)))
    return FittedRotation(Rotation.from_rotvec(found.x[:3]).as_matrix(), float(np.exp(found.x[3])), misfit, typical)


def _fill_gaps(R: np.ndarray, zoom: np.ndarray, matched: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Interpolates frames without a match from their neighbours in time."""
    frames, known = np.arange(len(zoom)), np.flatnonzero(matched)
    vectors = Rotation.from_matrix(R[known]).as_rotvec()
    filled = np.stack([np.interp(frames, known, column) for column in vectors.T], axis=1)
    return Rotation.from_rotvec(filled).as_matrix(), np.exp(np.interp(frames, known, np.log(zoom[known])))


def find_focal_px(fov: float, side: float) -> float:
    """Focal length [px] of a lens with this field of view [degrees] along a side of this many pixels."""
    return side / 2 / np.tan(np.radians(fov) / 2)
