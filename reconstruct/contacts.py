"""Which points of feet and hands rest on the ground in which frame, found from the motion itself."""

from dataclasses import dataclass

import numpy as np

from reconstruct.camera import View
from reconstruct.characters.character import Character
from reconstruct.kinematics import BodyPoints


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
    same_place: tuple[float, float] = (0.3, 0.04)
    """Length of a gap [s], and distance of a point from where it was [m], up to which the gap is closed."""


def find_contacts(
    points_w: np.ndarray,
    fps: float,
    thresholds: ContactThresholds | None = None,
    ground_velocity: np.ndarray | None = None,
    doubt: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Points that are low and slow, with hysteresis in both and short gaps closed.

    Args:
      points_w: points on the surface of the body, world frame with the ground at z = 0 [m], (T, P, 3).
      fps: frames a second.
      thresholds: limits to begin and to end a contact.
      ground_velocity: horizontal velocity of the ground [m/s], (2,): not zero on a treadmill.
      doubt: factor on the limits of height, of each point (P,).

    Returns:
      bool (T, P).
    """
    limits = thresholds or ContactThresholds()
    velocity = np.gradient(points_w, 1.0 / fps, axis=0) if len(points_w) > 1 else np.zeros_like(points_w)
    if ground_velocity is not None:
        velocity[..., :2] -= ground_velocity
    speed = np.linalg.norm(velocity, axis=-1)
    height = points_w[..., 2] / doubt
    surely = (height < limits.height[0]) & (speed < limits.speed[0])
    perhaps = (height < limits.height[1]) & (speed < limits.speed[1])
    contact = np.stack([grow_contacts(surely[:, p], perhaps[:, p]) for p in range(points_w.shape[1])], axis=1)
    ground = np.zeros(2) if ground_velocity is None else np.asarray(ground_velocity)
    on_ground = points_w[..., :2] - np.arange(len(points_w))[:, None, None] / fps * ground
    for p in range(points_w.shape[1]):
        for start, end in find_inner_runs(~contact[:, p]):
            back = np.linalg.norm(on_ground[end, p] - on_ground[start - 1, p]) < limits.same_place[1]
            low = height[start:end, p].max() < limits.height[1]
            if back and low and end - start <= limits.same_place[0] * fps:
                contact[start:end, p] = True
    return clean_contacts(contact, round(limits.shortest * fps), round(limits.gap * fps))


def grow_contacts(surely: np.ndarray, perhaps: np.ndarray) -> np.ndarray:
    """Hysteresis: the runs of `perhaps` that hold at least one frame of `surely`, bool (T,)."""
    result = np.zeros_like(perhaps)
    for start, end in find_runs(perhaps):
        if surely[start:end].any():
            result[start:end] = True
    return result


def clean_contacts(contact: np.ndarray, shortest: int, gap: int) -> np.ndarray:
    """Gaps of up to `gap` frames closed, then runs below `shortest` frames dropped; those at the clip's ends are kept.

    Args:
      contact: bool (T, P).
    """
    result = contact.copy()
    for column in result.T:
        for start, end in find_inner_runs(~column):
            if end - start <= gap:
                column[start:end] = True
        for start, end in find_inner_runs(column):
            if end - start < shortest:
                column[start:end] = False
    return result


def find_runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Half-open intervals [start, end) in which `flags` (T,) holds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def find_inner_runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """The `find_runs` that neither begin with the clip nor end with it."""
    return [(start, end) for start, end in find_runs(flags) if start > 0 and end < len(flags)]


def contact_points(character: Character, feet_only: bool = False) -> BodyPoints:
    """The sites that may touch the ground, part after part in the order of `character.contacts`."""
    names = tuple(site for sites in character.contacts.values() for site in sites)
    points = BodyPoints.of_sites(character.model, names)
    if not feet_only:
        return points
    feet = np.isin(points.bodies, [character.model.body(name).id for name in character.foot_bodies])
    return points[feet]


def foot_slide(now: np.ndarray, before: np.ndarray, bears: np.ndarray) -> np.ndarray:
    """How far feet slide along the ground between two moments [m], (N,); infinite for a foot that bears nothing.

    Of a foot that rolls or pivots, the end that rests counts.

    Args:
      now: points of the soles, world [m], (N, S, 3).
      before: the same a moment ago.
      bears: which of them bore in both, bool (N, S).
    """
    return np.where(bears, np.linalg.norm((now - before)[..., :2], axis=-1), np.inf).min(axis=1)


def part_contacts(point_contacts: np.ndarray, parts: dict[str, tuple[str, ...]]) -> np.ndarray:
    """A part touches the ground when one of its points does; points in the order of `parts`, (T, P) -> (T, C)."""
    columns, first = [], 0
    for sites in parts.values():
        columns.append(point_contacts[:, first : first + len(sites)].any(axis=1))
        first += len(sites)
    return np.stack(columns, axis=1)


HAND_DOUBT = 1.75
"""Factor on the limits of height for hands: their pose and the arms' length are known less well than those of feet."""
LOW = 0.1
"""Height above the lowest point up to which points may be on the ground [m]."""
MISFIT = 1.5
"""Error of a velocity beyond which a larger one counts no more [m/s]."""
SLOWEST_GROUND = 0.5
"""Speed below which moving ground is taken for ground at rest [m/s]."""


def find_ground_velocity(points_w: np.ndarray, view: View, fps: float) -> tuple[float, float]:
    """Velocity of the ground [m/s] if it moves under the person, as on a treadmill or before a camera that follows.

    In nearly every frame some low point of the body goes with the ground. Among the velocities of low points this is
    the one that explains most frames; it is taken only if it does so far better than a ground at rest.

    Args:
      points_w: points that may touch the ground, world frame [m], (T, P, 3).
      view: camera; motion along its axis is badly known and counts little.
    """
    velocity = np.gradient(points_w, 1.0 / fps, axis=0)[..., :2]
    axis = view.rotation()[2, :2]
    velocity -= 0.7 * np.multiply.outer(velocity @ axis, axis)
    height = points_w[..., 2] - points_w[..., 2].min(axis=1, keepdims=True)
    low = height < LOW

    def misfit(candidate: np.ndarray) -> float:
        distance = np.where(low, np.linalg.norm(velocity - candidate, axis=-1), np.inf).min(axis=1)
        return float(np.minimum(distance, MISFIT).mean())

    candidates = velocity[low][:: max(1, int(low.sum()) // 300)]
    misfits = np.array([misfit(candidate) for candidate in candidates])
    # The mean of the best few is steadier than the best one.
    best = candidates[np.argsort(misfits)[: max(1, len(misfits) // 20)]].mean(axis=0)
    if np.linalg.norm(best) > SLOWEST_GROUND and misfit(best) < 0.5 * misfit(np.zeros(2)):
        return float(best[0]), float(best[1])
    return 0.0, 0.0
