"""A camera that pans, tilts, rolls or zooms, followed from the background.

A camera that turns about its optical centre moves the whole picture by one homography, K_t R_t K_0^-1, whatever stands
in front of it (Hartley and Zisserman 2004, 8.4; self-calibration from such homographies: 19.6). Corners of the
background are followed by optical flow from key frames, so that errors add up over key frames only, not over frames.
A camera that travels is taken for one that turns: for a background that is far away the difference is small.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.optimize import least_squares, minimize_scalar
from scipy.spatial.transform import Rotation

WIDTH = 640
"""Pictures are followed at this width [px]; all distances below are in its pixels."""
CORNERS = 400
"""Corners of the background that are followed at most."""
FEWEST = 25
"""With fewer corners than this there is no telling what the camera does."""
BORDER = 0.15
"""The people's boxes are widened by so much of their longer side: hair, clothes and shadows move with them."""
THERE_AND_BACK = 0.7
"""A corner followed to a picture and back must return to within this [px]."""
INLIER = 2.0
"""Corners that a homography leaves further off than this belong to something else that moves [px]."""
AGREE = 0.5
"""Least share of the corners that must move as one picture, else the frame tells nothing."""
AT_REST = 1.0
"""A corner that has moved by less than this since the first frame is at rest [px]."""
AT_REST_SHARE = 0.3
"""With this share of the corners at rest the camera is, whatever the others (leaves, water, people) do."""
STILL = 3.0
"""A camera whose picture hardly ever moves by more than this stands still; at 4 m that is 2 cm [px]."""
KEY_OVERLAP = 0.35
"""With less than this share of its corners left, a key frame hands over to the next."""
NOMINAL_FOV = 50.0
"""Along the longer side, for cameras that turn too little to tell their own [degrees]."""
FOV_RANGE = (20.0, 100.0)
TELLING_TURN = 0.12
"""A turn between two pictures that shows the lens: the picture has moved by so much of its longer side."""
TELLING_GAIN = 0.9
"""The best lens must bring the misfit below this share of the nominal one's to be believed."""


@dataclass(frozen=True)
class CameraMotion:
    """How the camera of each frame is turned and zoomed against the camera of the first frame.

    With x_first a point in the first camera's axes (x right, y down, z away from the camera), it appears in frame t at

        x_t = R[t] x_first,    xy_px = focal_px zoom[t] x_t[:2] / x_t[2] + image centre.

    So a world fixed to the first camera is fixed for all frames, and a reconstruction that places each frame's motion
    in its own camera's axes moves it into the first camera's by R[t].T.
    """

    R: np.ndarray
    """Rotation from the first camera's axes to those of frame t, R[0] = 1, (T, 3, 3)."""
    zoom: np.ndarray
    """Focal length over that of the first frame, zoom[0] = 1, (T,)."""
    focal_px: float
    """Focal length of the first frame that `R` and `zoom` hold for [px]."""
    focal_measured: bool
    """Whether the turning showed it; otherwise it is of a nominal lens of 50 degrees."""

    def __post_init__(self) -> None:
        frames = len(self.zoom)
        if self.R.shape != (frames, 3, 3) or self.zoom.shape != (frames,):
            raise ValueError(f"CameraMotion: R {self.R.shape}, zoom {self.zoom.shape}, expected (T, 3, 3) and (T,)")
        if not (np.isfinite(self.R).all() and (np.isfinite(self.zoom) & (self.zoom > 0)).all() and self.focal_px > 0):
            raise ValueError("CameraMotion: holds NaN, infinity, or a zoom or focal length that is not positive")

    def __len__(self) -> int:
        return len(self.zoom)

    def for_focal(self, focal_px: float) -> "CameraMotion":
        """The same movement of the picture under another lens.

        From frame to frame turns are small, so that the picture moves by focal length times angle.
        """
        step = Rotation.from_matrix(self.R[1:] @ np.swapaxes(self.R[:-1], 1, 2)).as_rotvec()
        step[:, :2] *= self.focal_px / focal_px
        R = [np.eye(3)]
        for turn in Rotation.from_rotvec(step).as_matrix():
            R.append(turn @ R[-1])
        return CameraMotion(np.stack(R), self.zoom, focal_px, False)

    def largest_turn(self) -> float:
        """Widest angle between the view axes of two frames [rad]."""
        axes = self.R[:, 2]
        return float(np.arccos(np.clip((axes @ axes.T).min(), -1.0, 1.0)))


def follow_camera(images: Iterable[np.ndarray], people_px: list[np.ndarray]) -> CameraMotion | None:
    """Turn and zoom of the camera in every frame; None for a camera that stands still.

    A frame that does not tell (blur, a bare wall) takes the motion of its neighbours in time.

    Args:
      images: the T frames, uint8 (H, W, 3) RGB, all of one size.
      people_px: boxes that hold no background in each frame, (left, top, right, bottom) [px], T arrays (N, 4).

    Returns:
      None as well where the background shows too little to follow.
    """
    matches, size = _followed(images, people_px)
    told = np.array([match is not None for match in matches])
    if told.sum() < 2 or told.mean() < AGREE:
        return None
    scale = WIDTH / size[0]
    side = max(WIDTH, size[1] * scale)
    nominal = _focal(NOMINAL_FOV, side)
    _, zoom = _chained(matches, nominal)
    focal, measured = _lens([(match, zoom[match.key]) for match in matches if match is not None], nominal, side)
    R, zoom = _between(*_chained(matches, focal), told)
    corners = np.array([[x, y] for x in (-0.5, 0.5) for y in (-0.5, 0.5)]) * np.array(size) * scale
    turned = np.column_stack([corners / focal, np.ones(4)]) @ np.swapaxes(R, 1, 2)
    moved = focal * zoom[:, None, None] * turned[..., :2] / turned[..., 2:]
    # A few frames may mislead: the first one of a stream is compressed unlike the others.
    if np.percentile(np.linalg.norm(moved - corners, axis=-1).max(axis=1), 95) < STILL:
        return None
    return CameraMotion(R, zoom, focal / scale, measured)


@dataclass(frozen=True)
class _Match:
    """Corners of a key frame found again in another frame, about the image centre [px of `WIDTH`]."""

    key: int
    first: np.ndarray
    """In the key frame, (N, 2)."""
    second: np.ndarray
    """In the other, (N, 2)."""

    @property
    def shift(self) -> float:
        return float(np.median(np.linalg.norm(self.second - self.first, axis=1))) if len(self.first) else 0.0


def _followed(images: Iterable[np.ndarray], people_px: list[np.ndarray]) -> tuple[list[_Match | None], tuple[int, int]]:
    """Each frame's match with a key frame, and the pictures' size."""
    matches = list[_Match | None]()
    size = (0, 0)
    key, key_gray, key_corners = 0, np.zeros(0), np.zeros((0, 2), np.float32)
    last, last_gray, last_people = 0, np.zeros(0), np.zeros((0, 4))
    since_key = np.eye(3)  # homography from the key frame to the last frame that told
    for t, (image, people) in enumerate(zip(images, people_px, strict=True)):
        size = (image.shape[1], image.shape[0])
        scale = WIDTH / size[0]
        small = cv2.resize(image, (WIDTH, round(size[1] * scale)), interpolation=cv2.INTER_AREA)
        gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        people = people * scale
        if t == 0:
            key_gray = last_gray = gray
            key_corners, last_people = _corners(gray, people), people
            matches.append(_Match(0, np.zeros((0, 2)), np.zeros((0, 2))))
            continue
        match, moved = _matched(key, key_gray, gray, key_corners, since_key, people)
        if last != key and (match is None or len(match.first) < KEY_OVERLAP * len(key_corners)):
            corners = _corners(last_gray, last_people)
            handed = _matched(last, last_gray, gray, corners, np.eye(3), people)
            if handed[0] is not None:
                key, key_gray, key_corners = last, last_gray, corners
                match, moved = handed
        matches.append(match)
        if match is not None:
            since_key, last, last_gray, last_people = moved, t, gray, people
    centre = np.array([WIDTH, size[1] * WIDTH / max(size[0], 1)]) / 2
    return [m and _Match(m.key, m.first - centre, m.second - centre) for m in matches], size


def _matched(
    key: int, key_gray: np.ndarray, gray: np.ndarray, corners: np.ndarray, guess: np.ndarray, people: np.ndarray
) -> tuple[_Match | None, np.ndarray]:
    """The corners that move as one picture, and by which homography; None where too few do."""
    if len(corners) < FEWEST:
        return None, guess
    expected = cv2.perspectiveTransform(corners[:, None], guess)[:, 0].astype(np.float32)
    moved, found = _flow(key_gray, gray, corners, expected, people)
    if found.sum() < FEWEST:
        return None, guess
    first = corners[found].astype(float)
    if (np.linalg.norm(moved[found] - first, axis=1) < AT_REST).mean() >= AT_REST_SHARE:
        return _Match(key, first, first), np.eye(3)
    homography, inlier = cv2.findHomography(corners[found], moved[found], cv2.USAC_MAGSAC, INLIER)
    if homography is None or inlier.sum() < max(FEWEST, AGREE * found.sum()):
        return None, guess
    kept = np.flatnonzero(found)[inlier.ravel() > 0]
    return _Match(key, corners[kept].astype(float), moved[kept].astype(float)), homography


def _corners(gray: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Corners of the background, float32 (N, 2); spread over the picture, so that no one thing decides."""
    mask = np.full(gray.shape, 255, np.uint8)
    for box in _widened(people):
        left, top, right, bottom = np.round(box).astype(int)
        mask[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = 0
    corners = cv2.goodFeaturesToTrack(gray, CORNERS, 0.03, 10, mask=mask)
    return np.zeros((0, 2), np.float32) if corners is None else corners[:, 0]


def _flow(
    before: np.ndarray, after: np.ndarray, corners: np.ndarray, expected: np.ndarray, people: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where corners have moved to (N, 2), and which were surely found again outside of the people, bool (N,)."""
    if len(corners) == 0:
        return corners, np.zeros(0, dtype=bool)
    window = {"winSize": (21, 21), "maxLevel": 3}
    flags = cv2.OPTFLOW_USE_INITIAL_FLOW
    moved, there, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, expected.copy(), flags=flags, **window)
    back, again, _ = cv2.calcOpticalFlowPyrLK(after, before, moved, corners.copy(), flags=flags, **window)
    found = (there.ravel() > 0) & (again.ravel() > 0) & (np.linalg.norm(back - corners, axis=1) < THERE_AND_BACK)
    height, width = after.shape
    found &= ((moved >= 0) & (moved < (width, height))).all(axis=1)
    for left, top, right, bottom in _widened(people):
        found &= ~((moved > (left, top)) & (moved < (right, bottom))).all(axis=1)
    return moved, found


def _widened(people: np.ndarray) -> np.ndarray:
    side = np.maximum(people[:, 2] - people[:, 0], people[:, 3] - people[:, 1])[:, None]
    return people + BORDER * side * np.array([-1.0, -1.0, 1.0, 1.0])


def _chained(matches: list[_Match | None], focal: float) -> tuple[np.ndarray, np.ndarray]:
    """Turn (T, 3, 3) and zoom (T,) against the first frame, from those against key frames; 1 where nothing told."""
    R, zoom = np.tile(np.eye(3), (len(matches), 1, 1)), np.ones(len(matches))
    for t, match in enumerate(matches):
        if match is not None and match.key != t:
            turn, more, _ = _turn_and_zoom(match, focal * zoom[match.key])
            R[t], zoom[t] = turn @ R[match.key], more * zoom[match.key]
    return R, zoom


def _lens(matches: list[tuple[_Match, float]], nominal: float, side: float) -> tuple[float, bool]:
    """Focal length [px] at which turns and zooms explain the pictures best; the nominal one where they do not tell.

    Each match comes with the zoom of its key frame.
    """
    telling = sorted((pair for pair in matches if pair[0].shift > TELLING_TURN * side), key=lambda pair: -pair[0].shift)
    if not telling:
        return nominal, False

    def misfit(log_focal: float) -> float:
        return sum(_turn_and_zoom(match, zoom * float(np.exp(log_focal)))[2] for match, zoom in telling[:10])

    bounds = sorted(np.log(_focal(fov, side)) for fov in FOV_RANGE)
    found = minimize_scalar(misfit, bounds=tuple(bounds), method="bounded", options={"xatol": 0.01})
    at_the_end = min(abs(found.x - bound) for bound in bounds) < 0.05
    if at_the_end or (found.fun > TELLING_GAIN * misfit(np.log(nominal)) and abs(found.x - np.log(nominal)) > 0.1):
        return nominal, False
    return float(np.exp(found.x)), True


def _turn_and_zoom(match: _Match, focal: float) -> tuple[np.ndarray, float, float]:
    """Rotation and zoom that lay the key frame's corners onto the frame's, and the misfit that is left [px]."""
    rays = np.column_stack([match.first / focal, np.ones(len(match.first))])

    def residual(x: np.ndarray) -> np.ndarray:
        turned = rays @ Rotation.from_rotvec(x[:3]).as_matrix().T
        return (focal * np.exp(x[3]) * turned[:, :2] / np.maximum(turned[:, 2:], 0.05) - match.second).ravel()

    found = least_squares(residual, np.zeros(4), loss="soft_l1", f_scale=0.5)
    misfit = float(np.sqrt(2 * found.cost / len(match.first)))
    return Rotation.from_rotvec(found.x[:3]).as_matrix(), float(np.exp(found.x[3])), misfit


def _between(R: np.ndarray, zoom: np.ndarray, told: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames that told nothing, from their neighbours in time."""
    frames, known = np.arange(len(zoom)), np.flatnonzero(told)
    vectors = Rotation.from_matrix(R[known]).as_rotvec()
    filled = np.stack([np.interp(frames, known, column) for column in vectors.T], axis=1)
    return Rotation.from_rotvec(filled).as_matrix(), np.exp(np.interp(frames, known, np.log(zoom[known])))


def _focal(fov: float, side: float) -> float:
    return side / 2 / np.tan(np.radians(fov) / 2)
