"""What carries the body in which frame: feet and hands, other parts that lie or roll on the ground, or nothing."""

from dataclasses import dataclass, replace

import numpy as np

from reconstruct.camera import View
from reconstruct.contacts import LOW, ContactThresholds, clean_contacts, find_contacts, find_runs
from reconstruct.kinematics import GRAVITY
from reconstruct.scene_objects import SceneObject


@dataclass(frozen=True)
class Support:
    """What carries the body, frame by frame."""

    contact: np.ndarray
    """Points on the ground, bool (T, P), in the order of `contact_points`."""
    flight: np.ndarray
    """Frames in which nothing touches the ground, bool (T,)."""
    rolling: np.ndarray | None = None
    """Other parts on the ground (trunk, knees, elbows), bool (T, Q), in the order of `rolling.find_other_parts`."""
    lying: np.ndarray | None = None
    """Frames in which the body rests on a part that is not known, bool (T,); None for never."""
    hands: np.ndarray | None = None
    """Points that carry weight although they are above the ground (`find_hand_support`), bool (T, P)."""
    touches: np.ndarray | None = None
    """Which surface above the ground each of `carried_points` touches (`find_touches`), (T, N); None for none ever."""
    clearance: np.ndarray | None = None
    """Distance from `things` that each of `shape_points` keeps [m], (T, P); None while nothing is placed."""
    things: tuple[SceneObject, ...] = ()
    """What it stands on besides the ground, once that is placed: no part of the body is inside."""

    def select(self, frames: slice) -> "Support":
        """The same for some of the frames."""
        known = {name: values[frames] for name, values in vars(self).items() if isinstance(values, np.ndarray)}
        return Support(**known, things=self.things)

    @property
    def carrying(self) -> np.ndarray:
        """Points on the ground or on something above it, bool (T, P)."""
        return self.contact if self.hands is None else self.contact | self.hands

    @property
    def lies(self) -> np.ndarray:
        """`lying`, bool (T,)."""
        return np.zeros(len(self.flight), dtype=bool) if self.lying is None else self.lying

    @property
    def rolls(self) -> np.ndarray:
        """`rolling`, bool (T, Q); Q is zero where no part but feet and hands ever touches."""
        return np.zeros((len(self.flight), 0), dtype=bool) if self.rolling is None else self.rolling


@dataclass(frozen=True)
class Sight:
    """Where the detector saw the points that may touch the ground."""

    place_px: np.ndarray
    """Relative to the principal point, NaN where it did not see them, (T, P, 2)."""
    px_per_metre: np.ndarray
    """Size of a metre at the person's distance, (T,)."""

    @property
    def height(self) -> np.ndarray:
        """Upwards in the picture [m], (T, P)."""
        return -self.place_px[..., 1] / self.px_per_metre[:, None]


SHORTEST_FLIGHT = 0.1
"""Times without contact that are shorter are taken for contacts that were missed [s]."""
LONGEST_FLIGHT = 1.1
"""Longest time in the air [s]: the centre of mass would rise by 1.5 m."""
TELLING_FLIGHT = 0.25
"""Length of a flight that bends the path of the centre of mass by 8 cm, more than it is uncertain [s]."""
LEAST_FALL = 0.35
"""Least share of gravity with which the centre of mass falls in flights of `TELLING_FLIGHT` and longer."""
LEAST_DIP = 0.15
"""Least share of gravity with which the centre of mass falls in shorter flights, which smoothing flattens."""
BLUR = 0.05
"""Duration of the first and last part of a fall that smoothing hides [s]."""
MOVED = 0.05
"""Height above its resting place at which a point that the detector sees has left the ground [m]."""
SEEN_STILL = 0.025
"""Distance from its resting place within which a point that the detector sees still rests [m]."""
LIFTING = 0.25
"""Longest time that a heel is up before the toes leave [s]."""
PRESSED = 0.03
"""Difference in height within which points of a foot carry together [m]: at take-off the heel is up first."""
LOWEST_FLIGHT = 0.03
"""Height that the lowest contact point must reach in flight [m]."""
HOP = 0.12
"""Distance between two resting places of a foot from which it must have been lifted [m]."""
STANDS = 0.2
"""Time for which a foot must be still to stand on something [s]."""
NEAR = 0.35
"""Height below which a body without flight or contact lies on the ground [m]; a higher one is on something unknown."""
LYING = 0.04
"""Height below which other parts of the body rest on the ground [m]."""


def find_support(
    points_w: np.ndarray,
    view: View,
    fps: float,
    tolerance_scale: float = 1.0,
    others: np.ndarray | None = None,
    com_z: np.ndarray | None = None,
    doubt: np.ndarray | float = 1.0,
    rolling: np.ndarray | None = None,
    sight: Sight | None = None,
    carried: np.ndarray | None = None,
) -> Support:
    """Contacts and flight phases of a motion.

    Args:
      points_w: points that may touch the ground, world frame [m], (T, P, 3).
      view: the camera, since motion along its axis is badly known, and the ground's velocity.
      fps: frames a second.
      tolerance_scale: factor on the limits, above 1 while the ground is not known well.
      others: height of the lowest of all other parts [m], (T,); None if they never touch.
      com_z: height of the centre of mass [m], (T,): in flight it falls.
      doubt: factor on the limits of height, of each point (P,): hands are placed less well than feet.
      rolling: which of the other parts rest on the ground (`find_resting_parts`), bool (T, Q), once it is known.
      sight: where in the picture the points were seen; None if that is not known, or the ground moves.
      carried: frames in which something above the ground carries the body, bool (T,); it does not fly then.
    """
    limits = ContactThresholds()
    scaled = replace(
        limits,
        height=tuple(limits.height[i] * tolerance_scale for i in (0, 1)),
        speed=tuple(limits.speed[i] * np.sqrt(tolerance_scale) for i in (0, 1)),
    )
    # What moves towards the camera is only half believed: points are squeezed along the optical axis.
    axis = view.rotation()[2]
    squeezed = points_w - (0.5 if tolerance_scale > 1 else 0.0) * np.multiply.outer(points_w @ axis, axis)
    squeezed[..., 2] = points_w[..., 2]
    contact = find_contacts(squeezed, fps, scaled, np.array(view.ground_velocity), doubt)
    sight = sight or Sight(np.full((*points_w.shape[:2], 2), np.nan), np.ones(len(points_w)))
    contact = trim_contacts(contact, sight.height, fps)
    contact = extend_contacts(contact, sight, points_w[..., 2] < 2.0 * scaled.height[1])
    if rolling is not None:
        rolls, lying = rolling.any(axis=1), np.zeros(len(contact), dtype=bool)
    else:
        rolls = lying = np.zeros(len(contact), dtype=bool) if others is None else others < LYING * tolerance_scale
    if carried is not None:
        rolls = rolls | carried
    flight = np.logical_not(contact.any(axis=1) | rolls)
    cut_long_flights(flight, squeezed, fps, scaled.speed[0])
    keep_standing_points(flight, contact, points_w[..., 2], sight, fps)
    if com_z is not None:
        shorten_flights(flight, contact, points_w[..., 2], com_z, fps, 2.0 * scaled.height[1], sight.height)
    times = np.arange(len(points_w))[:, None, None] / fps
    on_ground = squeezed[..., :2] - times * np.array(view.ground_velocity)
    lowest = points_w[..., 2].min(axis=1)
    drop_false_flights(flight, contact, on_ground, lowest, com_z, fps, LOWEST_FLIGHT * tolerance_scale)
    near = np.minimum(lowest, np.inf if others is None else others) < NEAR
    return Support(contact, flight, rolling, lying | (near & np.logical_not(flight | rolls | contact.any(axis=1))))


def cut_long_flights(flight: np.ndarray, points_w: np.ndarray, fps: float, slow: float) -> None:
    """Takes the still part out of flights in place that are too long: the body stood on something unknown at first.

    Args:
      flight: frames without contact, bool (T,).
      points_w: points that may touch the ground [m], (T, P, 3).
      fps: frames a second.
      slow: speed below which a point is still [m/s].
    """
    for start, end in find_runs(flight):
        if end - start > LONGEST_FLIGHT * fps:
            step = np.linalg.norm(np.diff(points_w[start : end + 1], axis=0), axis=-1).min(axis=1) * fps
            still = clean_contacts((step < slow)[:, None], round(STANDS * fps), 2)[:, 0]
            flight[start : start + len(still)] &= ~still


def keep_standing_points(flight: np.ndarray, contact: np.ndarray, height: np.ndarray, sight: Sight, fps: float) -> None:
    """Turns flights in place into contacts of the points that the detector sees stand still: a body that flies takes
    its feet along.

    Args:
      flight: frames without contact, bool (T,).
      contact: bool (T, P).
      height: of the contact points [m], (T, P).
      sight: where the points were seen.
      fps: frames a second.
    """
    for start, end in find_runs(flight):
        extent = np.ptp(sight.place_px[start:end], axis=0).max(axis=-1) / np.median(sight.px_per_metre[start:end])
        stood = (extent < 1.5 * MOVED) & (height[start:end].max(axis=0) < NEAR)
        if end - start >= TELLING_FLIGHT * fps and stood.any():
            flight[start:end] = False
            contact[start:end] |= stood


def drop_false_flights(
    flight: np.ndarray,
    contact: np.ndarray,
    places: np.ndarray,
    lowest: np.ndarray,
    com_z: np.ndarray | None,
    fps: float,
    least_height: float,
) -> None:
    """Takes out flights in place that are too long, too short or too low, or in which the body does not fall.

    Args:
      flight: frames without contact, bool (T,).
      contact: bool (T, P); points that stay where they were through a flight too short or too low are held through it.
      places: of the contact points on the ground, (T, P, 2) [m].
      lowest: height of the lowest contact point [m], (T,).
      com_z: height of the centre of mass [m], (T,), if it is known.
      fps: frames a second.
      least_height: that the lowest point must reach in flight [m].
    """
    for start, end in find_runs(flight):
        if end - start > LONGEST_FLIGHT * fps or (com_z is not None and not is_falling(com_z[start:end], fps)):
            flight[start:end] = False
            continue
        short = end - start < SHORTEST_FLIGHT * fps
        if short or lowest[start:end].max() < least_height:
            stays = np.zeros(contact.shape[1], dtype=bool)
            if start > 0 and end < len(flight):
                # A hop may be too low to be seen, but then it lands in another place.
                shift = np.linalg.norm(places[end] - places[start - 1], axis=1)
                stays = contact[start - 1] & contact[end] & (shift < HOP)
                short |= bool(stays.any())
            else:
                short = True
            contact[start:end] |= stays
            flight[start:end] = not short


def trim_contacts(contact: np.ndarray, seen_height: np.ndarray, fps: float) -> np.ndarray:
    """Contacts without their first and last moments in which the detector sees the point higher up, bool (T, P).

    A point that is held to the ground in a motion cannot show there that it has left; in the picture it can.

    Args:
      contact: bool (T, P).
      seen_height: as `Sight.height`, (T, P) [m].
      fps: frames a second.
    """
    stays, longest = contact.copy(), round(LIFTING * fps)
    for p in range(contact.shape[1]):
        for start, end in find_runs(contact[:, p]):
            height = seen_height[start:end, p]
            rests = np.flatnonzero(~(height - median_over_time(height[:, None]) > MOVED))
            if len(rests) and start > 0:
                stays[start : start + min(rests[0], longest), p] = False
            if len(rests) and end < len(contact):
                stays[max(start + rests[-1] + 1, end - longest) : end, p] = False
    return stays


def extend_contacts(contact: np.ndarray, sight: Sight, low: np.ndarray) -> np.ndarray:
    """Contacts with the moments before and after in which the detector sees the point where it rested, bool (T, P).

    A foot that a first motion lets slip too soon is not held there in the next, and slips again.

    Args:
      contact: bool (T, P).
      sight: where the points were seen.
      low: where they are near enough to the ground, bool (T, P).
    """
    longer = contact.copy()
    for p in range(contact.shape[1]):
        for start, end in find_runs(contact[:, p]):
            away = np.linalg.norm(sight.place_px[:, p] - median_over_time(sight.place_px[start:end, p]), axis=1)
            stays = (away < SEEN_STILL * sight.px_per_metre) & low[:, p]
            after, before = stays[end:], stays[:start][::-1]
            longer[end : end + int(np.logical_and.accumulate(after).sum()), p] = True
            longer[start - int(np.logical_and.accumulate(before).sum()) : start, p] = True
    return longer


def median_over_time(values: np.ndarray) -> np.ndarray:
    """Median over the frames in which there is a value, NaN where there is none, (T, P) -> (P,)."""
    known = np.isfinite(values).any(axis=0)
    median = np.full(values.shape[1], np.nan)
    median[known] = np.nanmedian(values[:, known], axis=0)
    return median


def shorten_flights(
    flight: np.ndarray,
    contact: np.ndarray,
    height: np.ndarray,
    com_z: np.ndarray,
    fps: float,
    highest: float,
    seen_height: np.ndarray,
) -> None:
    """Shortens flights in place to the time in which the body falls: a body that does not fall is carried by something.

    Feet that push off and land move, and their places are too uncertain; the centre of mass shows the fall better, up
    to smoothing. Within that uncertainty, a foot that is seen where it stood decides. Meanwhile the points that
    carried the body before, and that will carry it after, do so.

    Args:
      flight: frames without contact, bool (T,).
      contact: bool (T, P).
      height: of the contact points [m], (T, P).
      com_z: height of the centre of mass [m], (T,).
      fps: frames a second.
      highest: that a point which carries may seem to be [m].
      seen_height: as `Sight.height`, (T, P) [m].
    """
    blur, around = round(BLUR * fps), round(STANDS * fps)
    for start, end in find_runs(flight):
        if end - start < TELLING_FLIGHT * fps:
            continue
        first, last = find_fall(com_z[start:end], fps)
        if last - first < SHORTEST_FLIGHT * fps:
            continue

        def carries(edge: int, around_it: slice) -> np.ndarray:
            known = np.asarray(contact[around_it].any(axis=0))
            return known if known.any() else np.asarray(height[edge] < height[edge].min() + LOW)

        def level(part: slice, points: np.ndarray) -> np.ndarray:
            lowest = np.where(points, height[part], np.inf).min(axis=1, keepdims=True)
            return np.asarray(points & (height[part] < np.minimum(lowest + PRESSED, highest)))

        def stands(t: int, points: np.ndarray, before: slice) -> bool:
            lifted = seen_height[t] - median_over_time(seen_height[before])
            lifted = lifted[level(slice(t, t + 1), points)[0]]
            return bool(np.nanmax(lifted, initial=-1.0) < MOVED and np.isfinite(lifted).any())

        latest, earliest = min(start + first + 1, end - 1), max(start + last - 1, start + 1)
        first, last = max(start, start + first - blur), min(end, start + last + blur)
        leaving, landing = (
            carries(first, slice(max(0, start - 1 - blur), start)),
            carries(last - 1, slice(end, end + 1 + blur)),
        )
        while first < latest and start > 0 and stands(first, leaving, slice(max(0, start - around), start)):
            first += 1
        while last > max(earliest, first + 1) and stands(last - 1, landing, slice(end, end + around)):
            last -= 1
        for part, points in ((slice(start, first), leaving), (slice(last, end), landing)):
            contact[part] |= level(part, points)
            flight[part] = False


def find_fall(com_z: np.ndarray, fps: float) -> tuple[int, int]:
    """The part of a time without contact in which the centre of mass falls.

    Among all parts it is the one in which the velocity drops furthest beyond what half of gravity would take off.

    Args:
      com_z: height of the centre of mass [m], (T,).
      fps: frames a second.

    Returns:
      Its first frame, and the one after its last.
    """
    gain = np.gradient(com_z, 1.0 / fps) + 0.5 * GRAVITY * np.arange(len(com_z)) / fps
    end = int((np.maximum.accumulate(gain) - gain).argmax())
    return int(gain[: end + 1].argmax()), end + 1


def is_falling(com_z: np.ndarray, fps: float) -> bool:
    """Whether a centre of mass falls as in flight, (T,); true as well of times too short to tell.

    What merely slides or rolls over the ground (a moving camera, a slippery mat) keeps its height.
    """
    if len(com_z) < 4:
        return True
    least = LEAST_FALL if len(com_z) >= TELLING_FLIGHT * fps else LEAST_DIP
    acceleration = 2.0 * np.polyfit(np.arange(len(com_z)) / fps, com_z, 2)[0]
    return bool(acceleration < -least * GRAVITY)
