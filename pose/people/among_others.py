"""One of several people who are all followed: what is known of the others, and pictures without them."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pose.estimator import Poses
from pose.people.prominence import Choice
from pose.people.silhouettes import GREY, draw_limbs

HIDDEN = 1.6
"""Thickness of the limbs of others that are painted over, relative to a dressed one's."""


@dataclass(frozen=True, kw_only=True)
class AmongOthers(Choice):
    """One of several people, each of whom is known in many frames already."""

    own: np.ndarray
    """Landmarks of the person, NaN where not known [px], (T, J, 2)."""
    others: tuple[np.ndarray, ...]
    """Those of the others, (T, J, 2) each."""

    def find_own(self, frames: list[Poses]) -> np.ndarray:
        """Landmarks of the person, NaN where not known [px], (T, J, 2)."""
        return self.own

    def find_others(self, frames: list[Poses]) -> list[np.ndarray]:
        """Landmarks of the other people in each frame [px], T arrays (N, J, 2)."""
        return [self._find_others_at(t) for t in range(len(frames))]

    def show_only(self, t: int, image: np.ndarray) -> np.ndarray:
        """The image of frame `t`; where the person is not known, without the others.

        They may hide the person, and in a crop that shows both the detector would find the one in front again.
        """
        others = self._find_others_at(t)
        if np.isfinite(self.own[t]).all() or len(others) == 0:
            return image
        hidden = np.any([draw_limbs(xy, image.shape[:2], HIDDEN) for xy in others], axis=0)
        return np.where(hidden[..., None], np.uint8(GREY), image)

    def _find_others_at(self, t: int) -> np.ndarray:
        bodies = np.array([xy[t] for xy in self.others]).reshape(-1, *self.own.shape[1:])
        return bodies[np.isfinite(bodies).all(axis=(1, 2))]


def fill_gaps(bodies: np.ndarray, step: int) -> np.ndarray:
    """Bodies that were looked for in every `step`-th frame, interpolated between, NaN where not known, (T, J, 2).

    Without, nothing would tell in the frames between that a body which a crop shows is one of the others.

    Args:
      bodies: landmarks, NaN where not seen [px], (T, J, 2).
      step: gaps of up to two of it are filled; before the first sighting and after the last one a body stays for less
        than one.
    """
    filled = bodies.copy()
    seen = np.flatnonzero(np.isfinite(bodies).all(axis=(1, 2))).tolist()
    for before, after in pairwise(seen):
        if after - before <= 2 * step:
            share = np.linspace(0.0, 1.0, after - before + 1)[1:-1, None, None]
            filled[before + 1 : after] = bodies[before] + share * (bodies[after] - bodies[before])
    if seen:
        filled[max(0, seen[0] - step + 1) : seen[0]] = bodies[seen[0]]
        filled[seen[-1] + 1 : seen[-1] + step] = bodies[seen[-1]]
    return filled
