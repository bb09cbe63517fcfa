"""Corners of the background, followed from frame to frame: what a moving camera is reconstructed from."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from pose.camera.corner_tracking import WIDTH, mask_people, shrink, track_there_and_back

MOST = 450
"""Most corners that are followed at a time."""
SPACING = 11
"""Least distance between corners when they are chosen [px at `WIDTH`]."""
CELLS = (4, 6)
"""Rows and columns of the picture in each of which corners are chosen, so that they lie all over it."""
QUALITY, LEAST_QUALITY = 0.02, 3e-5
"""Least quality of a corner (Shi and Tomasi 1994): relative to the best one of its cell, and by itself, below which it
is noise."""
KEY_SHIFT, LARGEST_SHIFT = 14.0, 224.0
"""Median motion of the corners after which the next key frame is chosen, at first and at most [px at `WIDTH`]."""
MOST_KEYS, MOST_SIGHTS = 160, 100_000_000
"""Key frames that are adjusted all together, and frames times corners that two of them see: memory grows with these."""
KEY_LEFT = 0.7
"""Share of a key frame's corners below which the next key frame is chosen, while they are `KEY_SHIFT` apart."""
LEFT_THINNED = 0.4
"""The same once they are further apart, where more corners leave the picture in between."""


@dataclass(frozen=True)
class Tracks:
    """Where N corners are seen in T frames; NaN where they are not."""

    xy: np.ndarray
    """Relative to the image's centre [px at `WIDTH`], (T, N, 2), float32."""
    keys: np.ndarray
    """Key frames, the first and the last frame among them, (K,)."""
    scale: float
    """`WIDTH` over the images' width."""
    side: float
    """The images' longer side [px at `WIDTH`]."""
    whole: bool = True
    """Whether all images were followed, not only those up to `LARGEST_SHIFT` and `MOST_SIGHTS`."""

    @property
    def seen(self) -> np.ndarray:
        """Whether a corner is seen in a frame, bool (T, N)."""
        return np.isfinite(self.xy[..., 0])


@dataclass
class KeyFrames:
    """Key frames as they are chosen, one after the other.

    At first they are `KEY_SHIFT` apart. Whenever there are `MOST_KEYS`, every other one is left out and the next are
    twice as far apart: pictures that share fewer corners see more parallax, and all can still be adjusted together.
    """

    frames: list[int] = field(default_factory=lambda: [0])
    """Their numbers in the film; the first frame is one."""
    shift: float = KEY_SHIFT
    """How far corners move until the next one [px]."""
    left: float = KEY_LEFT
    """Share of the last one's corners that the next one still sees."""

    def is_due(self, moved: float, shared: int, count: int) -> bool:
        """Whether a frame becomes the next one; where there are too many by then, they are thinned out.

        Args:
          moved: median way of the corners that it shares with the last key frame [px].
          shared: how many it shares.
          count: how many the last key frame had.
        """
        due = moved > self.shift or shared < self.left * count
        if due and len(self.frames) == MOST_KEYS:
            self.frames, self.shift, self.left = self.frames[::2], 2.0 * self.shift, LEFT_THINNED
        return due


def track_background(images: Iterable[np.ndarray], people_px: list[np.ndarray]) -> Tracks:
    """Follows corners outside of people by optical flow, and replaces those that are lost.

    It ends where key frames would be more than `LARGEST_SHIFT` apart, or at `MOST_SIGHTS`.

    Args:
      images: the T frames, uint8 (H, W, 3) RGB, all of one size.
      people_px: boxes that hold no background in each frame, (left, top, right, bottom) [px], T arrays (N, 4).
    """
    sights = list[tuple[np.ndarray, np.ndarray]]()  # of each frame: corner numbers, places
    keys, count = KeyFrames(), 0
    numbers, places, before = np.zeros(0, dtype=int), np.zeros((0, 2), np.float32), np.zeros((0, 0), np.uint8)
    key_numbers, key_places = numbers, places
    size = (1, 1)
    for t, (image, people) in enumerate(zip(images, people_px, strict=False)):
        size = (image.shape[1], image.shape[0])
        gray = shrink(image)
        mask = mask_people(gray.shape, people * WIDTH / size[0])
        if t > 0:
            places, found = _follow(before, gray, places, mask)
            numbers, places = numbers[found], places[found]
        shared, mine, theirs = np.intersect1d(numbers, key_numbers, return_indices=True)
        moved = np.median(np.linalg.norm(places[mine] - key_places[theirs], axis=1)) if len(shared) else np.inf
        if t == 0 or keys.is_due(float(moved), len(shared), len(key_numbers)):
            lasting = _find_lasting(sights, count, keys.frames)
            if keys.shift > LARGEST_SHIFT or len(sights) * lasting.sum() > MOST_SIGHTS:
                return replace(_gather(sights, count, keys.frames, size), whole=False)
            fresh = _find_more(gray, mask, places)
            numbers = np.concatenate([numbers, count + np.arange(len(fresh))])
            places, count = np.concatenate([places, fresh]), count + len(fresh)
            key_numbers, key_places = numbers, places
            if t > 0:
                keys.frames.append(t)
        sights.append((numbers, places))
        before = gray
    return _gather(sights, count, keys.frames, size)


def _find_lasting(sights: list[tuple[np.ndarray, np.ndarray]], count: int, keys: list[int]) -> np.ndarray:
    """Which corners at least two key frames see, bool (count,): the others are of no use."""
    seen = [sights[key][0] for key in keys if key < len(sights)]
    return np.asarray(np.bincount(np.concatenate([*seen, np.zeros(0, dtype=int)]), minlength=count) >= 2)


def _gather(sights: list[tuple[np.ndarray, np.ndarray]], count: int, keys: list[int], size: tuple[int, int]) -> Tracks:
    scale = WIDTH / size[0]
    if keys[-1] != len(sights) - 1:
        keys = [*keys, len(sights) - 1]
    keys_array = np.array(keys)
    # Most corners are lost before they are of use: what is dense would be large with them.
    long = _find_lasting(sights, count, keys)
    xy, column = np.full((len(sights), int(long.sum()), 2), np.nan, np.float32), np.cumsum(long) - 1
    for t, (numbers, places) in enumerate(sights):
        xy[t, column[numbers[long[numbers]]]] = places[long[numbers]]
    xy -= np.array([WIDTH, round(size[1] * scale)], np.float32) / 2
    return Tracks(xy, keys_array, scale, max(WIDTH, size[1] * scale))


def _find_more(gray: np.ndarray, mask: np.ndarray, places: np.ndarray) -> np.ndarray:
    """New corners where there are none yet, float32 (N, 2)."""
    free = mask.copy()
    for x, y in places:
        cv2.circle(free, (round(float(x)), round(float(y))), SPACING, 0, -1)
    rows, columns = (np.linspace(0, length, n + 1).astype(int) for length, n in zip(gray.shape, CELLS, strict=True))
    column, row = (np.searchsorted(edges, places[:, i], side="right") - 1 for i, edges in ((0, columns), (1, rows)))
    each, strength, found = MOST // (CELLS[0] * CELLS[1]), cv2.cornerMinEigenVal(gray, 3), list[np.ndarray]()
    for r in range(CELLS[0]):
        for c in range(CELLS[1]):
            wanted = each - int(((row == r) & (column == c)).sum())
            part = (slice(rows[r], rows[r + 1]), slice(columns[c], columns[c + 1]))
            if wanted > 0 and free[part].any():
                corners = cv2.goodFeaturesToTrack(gray[part], wanted, QUALITY, SPACING, mask=free[part])
                if corners is not None:
                    found.append(corners[:, 0] + np.array([columns[c], rows[r]], np.float32))
    if not found:
        return np.zeros((0, 2), np.float32)
    fresh = np.concatenate(found)
    x, y = np.round(fresh).astype(int).T
    return fresh[strength[y, x] > LEAST_QUALITY]


def _follow(
    before: np.ndarray, after: np.ndarray, places: np.ndarray, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where corners are in the next frame, and which were found there and back outside of people."""
    if len(places) == 0:
        return places, np.zeros(0, dtype=bool)
    moved, found = track_there_and_back(before, after, places, places)
    height, width = after.shape
    found &= ((moved >= 1) & (moved < (width - 2, height - 2))).all(axis=1)
    x, y = np.round(moved[found]).astype(int).T
    found[found] = mask[y, x] > 0
    return moved, found
