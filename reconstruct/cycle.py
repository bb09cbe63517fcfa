"""Cyclic motions: finding the cycle and closing it so that it can be repeated for ever."""

from dataclasses import dataclass
from typing import Literal

import mujoco
import numpy as np

from reconstruct.characters.chains import find_mirror_name
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.rotations import (
    conjugate,
    from_rotvec,
    heading,
    heading_between,
    multiply,
    rotate,
    to_matrix,
    to_rotvec,
)
from reconstruct.solver.tangent import TangentSpace
from reconstruct.world_frame import move_to

SHORTEST_CYCLE = 0.5
"""Duration of the shortest whole cycle [s]: two steps of a sprinter."""
SLOWEST_GAIT = 0.4
"""Speed above which a travelling cycle is found without being asked for [m/s]."""
STEADINESS = 0.5
"""Lowest speed in a gait, as a share of its mean speed."""
LEAST_PART = 0.5
"""Length from which a travelling cycle is found without being asked for, as a share of the clip."""
LONGEST_STEP = 0.8
"""Duration of half a cycle of a slow walk [s]."""
LIKENESS = 0.09
"""Difference below which two frames of one gait have the same phase [m]."""
SAME_POSE = 0.06
"""Difference of the ends below which a cycle in place is found without being asked for, root mean square [m]."""
LEAST_OF_PLACE = 0.8
"""Length from which a cycle in place is found without being asked for, as a share of the clip."""
IN_MOTION = 0.4
"""Speed of the joints at both ends of a cycle in place, as a share of their median: one that is done once rests."""
ONE_CYCLE = 4.0
"""Longest cycle in place that is found from a single one [s]; in a longer clip something must be seen to repeat."""
REPEATS = 0.5
"""Mean difference from the poses one period later, relative to that of any two frames, below which a motion repeats."""
AT_THE_ENDS = 0.17
"""Duration of the ends of a clip in which `IN_MOTION` must hold [s]."""
MOST_TURN = 0.5
"""Turns of the root up to which a cycle in place is found without being asked for: a flip or a wheel is done once."""
MOST_COMPARED = 2000
"""Most frames that are compared with one another: of a longer film, that is every so many-th one, and then the frames
around the best two. Memory grows with their square."""
LEVEL = 0.3
"""Upward part of the root's own upward axis up to which it is neither upright nor upside down."""
STRAIGHT = 20.0
"""Rotation about the vertical up to which a cycle is taken to go straight on [degrees]."""


def seam_gap(model: mujoco.MjModel, qpos: np.ndarray, follower: np.ndarray | None = None) -> np.ndarray:
    """What is missing from the last frame to the one that follows it, freed of travel and turn along the ground.

    Args:
      qpos: (T, nq).
      follower: the pose that the last frame should be, (nq,); by default the first frame.

    Returns:
      Tangent step (nv,): height of the root [m], its tilt and every joint [rad]; zero for a perfect cycle.
    """
    target = np.array(qpos[0] if follower is None else follower)
    turn = heading_between(target[3:7], qpos[-1, 3:7])
    target[3:7] = multiply(turn, target[3:7])
    target[:2] = qpos[-1, :2]
    return TangentSpace.of(model).difference(qpos[-1:], target[None])[0]


def close_loop(model: mujoco.MjModel, qpos: np.ndarray, blend: int) -> np.ndarray:
    """Makes the last frame the first one again by spreading the gap over `blend` frames at either end.

    Half of the gap is taken at the start and half at the end, with a smooth ramp, so neither pose nor velocity jumps.

    Args:
      qpos: (T, nq), about one whole number of cycles.
      blend: frames at either end that may bend; at most half of the clip is used.

    Returns:
      qpos (T, nq) with `seam_gap` zero.
    """
    ramp = _ramp(len(qpos), blend)
    step = 0.5 * (ramp[:, None] - ramp[::-1, None]) * seam_gap(model, qpos)
    closed = TangentSpace.of(model).integrate(qpos, step)
    # The two halves do not commute exactly; the rest (second order) goes into the last frames.
    return lead_into(model, closed, closed[0], blend)


def lead_into(model: mujoco.MjModel, qpos: np.ndarray, follower: np.ndarray, blend: int) -> np.ndarray:
    """Bends the last `blend` frames so that the last one is the pose `follower` (nq,), wherever it is on the ground."""
    step = _ramp(len(qpos), blend)[:, None] * seam_gap(model, qpos, follower)
    return TangentSpace.of(model).integrate(qpos, step)


def _ramp(frames: int, blend: int) -> np.ndarray:
    """Rises smoothly to 1 over the last `blend` frames, (T,)."""
    length = max(1, min(blend, (frames - 1) // 2))
    ramp = np.clip(1.0 - np.arange(frames)[::-1] / length, 0.0, 1.0)
    return ramp**2 * (3.0 - 2.0 * ramp)


@dataclass(frozen=True)
class Cycle:
    """Where a motion repeats itself."""

    first: int
    """Frame where the cycle begins."""
    last: int
    """Frame where it begins again, included."""
    mirrored: bool
    """The last frame is the mirror image of the first one: half a cycle, one step of a walk."""
    distance: float
    """How different the two frames are [m]: root mean square over joints of position and 0.1 s times velocity."""


def find_cycle(model: mujoco.MjModel, qpos: np.ndarray, fps: float, mode: Literal["auto", "yes", "no"]) -> Cycle | None:
    """The part of a clip that can be repeated, as many whole cycles as fit, or None.

    Unless a cycle is asked for, one is taken that travels steadily (walking, running), or one in place that fills the
    clip and is in full swing at both ends (dancing, jumping jacks): many motions begin and end in much the same stance
    without being meant to be repeated. In a clip of more than `ONE_CYCLE` something must be seen to repeat.

    Args:
      mode: "auto" decides, "yes" takes the best there is, "no" none.
    """
    if mode == "no":
        return None
    straight, image = (
        compute_gait_features(model, qpos, fps),
        compute_gait_features(model, mirror_motion(model, qpos), fps),
    )
    step = -(-len(qpos) // MOST_COMPARED)
    found = _find_cycles(model, qpos[::step], fps / step, mode, straight[::step], image[::step])
    # Half a cycle is taken only where no whole one is nearly as good: a person is not quite symmetric.
    best = min(found, key=lambda cycle: cycle.distance * (2.0 if cycle.mirrored else 1.0), default=None)
    if best is None or step == 1:
        return best
    return _refine(best, step, image if best.mirrored else straight, straight, find_shortest(fps, best.mirrored))


def find_shortest(fps: float, is_mirrored: bool) -> int:
    """Length of the shortest cycle that is looked for, whole or half [frames]."""
    whole = max(1, round(SHORTEST_CYCLE * fps))
    return max(2, whole // 2) if is_mirrored else whole


def _refine(cycle: Cycle, step: int, other: np.ndarray, straight: np.ndarray, least: int) -> Cycle:
    """The best cycle of all frames near one that was found among every `step`-th of them.

    Args:
      cycle: the one found.
      step: frames from one that was compared to the next.
      other: gait features of where cycles begin, of the mirror image for half a cycle, (T, F).
      straight: those of where they end, (T, F).
      least: length of the shortest cycle [frames]; the one found may be shorter by less than `step`.
    """
    first, last = (max(0, at * step - step) for at in (cycle.first, cycle.last))
    distance = pairwise_rms(other[first : first + 2 * step + 1], straight[last : last + 2 * step + 1])
    apart = last + np.arange(distance.shape[1])[None] - first - np.arange(distance.shape[0])[:, None]
    distance[apart < min(least, (cycle.last - cycle.first) * step)] = np.inf
    a, b = np.unravel_index(int(distance.argmin()), distance.shape)
    return Cycle(first + int(a), last + int(b), cycle.mirrored, float(distance[a, b]))


def _find_cycles(
    model: mujoco.MjModel, qpos: np.ndarray, fps: float, mode: str, straight: np.ndarray, image: np.ndarray
) -> list[Cycle]:
    """The best whole and half cycles that are allowed, as `find_cycle` says.

    Args:
      model: of the body.
      qpos: motion, (T, nq).
      fps: frames a second.
      mode: "auto" or "yes".
      straight: gait features of the motion, (T, F).
      image: those of its mirror image.
    """
    shortest = find_shortest(fps, False)
    apart = np.arange(len(qpos))[None, :] - np.arange(len(qpos))[:, None]
    found = list[Cycle]()
    for is_mirrored, other, least in ((False, straight, shortest), (True, image, find_shortest(fps, True))):
        # From a to b the pose returns: the features of b against those (or the mirror image) of a.
        distance = pairwise_rms(other, straight)
        allowed = apart >= least
        if mode == "auto":
            allowed &= find_steady_gait(qpos, fps) & (distance < LIKENESS) & ~find_overturns(model, qpos)
            if is_mirrored:
                allowed &= apart <= LONGEST_STEP * fps
        found += find_longest_cycle(distance, allowed, is_mirrored)
    if mode == "auto" and not found:
        pose, swing = np.split(straight, 2, axis=1)
        distance = pairwise_rms(pose, pose)
        speed, end = np.linalg.norm(swing, axis=1), max(1, round(AT_THE_ENDS * fps))
        slowest = min(np.median(speed[:end]), np.median(speed[-end:]))
        if (
            slowest > IN_MOTION * np.median(speed)
            and count_root_turns(qpos) < MOST_TURN
            and (len(qpos) <= ONE_CYCLE * fps or is_repeated(distance, shortest))
        ):
            allowed = (apart >= max(shortest, LEAST_OF_PLACE * (len(qpos) - 1))) & (distance < SAME_POSE)
            found += find_longest_cycle(distance, allowed, False)
    return found


def is_repeated(distance: np.ndarray, shortest: int) -> bool:
    """Whether a motion goes through the same poses again at some period of at most half of the clip.

    Args:
      distance: of every pair of frames' poses, (T, T).
      shortest: shortest period [frames].
    """
    frames = len(distance)
    usual = np.median(distance[np.triu_indices(frames, shortest)])
    periods = range(shortest, frames // 2 + 1)
    return any(np.diagonal(distance, period).mean() < REPEATS * usual for period in periods)


def pairwise_rms(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Root mean square difference of every row of one array from every row of another, (T, F) x (T, F) -> (T, T)."""
    squares = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)[None] - 2.0 * a @ b.T
    return np.sqrt(np.maximum(squares, 0.0) / a.shape[1])


def find_steady_gait(qpos: np.ndarray, fps: float) -> np.ndarray:
    """Pairs of frames between which the body travels steadily and that span enough of the clip, bool (T, T)."""
    apart = np.arange(len(qpos))[None, :] - np.arange(len(qpos))[:, None]
    travel = np.linalg.norm(qpos[:, None, :2] - qpos[None, :, :2], axis=-1)
    # Slowest speed between any two frames: a gait never stops.
    speed = np.linalg.norm(np.gradient(qpos[:, :2], 1.0 / fps, axis=0), axis=1)
    slowest = np.stack([np.minimum.accumulate(np.r_[np.full(a, np.inf), speed[a:]]) for a in range(len(qpos))])
    pace = travel * fps / np.maximum(apart, 1)
    return (pace > SLOWEST_GAIT) & (slowest > STEADINESS * pace) & (apart >= LEAST_PART * (len(qpos) - 1))


def find_overturns(model: mujoco.MjModel, qpos: np.ndarray) -> np.ndarray:
    """Pairs of frames between which the root goes over or comes back from upside down, bool (T, T): a wheel, a flip.

    One of these ends in much the stance that it began in, and somebody who runs through it looks like a gait. The root
    of who crawls wavers about the horizontal: there it stays what it was.
    """
    upright = to_matrix(model.qpos0[None, 3:7])[0].T @ np.array([0.0, 0.0, 1.0])
    z = (to_matrix(qpos[:, 3:7]) @ upright)[:, 2]
    clear = np.flatnonzero(np.abs(z) > LEVEL)
    if not len(clear):
        return np.zeros((len(qpos), len(qpos)), dtype=bool)
    last = np.searchsorted(clear, np.arange(len(qpos)), side="right") - 1
    is_over = z[clear[np.maximum(last, 0)]] < 0.0
    changes = np.concatenate([[0], np.cumsum(is_over[1:] != is_over[:-1])])
    return changes[None, :] != changes[:, None]


def find_longest_cycle(distance: np.ndarray, allowed: np.ndarray, is_mirrored: bool) -> list[Cycle]:
    """Of all allowed pairs of frames about as near to each other as the best, those furthest apart; none or one."""
    if not allowed.any():
        return []
    good = allowed & (distance <= 1.2 * distance[allowed].min() + 0.005)
    apart = np.arange(len(distance))[None, :] - np.arange(len(distance))[:, None]
    first, last = np.unravel_index(int(np.where(good, apart - 1e-3 * distance, -1).argmax()), good.shape)
    return [Cycle(int(first), int(last), is_mirrored, float(distance[first, last]))]


def compute_gait_features(model: mujoco.MjModel, qpos: np.ndarray, fps: float) -> np.ndarray:
    """Joint positions and 0.1 s times their velocities, about the root and in its heading, (T, 6 B)."""
    bodies = np.arange(1, model.nbody)
    points = BodyPoints(bodies, np.zeros((len(bodies), 3)), np.zeros(len(bodies)))
    position = point_positions(model, qpos, points)
    velocity = np.gradient(position, 1.0 / fps, axis=0)
    position[..., :2] -= qpos[:, None, :2]
    turn = conjugate(heading(qpos[:, 3:7]))[:, None]
    both = np.concatenate([rotate(turn, position), 0.1 * rotate(turn, velocity)], axis=1)
    return both.reshape(len(qpos), -1)


def count_root_turns(qpos: np.ndarray) -> float:
    """Full turns of the root, the largest over the three axes of its own frame, without those that cancel."""
    rotation = to_matrix(qpos[:, 3:7])
    step = np.swapaxes(rotation[:-1], 1, 2) @ rotation[1:]
    vector = 0.5 * np.stack(
        [step[:, 2, 1] - step[:, 1, 2], step[:, 0, 2] - step[:, 2, 0], step[:, 1, 0] - step[:, 0, 1]], 1
    )
    return float(np.abs(vector.sum(axis=0)).max() / (2.0 * np.pi))


def mirror_motion(model: mujoco.MjModel, qpos: np.ndarray) -> np.ndarray:
    """The mirror image: y to -y, left and right exchanged, (T, nq).

    A hinge has its twin's angle, negative where their axes are no mirror images of each other. A joint that only one
    side has is at rest in the image.
    """
    flip = np.array([1.0, -1.0, 1.0, -1.0])
    image = np.tile(model.qpos0, (len(qpos), 1))
    state = mujoco.MjData(model)
    mujoco.mj_kinematics(model, state)
    for joint, twin in enumerate(find_twins(model, state)):
        if twin is None:
            continue
        start, source = int(model.jnt_qposadr[joint]), int(model.jnt_qposadr[twin])
        kind = model.jnt_type[joint]
        if kind == mujoco.mjtJoint.mjJNT_FREE:
            image[:, :7] = qpos[:, :7]
            image[:, 1] *= -1.0
            image[:, 3:7] *= flip
        elif kind == mujoco.mjtJoint.mjJNT_BALL:
            image[:, start : start + 4] = qpos[:, source : source + 4] * flip
        else:
            sign = np.sign((state.xaxis[twin] * [-1.0, 1.0, -1.0]) @ state.xaxis[joint])
            image[:, start] = sign * qpos[:, source]
    return image


def find_twins(model: mujoco.MjModel, state: mujoco.MjData) -> list[int | None]:
    """Each joint's mirror image: itself in the middle, None for one that only one side has.

    Args:
      model: a character's.
      state: at rest.
    """
    ids = {model.joint(j).name: j for j in range(model.njnt)}
    right = {name: other for name in ids if (other := find_mirror_name(name, set(ids))) is not None}
    pairs = right | {other: name for name, other in right.items()}
    middle = state.xanchor[0][1]
    found = list[int | None]()
    for name, joint in ids.items():
        is_central = abs(state.xanchor[joint][1] - middle) < 0.02
        found.append(ids[pairs[name]] if name in pairs else joint if is_central else None)
    return found


def repeat_cycle(qpos: np.ndarray, times: int) -> np.ndarray:
    """A closed cycle (T, nq) one after the other, each beginning where the last one ended, (times (T - 1) + 1, nq)."""
    result = [qpos]
    for _ in range(times - 1):
        result.append(move_to(qpos, qpos[0], result[-1][-1])[1:])
    return np.concatenate(result)


def straighten_cycle(qpos: np.ndarray) -> np.ndarray:
    """A cycle (T, nq) bent so that it ends in the direction in which it began, if that is nearly so (`STRAIGHT`)."""
    turn = to_rotvec(heading_between(qpos[0, 3:7], qpos[-1, 3:7]))[2]
    if abs(turn) > np.radians(STRAIGHT):
        return qpos
    back = np.zeros((len(qpos), 3))
    back[:, 2] = turn * np.linspace(0.5, -0.5, len(qpos))  # what the camera saw on the whole stays
    bent, from_start = qpos.copy(), qpos[:, :3] - np.array([*qpos[0, :2], 0.0])
    # Each step of the path is turned as the body is, so that it goes on forwards.
    steps = rotate(from_rotvec(back[:-1] + np.diff(back, axis=0) / 2), np.diff(from_start, axis=0))
    bent[1:, :3] = qpos[0, :3] + np.cumsum(steps, axis=0)
    bent[:, 3:7] = multiply(from_rotvec(back), qpos[:, 3:7])
    return bent
