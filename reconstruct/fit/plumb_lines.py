"""The camera's tilt by vertical lines of the background, which meet where the vertical points.

Edges of walls, doors and posts are plumb, whatever the body does: where there are enough of them they show pitch and
roll to a degree or so, of which the body's balance knows some 4 and 2.5.
"""

from dataclasses import dataclass

import numpy as np

from reconstruct.camera import View

PITCHES, ROLLS = np.radians(np.arange(-40.0, 40.5, 1.0)), np.radians(np.arange(-15.0, 15.5, 0.5))
"""Tilts that are tried first [rad]."""
FINER = np.radians([0.5, 0.25, 0.1, 0.05])
"""Steps of the search about the best of them [rad]."""
LINE_SIGMA = np.radians(0.7)
"""Standard deviation of a line's direction [rad]: of the detector, the lens and what is built."""
LONG = 0.25
"""Length over the picture's longer side from which a line counts as one independent witness; shorter ones less."""
LENS_SIGMA = 0.12
"""Standard deviation of the logarithm of the lens's focal length: pitch is measured in units of it."""
LEAST = np.radians([1.0, 0.5])
"""Least standard deviations of pitch and roll [rad]: buildings and lenses are no plumb lines."""
FEWEST, MOSTLY = 4, 0.4
"""Lines that must agree, and their share of the length of all."""
CONTRADICTS = 3.5
"""Standard deviations by which balance and lines may differ: beyond, one of them is wrong."""
SURE = 12
"""Lines that agree, from which on it is the balance that is wrong: of somebody who leans back on a chair, say."""


@dataclass(frozen=True)
class Plumb:
    """What vertical lines say of the camera."""

    tilt: np.ndarray
    """Pitch and roll [rad], (2,)."""
    sigma: np.ndarray
    """Their standard deviations [rad], (2,)."""
    count: int = FEWEST
    """Lines that agree."""

    def contradicts(self, tilt: np.ndarray, sigma: np.ndarray) -> bool:
        """Whether another estimate of the tilt is so far away that one of them is wrong; arrays as in `put_in`."""
        return bool((np.abs(self.tilt - tilt) > CONTRADICTS * np.hypot(sigma, self.sigma)).any())

    @property
    def is_sure(self) -> bool:
        """Whether so many lines agree that they are plumb even where the body's balance contradicts."""
        return self.count >= SURE

    def put_in(self, tilt: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Another estimate, pitch and roll (2,) with their standard deviations (2,) [rad], together with this one."""
        weight, more = 1.0 / np.square(sigma), 1.0 / np.square(self.sigma)
        return (weight * tilt + more * self.tilt) / (weight + more), 1.0 / np.sqrt(weight + more)

    def take_out(self, tilt: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The inverse of `put_in`."""
        weight, less = 1.0 / np.square(sigma), 1.0 / np.square(self.sigma)
        return (weight * tilt - less * self.tilt) / (weight - less), 1.0 / np.sqrt(weight - less)


def find_plumb(lines: np.ndarray | None, image_size: tuple[int, int], focal_px: float) -> Plumb | None:
    """Finds the tilt with which most lines are vertical; None if too few agree.

    A line of the ground that goes away from the camera may look vertical, too, but it meets others at the horizon. So
    the search is for the one direction that lines point in, by the sum of Gaussians of their errors, weighted by
    length; those that are off count for nothing.

    Args:
      lines: upper and lower ends (x, y, x, y) [px], (N, 4); None for none.
      image_size: width and height [px].
      focal_px: focal length of the lens [px].
    """
    if lines is None or len(lines) < FEWEST:
        return None
    upper, lower = (lines[:, part] - 0.5 * np.array(image_size) for part in (slice(0, 2), slice(2, 4)))
    middle, along = 0.5 * (upper + lower), lower - upper
    length = np.linalg.norm(along, axis=1)
    witness = np.minimum(length / (LONG * max(image_size)), 1.0)
    along /= length[:, None]

    def measure_errors(pitch: float, roll: float) -> np.ndarray:
        down = -View(pitch, roll, 0.0, 0.0).rotation()[:, 2]
        plumb = focal_px * down[:2] - middle * down[2]
        plumb /= np.linalg.norm(plumb, axis=1, keepdims=True)
        return np.arcsin(np.clip(along[:, 0] * plumb[:, 1] - along[:, 1] * plumb[:, 0], -1.0, 1.0))

    def score(pitch: float, roll: float) -> float:
        return float(witness @ np.exp(-0.5 * np.square(measure_errors(pitch, roll) / LINE_SIGMA)))

    pitch, roll = max(((p, r) for p in PITCHES.tolist() for r in ROLLS.tolist()), key=lambda tilt: score(*tilt))
    for step in FINER.tolist():
        near = [(pitch + step * i, roll + step * j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        pitch, roll = max(near, key=lambda tilt: score(*tilt))
    agree = np.abs(measure_errors(pitch, roll)) < 2.0 * LINE_SIGMA
    if agree.sum() < FEWEST or length[agree].sum() < MOSTLY * length.sum():
        return None
    h = 1e-4
    by_pitch = (measure_errors(pitch + h, roll) - measure_errors(pitch - h, roll)) / (2.0 * h)
    by_roll = (measure_errors(pitch, roll + h) - measure_errors(pitch, roll - h)) / (2.0 * h)
    slopes = np.stack([by_pitch, by_roll], axis=1)[agree]
    information = slopes.T @ (witness[agree, None] * slopes) / LINE_SIGMA**2
    known = np.sqrt(np.diag(np.linalg.inv(information + np.eye(2))))  # at worst 1 rad
    sigma = np.hypot(np.hypot(known, LEAST), [LENS_SIGMA * pitch, 0.0])
    return Plumb(np.array([pitch, roll]), sigma, int(agree.sum()))


def weigh_tilt(
    tilt: np.ndarray, balance: float, usual: np.ndarray, plumb: Plumb | None
) -> tuple[np.ndarray, np.ndarray, Plumb | None]:
    """Pitch and roll by the body's balance, the usual tilt of cameras and, where there are any, vertical lines.

    Args:
      tilt: by balance and the usual tilt [rad], (2,).
      balance: standard deviation of balance alone [rad].
      usual: standard deviations of the usual tilt, which is none [rad], (2,).
      plumb: by lines.

    Returns:
      The tilt (2,), its standard deviations (2,) [rad], and the lines that it was taken from. If balance and lines
      contradict each other, many lines are right, and few are wrong.
    """
    sigma = balance * usual / np.hypot(balance, usual)
    if plumb is not None and plumb.contradicts(tilt, sigma):
        plumb, tilt, sigma = (plumb, np.zeros(2), usual) if plumb.is_sure else (None, tilt, sigma)
    if plumb is not None:
        tilt, sigma = plumb.put_in(tilt, sigma)
    return tilt, sigma, plumb
