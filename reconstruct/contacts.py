"""Which parts of the body rest on the ground in which frame, found from the motion itself."""

from dataclasses import dataclass, replace

import numpy as np

from reconstruct.camera import View
from reconstruct.character import Character
from reconstruct.kinematics import BodyPoints, point_positions


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
    """So are gaps up to this long [s] after which the point is within so many metres of where it was."""


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
    contact = np.stack([grown(surely[:, p], perhaps[:, p]) for p in range(points_w.shape[1])], axis=1)
    ground = np.zeros(2) if ground_velocity is None else np.asarray(ground_velocity)
    carried = points_w[..., :2] - np.arange(len(points_w))[:, None, None] / fps * ground
    for p in range(points_w.shape[1]):
        for start, end in inner_runs(~contact[:, p]):
            back = np.linalg.norm(carried[end, p] - carried[start - 1, p]) < limits.same_place[1]
            low = height[start:end, p].max() < limits.height[1]
            if back and low and end - start <= limits.same_place[0] * fps:
                contact[start:end, p] = True
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
    for column in result.T:
        for start, end in inner_runs(~column):
            if end - start <= gap:
                column[start:end] = True
        for start, end in inner_runs(column):
            if end - start < shortest:
                column[start:end] = False
    return result


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Half-open intervals [start, end) in which `flags` (T,) holds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def inner_runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """The `runs` that neither begin with the clip nor end with it."""
    return [(start, end) for start, end in runs(flags) if start > 0 and end < len(flags)]


def contact_points(character: Character, feet_only: bool = False) -> BodyPoints:
    """The sites that may touch the ground, part after part in the order of `character.contacts`."""
    names = tuple(site for sites in character.contacts.values() for site in sites)
    points = BodyPoints.of_sites(character.model, names)
    if not feet_only:
        return points
    feet = np.isin(points.bodies, [character.model.body(name).id for name in character.foot_bodies])
    return BodyPoints(points.bodies[feet], points.local[feet], points.radius[feet])


def part_contacts(point_contacts: np.ndarray, parts: dict[str, tuple[str, ...]]) -> np.ndarray:
    """A part touches the ground when one of its points does; points in the order of `parts`, (T, P) -> (T, C)."""
    columns, first = [], 0
    for sites in parts.values():
        columns.append(point_contacts[:, first : first + len(sites)].any(axis=1))
        first += len(sites)
    return np.stack(columns, axis=1)


@dataclass(frozen=True)
class Support:
    """What carries the body, frame by frame."""

    contact: np.ndarray
    """Points on the ground, bool (T, P), in the order of `contact_points`."""
    flight: np.ndarray
    """Frames in which nothing touches the ground, bool (T,)."""
    lying: np.ndarray | None = None
    """Frames in which the body rests on other parts than these (rolling, kneeling), bool (T,); None for never."""

    leaning: np.ndarray | None = None
    """Points that carry weight although they are above the ground (`leaning.leaning_hands`), bool (T, P)."""

    @property
    def carrying(self) -> np.ndarray:
        """Points on the ground or on something above it, bool (T, P)."""
        return self.contact if self.leaning is None else self.contact | self.leaning

    @property
    def rests(self) -> np.ndarray:
        """`lying`, bool (T,)."""
        return np.zeros(len(self.flight), dtype=bool) if self.lying is None else self.lying


SHORTEST_FLIGHT = 0.1
"""Shorter times without contact [s] are taken for contacts that were missed."""
LONGEST_FLIGHT = 1.1
"""Nobody is in the air for longer [s]: it would take a rise of the centre of mass by 1.5 m."""
TELLING_FLIGHT = 0.25
"""A flight of this length [s] bends the path of the centre of mass by 8 cm, more than it is uncertain."""
LEAST_FALL = 0.35
"""In such a flight it falls with at least this share of gravity; depth and scale are not known well yet."""
GRAVITY = 9.81
LOWEST_FLIGHT = 0.03
"""In flight the lowest contact point must rise above this [m]."""
HOP = 0.12
"""A foot that has come down further away than this has been lifted [m]."""
HAND_DOUBT = 1.75
"""Hands rest on the ground where they are still within this many times the limits of feet: how they are held, and how
long arms are, is known less well."""
STANDS = 0.2
"""A foot that is still for so long [s] stands on something."""
NEAR = 0.35
"""A body that neither flies nor touches the ground with feet or hands, but is this near to it [m], lies on it. One that
is higher up is on something else, of which nothing is known."""
LYING = 0.04
"""Other parts of the body this near to the ground rest on it [m]."""
NEXT_TO = 0.12
"""Parts within this share of the body's height from a contact point belong to it."""


LOW = 0.1
"""Points this little above the lowest one may be on the ground [m]."""
MISFIT = 1.5
"""A velocity further off than this is merely wrong [m/s]."""
SLOWEST_GROUND = 0.5
"""Slower treadmills are taken for ground at rest [m/s]."""


def find_support(
    points_w: np.ndarray,
    view: View,
    fps: float,
    looseness: float = 1.0,
    others: np.ndarray | None = None,
    com_z: np.ndarray | None = None,
    doubt: np.ndarray | float = 1.0,
) -> Support:
    """Contacts and flight phases of a motion.

    Args:
      points_w: points that may touch the ground, world frame [m], (T, P, 3).
      view: the camera, since motion along its axis is badly known, and the ground's velocity.
      fps: frames a second.
      looseness: factor on the limits, above 1 while the ground is not known well.
      others: height of the lowest of all other parts (`other_heights`) [m], (T,); None if they never touch.
      com_z: height of the centre of mass [m], (T,): in flight it falls.
      doubt: factor on the limits of height, of each point (P,): hands are placed less well than feet.
    """
    limits = ContactThresholds()
    scaled = replace(
        limits,
        height=tuple(limits.height[i] * looseness for i in (0, 1)),
        speed=tuple(limits.speed[i] * np.sqrt(looseness) for i in (0, 1)),
    )
    # What moves towards the camera is only half believed: points are squeezed along the optical axis.
    axis = view.rotation()[2]
    squeezed = points_w - (0.5 if looseness > 1 else 0.0) * np.multiply.outer(points_w @ axis, axis)
    squeezed[..., 2] = points_w[..., 2]
    contact = find_contacts(squeezed, fps, scaled, np.array(view.belt), doubt)
    carried = squeezed[..., :2] - np.arange(len(points_w))[:, None, None] / fps * np.array(view.belt)
    lowest = points_w[..., 2].min(axis=1)
    lying = np.zeros(len(contact), dtype=bool) if others is None else others < LYING * looseness
    flight = np.logical_not(contact.any(axis=1) | lying)
    for start, end in runs(flight):
        if end - start > LONGEST_FLIGHT * fps:
            # Who is up for so long has stood on something else at first: a foot was still there.
            step = np.linalg.norm(np.diff(squeezed[start : end + 1], axis=0), axis=-1).min(axis=1) * fps
            still = tidied((step < scaled.speed[0])[:, None], round(STANDS * fps), 2)[:, 0]
            flight[start : start + len(still)] &= ~still
    for start, end in runs(flight):
        if end - start > LONGEST_FLIGHT * fps or (com_z is not None and not falls(com_z[start:end], fps)):
            flight[start:end] = False
            continue
        short = end - start < SHORTEST_FLIGHT * fps
        if short or lowest[start:end].max() < LOWEST_FLIGHT * looseness:
            stays = np.zeros(contact.shape[1], dtype=bool)
            if start > 0 and end < len(flight):
                # A hop may be too low to be seen, but then it lands in another place.
                shift = np.linalg.norm(carried[end] - carried[start - 1], axis=1)
                stays = contact[start - 1] & contact[end] & (shift < HOP)
                short |= bool(stays.any())
            else:
                short = True
            contact[start:end] |= stays
            flight[start:end] = not short
    near = np.minimum(lowest, np.inf if others is None else others) < NEAR
    return Support(contact, flight, lying | (near & np.logical_not(flight | contact.any(axis=1))))


def falls(com_z: np.ndarray, fps: float) -> bool:
    """Whether a centre of mass falls as in flight, (T,); true as well of times too short to tell.

    What merely slides over the ground (a moving camera, a slippery mat) keeps its height.
    """
    if len(com_z) < max(4, TELLING_FLIGHT * fps):
        return True
    acceleration = 2.0 * np.polyfit(np.arange(len(com_z)) / fps, com_z, 2)[0]
    return bool(acceleration < -LEAST_FALL * GRAVITY)


def other_parts(character: Character) -> BodyPoints:
    """What may rest on the ground beside feet and hands: trunk, head, knees and elbows.

    Whatever lies next to a contact point (the lower end of a shin) is left out: it is never far from the ground.
    """
    model, solid = character.model, BodyPoints.of_geoms(character.model)
    rest = np.array(model.qpos0)[None]
    place, touching = (point_positions(model, rest, points)[0] for points in (solid, contact_points(character)))
    apart = np.linalg.norm(place[:, None] - touching[None], axis=-1).min(axis=1)
    kept = apart > NEXT_TO * character.height
    return BodyPoints(solid.bodies[kept], solid.local[kept], solid.radius[kept])


def other_heights(character: Character, qpos: np.ndarray) -> np.ndarray:
    """Height of the lowest of `other_parts` above the ground [m], (T, nq) -> (T,)."""
    points = other_parts(character)
    return np.asarray((point_positions(character.model, qpos, points)[..., 2] - points.radius).min(axis=1))


def ground_velocity(points_w: np.ndarray, view: View, fps: float) -> tuple[float, float]:
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
