"""Which parts of the body rest on the ground in which frame, found from the motion itself."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ContactThresholds:
    """When a point counts as resting on the ground. Two limits each: one to begin a contact, a looser one to end it."""

    height: tuple[float, float] = (0.04, 0.07)
    """Height above the ground [m]."""
    speed: tuple[float, float] = (0.5, 0.9)
    """Speed of the point [m/s]. Mocap walking: heels and toes in stance stay below 0.3, in swing they pass 2."""
    shortest: float = 0.05
    """Contacts shorter than this [s] are taken for noise."""
    gap: float = 0.07
    """Gaps shorter than this [s] within a contact are closed."""


def find_contacts(
    points_w: np.ndarray, fps: float, thresholds: ContactThresholds | None = None, ground_velocity: np.ndarray | None = None
) -> np.ndarray:
    """Points that are low and slow, with hysteresis in both and short gaps closed.

    Args:
      points_w: points on the surface of the body, world frame with the ground at z = 0 [m], (T, P, 3).
      fps: frames a second.
      thresholds: limits to begin and to end a contact.
      ground_velocity: horizontal velocity of the ground [m/s], (2,): not zero on a treadmill.

    Returns:
      bool (T, P).
    """
    limits = thresholds or ContactThresholds()
    velocity = np.gradient(points_w, 1.0 / fps, axis=0) if len(points_w) > 1 else np.zeros_like(points_w)
    if ground_velocity is not None:
        velocity[..., :2] -= ground_velocity
    speed = np.linalg.norm(velocity, axis=-1)
    height = points_w[..., 2]
    surely = (height < limits.height[0]) & (speed < limits.speed[0])
    perhaps = (height < limits.height[1]) & (speed < limits.speed[1])
    contact = np.stack([grown(surely[:, p], perhaps[:, p]) for p in range(points_w.shape[1])], axis=1)
    return tidied(contact, round(limits.shortest * fps), round(limits.gap * fps))


def grown(surely: np.ndarray, perhaps: np.ndarray) -> np.ndarray:
    """Hysteresis: the runs of `perhaps` that hold at least one frame of `surely`, bool (T,)."""
    result = np.zeros_like(perhaps)
    for start, end in runs(perhaps):
        if surely[start:end].any():
            result[start:end] = True
    return result


def tidied(contact: np.ndarray, shortest: int, gap: int) -> np.ndarray:
    """Gaps of up to `gap` frames closed, then runs below `shortest` frames dropped; those at the clip's ends are kept.

    Args:
      contact: bool (T, P).
    """
    result = contact.copy()
    frames = len(contact)
    for column in result.T:
        for start, end in runs(~column):
            if 0 < start and end < frames and end - start <= gap:
                column[start:end] = True
        for start, end in runs(column):
            if 0 < start and end < frames and end - start < shortest:
                column[start:end] = False
    return result


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Half-open intervals [start, end) in which `flags` (T,) holds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def part_contacts(point_contacts: np.ndarray, parts: dict[str, tuple[str, ...]]) -> np.ndarray:
    """A part touches the ground when one of its points does; points in the order of `parts`, (T, P) -> (T, C)."""
    columns, first = [], 0
    for sites in parts.values():
        columns.append(point_contacts[:, first : first + len(sites)].any(axis=1))
        first += len(sites)
    return np.stack(columns, axis=1)
