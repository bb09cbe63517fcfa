"""A walk from video, set upon a course that is known: what a guide follows and a teacher is rewarded by.

Footholds are chosen for the whole way (`footholds.py`); between two of them a foot goes as it does on level ground,
lifted over what is in its way; root and joints follow by least squares (`scene/placement.py`). Cadence is kept, so
the clock of the walk goes on evenly whatever the ground.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import mujoco
import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from imitate.env.reference import sample_poses, unroll_cycle
from imitate.scene.ground import Ground
from imitate.scene.placement import STANCE_SIGMA, lead_feet
from imitate.scene.scene import CONTROL_HZ
from imitate.vision.footholds import choose_footholds
from pose.errors import InputError
from reconstruct import rotations
from reconstruct.characters.character import Character
from reconstruct.contacts import contact_points, find_contacts, find_runs
from reconstruct.kinematics import GRAVITY, point_positions
from reconstruct.motion import ReferenceMotion

CLEARANCE, AROUND = 0.045, 0.04
"""How high a sole passes over the ground, of all that is so near along its way [m]."""
CLEARANCE_UP, AROUND_UP = 0.1, 0.07
"""How high a sole passes on its way up, and over what: a simulated foot lags by centimetres, and a riser catches it."""
SLOWER, FURTHER = 6.0, 0.9
"""On level ground a walk would get so much further than the goal [m]; of the last foothold that is planned."""
EARLY, LATE = 2.0, 1.3
"""A foot that goes up has its height at the inverse of this share of its way, and goes ahead by this power of it."""
PLACE_SIGMA = (0.02, 0.1, 0.02)
"""Standard deviations of the root from its way along x, y and z [m]: legs give way to it."""
# With 0.1 along x the root went back at every tread, at up to .7 m/s, which no body can follow.
RISEN, MIDWAY = 0.1, 0.65
"""Shares of a tread that the root has risen when a foot comes to rest on it, and midway to the next one's rest."""
EVEN_SIGMA = 8.0
"""Of a filter that leaves nothing of how a body sways from step to step [control steps]."""
SWING_SIGMA = 0.01
"""Standard deviation of swinging feet from their ways [m]: half of what does on open ground."""
LEAST_RISE = 0.05
"""Less than this between two footholds of a foot is no way up [m]."""
LEAST_SPEED = 0.3
"""A cycle that goes ahead more slowly is no walk [m/s]."""


def straighten_cycle(motion: ReferenceMotion, model: mujoco.MjModel) -> ReferenceMotion:
    """A walk's cycle at the control rate, without the turn that it ends with, along x from the origin.

    Raises:
      InputError: it is no cycle, or does not go ahead.
    """
    if not motion.loop:
        raise InputError("this skill is passed once; only a cycle, such as walk, can walk over stairs")
    count = max(2, round(motion.duration * CONTROL_HZ))
    times = np.linspace(0.0, motion.duration, count + 1)
    frames = sample_poses(model, np.concatenate([motion.qpos, motion.qpos[-1:]]), motion.fps, times)
    frames[-1] = motion.qpos[-1]
    turn = rotations.multiply(frames[-1, 3:7], rotations.conjugate(frames[0, 3:7]))
    angle = -rotations.yaw(turn) * np.arange(count + 1) / count
    quats = np.stack([np.cos(angle / 2), 0 * angle, 0 * angle, np.sin(angle / 2)], axis=1)
    ways = np.diff(frames[:, :3], axis=0)
    places = np.concatenate([np.zeros((1, 3)), np.cumsum(rotations.rotate((quats[1:] + quats[:-1]) / 2, ways), axis=0)])
    way = places[-1, :2]
    if np.hypot(*way) < LEAST_SPEED * motion.duration:
        raise InputError("this skill does not go ahead; only a walk can be taken over stairs")
    back = -float(np.arctan2(way[1], way[0]))
    about = np.array([np.cos(back / 2), 0.0, 0.0, np.sin(back / 2)])
    straight = frames.copy()
    straight[:, :2] = rotations.rotate(about, places)[:, :2]
    straight[:, 3:7] = rotations.normalise(rotations.multiply(about, rotations.multiply(quats, frames[:, 3:7])))
    contacts = np.zeros((count + 1, len(motion.contact_names)), dtype=bool)
    return replace(motion, qpos=straight, fps=count / motion.duration, contacts=contacts)


@dataclass(frozen=True)
class Footfall:
    """A foot on the ground."""

    foot: int
    start: int
    end: int
    """Half-open interval of frames."""
    heel: float
    """Where its heel is on level ground, x [m]."""


@dataclass(frozen=True, eq=False)
class LevelWalk:
    """The walk on level ground, for as long as a course takes."""

    character: Character
    model: mujoco.MjModel
    frames: np.ndarray
    """qpos at the control rate, (T, nq)."""
    soles: np.ndarray
    """Contact points, world [m], (T, P, 3)."""
    contact: np.ndarray
    """Which of them rest on the ground, bool (T, P)."""
    feet: tuple[slice, ...]
    """Points of each foot, the heel first."""
    footfalls: tuple[Footfall, ...]
    """In the order of time."""

    def take(self, count: int) -> "LevelWalk":
        """The walk up to the end of its first `count` footfalls."""
        falls = self.footfalls[:count]
        end = falls[-1].end
        return replace(
            self, frames=self.frames[:end], soles=self.soles[:end], contact=self.contact[:end], footfalls=falls
        )

    @property
    def foot_length(self) -> float:
        """From heel to toe [m]."""
        heel, toe = (self.soles[0, self.feet[0]][end] for end in (0, -1))
        return float(np.linalg.norm(toe - heel))


def list_feet(character: Character) -> tuple[slice, ...]:
    """Which contact points are those of each foot, the heel first.

    Raises:
      InputError: the body has no two feet with heel and toe.
    """
    feet, begin = list[slice](), 0
    for name, sites in character.contacts.items():
        if name.endswith("foot") and len(sites) == 2:
            feet.append(slice(begin, begin + len(sites)))
        begin += len(sites)
    if len(feet) != 2:
        raise InputError(f"{character.name} has no two feet with heel and toe; a walk over stairs needs them")
    return tuple(feet)


def make_level_walk(cycle: ReferenceMotion, character: Character, seconds: float, first: int = 0) -> LevelWalk:
    """Repeats a straight cycle.

    Args:
      cycle: of `straighten_cycle`.
      character: the body.
      seconds: for how long [s].
      first: frame of the cycle that it begins with, the root at x = 0.

    Raises:
      InputError: the body has no two feet with heel and toe, or they do not tread in turn.
    """
    model, feet = character.model, list_feet(character)
    frames = unroll_cycle(cycle, seconds + cycle.duration)[first : first + round(seconds * cycle.fps)]
    frames[:, 0] -= frames[0, 0]
    soles = point_positions(model, frames, contact_points(character))
    contact = find_contacts(soles, cycle.fps)
    falls = [
        Footfall(number, start, end, float(np.median(soles[start:end, foot.start, 0])))
        for number, foot in enumerate(feet)
        for start, end in find_runs(np.asarray(contact[:, foot].any(1)))
    ]
    falls.sort(key=lambda fall: fall.start + fall.end)
    if len(falls) < 4 or any(a.foot == b.foot or a.heel >= b.heel for a, b in pairwise(falls)):
        raise InputError("this skill's feet do not tread in turn; only a walk can be taken over stairs")
    return LevelWalk(character, model, frames, soles, contact, feet, tuple(falls))


def fit_walk(walk: LevelWalk, ground: Ground, start: float, goal: float) -> tuple[np.ndarray, np.ndarray]:
    """Sets a walk upon a ground.

    Args:
      walk: on level ground.
      ground: a profile along x, level about the start.
      start: where the root is at first, x [m].
      goal: how far it goes at least, x [m].

    Returns:
      qpos (T, nq), and the heels of its footholds [m], in the order of the walk's footfalls, as many as are needed.

    Raises:
      ValueError: there is no way, or the walk on level ground is too short.
    """
    nominal = np.array([fall.heel for fall in walk.footfalls]) + start
    heels = choose_footholds(ground, nominal[: np.searchsorted(nominal, goal + SLOWER) + 1], walk.foot_length)
    last = int(np.searchsorted(heels, goal + FURTHER))
    if last >= len(heels):
        raise ValueError(f"{len(walk.footfalls)} steps do not lead {goal} m ahead")
    walk, heels = walk.take(last + 1), heels[: last + 1]
    nominal = nominal[: last + 1]
    levels = np.array([find_top(ground, heel, walk.foot_length) for heel in heels])
    moves, rises, lifts = plan_feet(walk, ground, start, heels - nominal, levels)
    targets = walk.soles.copy()
    targets[..., 0] += start
    for number, foot in enumerate(walk.feet):
        targets[:, foot, 0] += moves[number][:, None]
        targets[:, foot, 2] += (rises[number] + lifts[number])[:, None]
    root = walk.frames.copy()
    root[:, 0] += start + carry_along(walk, heels - nominal)
    root[:, [0, 2]] = even_out(walk, root[:, [0, 2]], np.diff(heels) / np.diff(nominal))
    root[:, 2] += lift_along(walk, levels)
    is_foot = np.zeros(targets.shape[1], dtype=bool)
    for foot in walk.feet:
        is_foot[foot] = True
    weight = np.where(is_foot, 1.0 / np.where(walk.contact, STANCE_SIGMA, SWING_SIGMA), 0.0)
    return lead_feet(root, CONTROL_HZ, walk.character, walk.model, targets, weight, PLACE_SIGMA), heels


def carry_along(walk: LevelWalk, ahead: np.ndarray) -> np.ndarray:
    """How much further ahead the root is when the footholds are, so that the body does not fall over them, (T,) [m].

    Of a linear inverted pendulum (Kajita et al. 2001), x'' = w^2 (x - p), the centre of pressure p is to be where it
    is in the walk on level ground, of each foot. So the change d of x and the change m of the foot that bears the body
    obey d - d'' / w^2 = m, whose only bounded solution is m smoothed by w / 2 exp(-w |t|): it begins to slow down
    before steps become shorter.

    Args:
      walk: on level ground.
      ahead: how much further ahead each foothold is [m], one for each footfall.
    """
    falls, times, values = walk.footfalls, list[float](), list[float]()
    for k, fall in enumerate(falls):
        begin = falls[k - 1].end if k else 0
        end = falls[k + 1].start if k + 1 < len(falls) else fall.end
        times += [begin, max(begin, end)]
        values += [ahead[k], ahead[k]]
    bears = np.interp(np.arange(len(walk.frames)), times, values)
    decay = np.exp(-np.sqrt(GRAVITY / walk.frames[0, 2]) / CONTROL_HZ)
    reach = round(-5.0 / np.log(decay))
    kernel = decay ** np.abs(np.arange(-reach, reach + 1))
    return np.convolve(np.pad(bears, reach, mode="edge"), kernel / kernel.sum(), mode="valid")


def lift_along(walk: LevelWalk, levels: np.ndarray) -> np.ndarray:
    """How much higher than on level ground the root is, (T,) [m].

    It rises evenly from one foot's rest to the next one's, by the leg that bears: before a foot rests on its tread,
    the other leg, nearly straight, has no length left to lift the body with.

    Args:
      walk: on level ground.
      levels: heights of the footholds [m], one for each footfall.
    """
    starts = np.array([fall.start for fall in walk.footfalls], dtype=float)
    rise = np.diff(levels)
    times = np.concatenate([starts, (starts[1:-1] + starts[2:]) / 2.0])
    risen = np.concatenate(
        [levels[:1], levels[:-1] + RISEN * rise, levels[:-2] + MIDWAY * rise[:-1] + RISEN * rise[1:] / 2.0]
    )
    order = np.argsort(times)
    return gaussian_filter1d(np.interp(np.arange(len(walk.frames)), times[order], risen[order]), 2.0, mode="nearest")


def even_out(walk: LevelWalk, way: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Takes from a way what sways from step to step where steps are short: who takes half a step does not bob.

    Args:
      walk: on level ground.
      way: of the root, (T, 2) [m].
      shares: of each step, from footfall to footfall, in the one on level ground.
    """
    middles = [(a.start + b.start) / 2.0 for a, b in pairwise(walk.footfalls)]
    share = gaussian_filter1d(np.interp(np.arange(len(way)), middles, np.clip(shares, 0.0, 1.0)), 4.0, mode="nearest")
    steady = np.linspace(way[0], way[-1], len(way))
    even = steady + gaussian_filter1d(way - steady, EVEN_SIGMA, axis=0, mode="nearest")
    return even + share[:, None] ** 2 * (way - even)


def plan_feet(
    walk: LevelWalk, ground: Ground, start: float, further: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How much further ahead and higher than on level ground each foot is, (2, T) each [m].

    Args:
      walk: on level ground.
      ground: a profile along x.
      start: where the root is at first, x [m].
      further: how much further ahead than on level ground each foothold is [m], one for each footfall.
      levels: heights of the footholds [m], likewise.

    Returns:
      Ways ahead, rises from foothold to foothold, and lifts over what is in the way.
    """
    count = len(walk.frames)
    moves, rises, lifts = np.zeros((3, len(walk.feet), count))
    for number, foot in enumerate(walk.feet):
        own = [k for k, fall in enumerate(walk.footfalls) if fall.foot == number]
        level, ahead = levels[own], further[own]
        first, last = walk.footfalls[own[0]], walk.footfalls[own[-1]]
        moves[number, : first.end], rises[number, : first.end] = ahead[0], level[0]
        moves[number, last.start :], rises[number, last.start :] = ahead[-1], level[-1]
        x = walk.soles[:, foot, 0].mean(1)
        for i, (here, there) in enumerate(pairwise(own)):
            a, b = walk.footfalls[here], walk.footfalls[there]
            swing = slice(a.end, b.start)
            share = np.clip((x[swing] - x[a.end - 1]) / (x[b.start] - x[a.end - 1]), 0.0, 1.0)
            moves[number, b.start : b.end], rises[number, b.start : b.end] = ahead[i + 1], level[i + 1]
            up = level[i + 1] > level[i] + LEAST_RISE
            early = np.minimum(1.0, EARLY * share) if up else share
            own_way = x[b.start] - x[a.end - 1]
            behind = (share**LATE - share) * (own_way + ahead[i + 1] - ahead[i]) if up else 0.0
            moves[number, swing] = ahead[i] + share * (ahead[i + 1] - ahead[i]) + behind
            rises[number, swing] = level[i] + early * early * (3.0 - 2.0 * early) * (level[i + 1] - level[i])
            points = walk.soles[swing, foot] + [start, 0.0, 0.0]
            points[..., 0] += moves[number, swing, None]
            points[..., 2] += rises[number, swing, None]
            lifts[number, swing] = lift_over(points, ground, up)
    return moves, rises, lifts


def lift_over(points: np.ndarray, ground: Ground, up: bool) -> np.ndarray:
    """How much a swinging foot must be lifted so that it passes over the ground, (T,) [m].

    Args:
      points: of its sole, the heel first and the toe last, (T, 2, 3) [m].
      ground: a profile along x.
      up: its next foothold is higher than its last.
    """
    clearance, around = (CLEARANCE_UP, AROUND_UP) if up else (CLEARANCE, AROUND)
    shares = np.linspace(0.0, 1.0, 6)[:, None]
    sole = points[:, :1] + shares * (points[:, -1:] - points[:, :1])

    def find_need(near: float, height: np.ndarray) -> np.ndarray:
        spots = sole[:, :, None, :1] + np.linspace(-near, near, 7)[:, None]
        high = ground.height(np.concatenate([spots, np.zeros_like(spots)], axis=-1)).max(2)
        return np.maximum((high + height[:, None] - sole[..., 2]).max(1), 0.0)

    count, frame = len(points), np.arange(len(points))
    late = np.minimum(np.minimum(frame / 3.0, (count - 1 - frame) / 2.0), 1.0)
    wide = find_need(around, clearance * late) * np.minimum(frame / 3.0, 1.0)
    smooth = gaussian_filter1d(maximum_filter1d(wide, 3), 1.0, mode="constant")
    return np.maximum(smooth, find_need(0.0, 0.0 * late))


def find_top(ground: Ground, heel: float, length: float) -> float:
    """Height of the ground under a foot, the highest of it [m]; `heel` is where its heel is, x [m]."""
    x = heel + np.linspace(0.0, length, 8)
    return float(ground.height(np.stack([x, np.zeros_like(x)], axis=-1)).max())
