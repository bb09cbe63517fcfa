"""Motion from a single pose: the moment of a known skill that it is most like, and what comes before and after.

SFV (Peng et al. 2018), section 9.4, "motion completion": the pose of a picture becomes the state of a simulation, and
the policy of the skill that has a pose nearest to it goes on from there. The paper tries every policy's rollout and
takes what resembles the picture; here poses of the references are compared, with the turn about the vertical free, and
the velocity is the reference's at that moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.reference import Reference
from imitate.env.task import Task
from imitate.policy import Performer
from imitate.rollout import Acting
from imitate.scene.scene import CONTROL_HZ
from imitate.tracker.performance import Controller
from imitate.tracking.draft import Draft
from reconstruct import rotations
from reconstruct.characters.character import Character
from reconstruct.cycle import mirror_motion
from reconstruct.fit.picture_pose import PicturePose
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.solver.tangent import TangentSpace
from reconstruct.world_frame import move_to

LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
COMPARED = ("nose", *(f"{side}_{part}" for part in LIMBS for side in ("left", "right")))
"""Landmarks by which poses are compared."""
DEPTH_WEIGHT = 0.1
"""Weight of a difference along the camera's axis, which a single picture shows badly."""
DIRECTIONS = 72
"""Directions of the body about the vertical that are compared."""
NEAR = 0.18
"""Greatest root mean square distance of points to a known skill that is near [m]."""
# Of rendered pictures of known skills 90 % are nearer than 0.10; of those whose own skill is left out half are further
# off than 0.17: many poses belong to several skills.
MIRROR_PENALTY = 0.03
"""Distance that a mirror image must be nearer than the skill itself [m]; without it, chance decides for symmetric
gaits."""
MIN_INTERVAL_S = 0.25
"""Least time between two candidates of one skill [s]."""
SHARES = (1.0, 0.6, 0.3)
"""Fractions of the difference between picture and reference that the simulation starts with; less if it falls."""
BLEND_S = 0.4
"""Time over which the past is blended into the picture's pose [s]."""
FUTURE_S = 3.0
"""Time that a cycle is continued for [s]."""


@dataclass(frozen=True)
class KnownPoses:
    """The poses of one reference that a picture is compared with."""

    name: str
    """Name of the skill."""
    points: np.ndarray
    """Compared landmarks about the middle of the hips, world axes [m], (K, J, 3)."""
    phase: np.ndarray
    """Fraction of the motion that has passed, (K,)."""
    fps: float
    """Frames a second."""
    loop: bool
    """True for a cycle."""

    @classmethod
    def of(cls, name: str, motion: ReferenceMotion, character: Character) -> "KnownPoses":
        """The poses of a motion at its own rate; a cycle's last one, which is its first again, is left out."""
        frames = motion.qpos[:-1] if motion.loop else motion.qpos
        phase = np.arange(len(frames)) / (len(motion) - 1)
        return cls(name, centre_on_hips(compute_points(character, frames)), phase, motion.fps, motion.loop)


@dataclass(frozen=True)
class Match:
    """A moment of a known skill that a pose is like."""

    skill: int
    """Index of its `KnownPoses`."""
    phase: float
    """Share of the motion, 0 to 1."""
    distance: float
    """Weighted root mean square distance of the compared points [m]."""
    turn: float
    """About the vertical, from the reference's world to the picture's [rad]."""
    mirrored: bool = False
    """It is like the skill's mirror image: what one person does to the left, another does to the right."""


@dataclass(frozen=True)
class Completion:
    """A motion through a picture's pose, at the control rate, in the world of the reference."""

    qpos: np.ndarray
    """(T, nq)."""
    now: int
    """Frame of the picture."""
    held: bool
    """The simulation went on to its end without a fall."""
    share: float
    """How much of the picture's difference from the reference it began with."""
    past_simulated: bool
    """The past is a rollout, too; else it is the reference."""


def compute_points(character: Character, qpos: np.ndarray) -> np.ndarray:
    """Positions of the compared landmarks, world [m], (T, nq) -> (T, J, 3)."""
    sites = tuple(character.landmarks[name] for name in COMPARED)
    return point_positions(character.model, qpos, BodyPoints.of_sites(character.model, sites))


def centre_on_hips(points: np.ndarray) -> np.ndarray:
    """Points relative to the middle of the hips, (..., J, 3)."""
    hips = [COMPARED.index(f"{side}_hip") for side in ("left", "right")]
    return points - points[..., hips, :].mean(axis=-2, keepdims=True)


def compute_picture_points(picture: PicturePose, character: Character) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `find_nearest_phases` compares of a picture: points (J, 3) [m], confidence (J,), the camera's axis (3,)."""
    points = centre_on_hips(compute_points(character, picture.qpos[None]))[0]
    columns = [picture.keypoints.names.index(name) for name in COMPARED]
    return points, picture.keypoints.confidence[0, columns], picture.view.rotation()[2]


def find_nearest_phases(
    points: np.ndarray, confidence: np.ndarray, forward: np.ndarray, known: Sequence[KnownPoses], count: int = 3
) -> list[Match]:
    """Moments of known skills that a pose is most like, the nearest first.

    Args:
      points: the pose's compared landmarks about the middle of its hips, world axes [m], (J, 3).
      confidence: how surely each was seen, 0 to 1, (J,).
      forward: the camera's axis in the same world, (3,).
      known: the skills.
      count: how many moments, all skills together.
    """
    sure = (0.2 + confidence) / (0.2 + confidence).sum()
    weight = sure[:, None] * (1.0 - (1.0 - DEPTH_WEIGHT) * np.abs(forward))
    angles = 2.0 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    found = list[Match]()
    for skill, poses in enumerate(known):
        distance = np.empty((2, DIRECTIONS, len(poses.points)))
        for mirror, shape in enumerate((poses.points, mirror_points(poses.points))):
            for k, angle in enumerate(angles):
                off = rotations.rotate(rotations.from_rotvec(np.array([0.0, 0.0, angle])), shape) - points
                distance[mirror, k] = np.sqrt(np.einsum("tji,ji->t", off**2, weight))
        distance[1] += MIRROR_PENALTY
        flat = distance.reshape(2 * DIRECTIONS, -1)
        best, which = flat.min(axis=0), flat.argmin(axis=0)
        for row in _minima(best, max(1, round(MIN_INTERVAL_S * poses.fps)), poses.loop):
            turn, mirror = float(angles[which[row] % DIRECTIONS]), bool(which[row] >= DIRECTIONS)
            found.append(Match(skill, float(poses.phase[row]), float(best[row]), turn, mirror))
    return sorted(found, key=lambda match: match.distance)[:count]


def mirror_points(points: np.ndarray) -> np.ndarray:
    """Compared points of the mirrored body: y to -y, left and right exchanged, (..., J, 3)."""
    other = {"left": "right", "right": "left"}
    twins = [COMPARED.index("_".join(other.get(word, word) for word in name.split("_"))) for name in COMPARED]
    return points[..., twins, :] * np.array([1.0, -1.0, 1.0])


def _minima(values: np.ndarray, apart: int, loop: bool) -> list[int]:
    """Rows that are least within `apart` rows on either side, the least first."""
    rows, chosen = np.arange(len(values)), list[int]()
    for row in np.argsort(values):
        away = np.abs(rows[chosen] - row)
        if loop:
            away = np.minimum(away, len(values) - away)
        if not len(away) or away.min() >= apart:
            chosen.append(int(row))
    return chosen


def complete(pose: np.ndarray, match: Match, performer: Performer | Draft, task: Task) -> Completion:
    """Performs a skill from a picture's pose on, and finds what led to it.

    Args:
      pose: of the picture, qpos (nq,); its place does not count.
      match: the moment of the skill.
      performer: a policy, or a draft, whose controller performs it.
      task: the skill's, on the plane; its character is the body of all of them.
    """
    motion, character = task.motion, task.character
    if match.mirrored:
        # Turned by an angle and then mirrored is mirrored and then turned by the opposite one.
        image = mirror_motion(character.model, pose[None])[0]
        found = complete(image, replace(match, mirrored=False, turn=-match.turn), performer, task)
        return replace(found, qpos=mirror_motion(character.model, found.qpos))
    env, policy = _make_env(performer, task, motion.duration + FUTURE_S)
    reference = env.reference
    frame = min(round(match.phase * motion.duration * CONTROL_HZ), len(reference) - 2)
    start = place_pose(pose, -match.turn, reference, frame, character)
    offset = TangentSpace.of(env.body).difference(reference.qpos[frame][None], start[None])
    steps = len(reference) - 1 - frame
    if reference.loop:
        steps = min(steps, round(FUTURE_S * CONTROL_HZ))
    paths, held = _perform(env, policy, frame, np.array(SHARES)[:, None] * offset, steps)
    chosen = next((i for i in range(len(SHARES)) if held[i]), 0)
    past, simulated = _make_past(env, policy, frame, paths[chosen][0])
    qpos = np.concatenate([past, paths[chosen]])
    return Completion(qpos, len(past), bool(held[chosen]), SHARES[chosen], simulated)


def _make_env(performer: Performer | Draft, task: Task, seconds: float) -> tuple[ImitationEnv, Acting]:
    """An environment for each of `SHARES`, and what acts in them."""
    if isinstance(performer, Draft):
        env = ImitationEnv(task, EnvConfig(action_scale=1.0, episode_seconds=seconds), len(SHARES))
        return env, Controller(performer, env)
    return ImitationEnv.for_policy(performer, task, len(SHARES), seconds), performer


def place_pose(pose: np.ndarray, turn: float, reference: Reference, frame: int, character: Character) -> np.ndarray:
    """Puts a pose where the reference is at a frame: turned about the vertical, as high above the ground, (nq,)."""
    found = pose.copy()
    about = rotations.from_rotvec(np.array([0.0, 0.0, turn]))
    found[3:7] = rotations.multiply(about, pose[3:7])
    found[:3] = reference.qpos[frame, :3]
    solid = BodyPoints.of_geoms(character.model)
    both = np.stack([found, reference.qpos[frame]])
    lowest, of_reference = (point_positions(character.model, both, solid)[..., 2] - solid.radius).min(axis=1)
    # What stands on the ground in the reference stands on it here; in flight nothing is below it.
    found[2] -= lowest - of_reference if of_reference < 0.03 else min(lowest, 0.0)
    return found


def _perform(
    env: ImitationEnv, policy: Acting, frame: int, offset: np.ndarray | None, steps: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Performs from a frame on; returns paths (T, nq), each up to a fall, and which did not fall, bool (N,)."""
    env.start(np.full(env.num_envs, frame), offset=offset)
    policy.forget(np.arange(env.num_envs))
    paths, running = [[pose.copy()] for pose in env.qpos], np.ones(env.num_envs, dtype=bool)
    for _ in range(steps):
        result = env.step(policy.act(env.observe(), None))
        running &= ~result.terminated
        for i in np.flatnonzero(running):
            paths[i].append(env.qpos[i].copy())
    return [np.array(path) for path in paths], running


def _make_past(env: ImitationEnv, policy: Acting, frame: int, now: np.ndarray) -> tuple[np.ndarray, bool]:
    """What led to a pose: the skill performed up to that moment (one cycle of it), blended into the pose, (T, nq)."""
    reference = env.reference
    # A cycle comes from the same phase one cycle earlier.
    first, last = (frame, frame + reference.starts) if reference.loop else (0, frame)
    if last == first:
        return np.empty((0, len(now))), False
    paths, held = _perform(env, policy, first, None, last - first)
    path = paths[0] if held[0] else reference.qpos[first : last + 1]
    # The end of the past is moved onto the picture's place and heading, then blended into its pose.
    moved = move_to(path, path[-1], now)
    space = TangentSpace.of(env.body)
    gap = space.difference(moved[-1:], now[None])
    age = (len(moved) - 1 - np.arange(len(moved))) / CONTROL_HZ
    fade = np.clip(1.0 - age / BLEND_S, 0.0, 1.0)
    fade = fade * fade * (3.0 - 2.0 * fade)
    return space.integrate(moved, fade[:, None] * gap)[:-1], bool(held[0])


def move_into_picture(completion: Completion, pose: np.ndarray) -> tuple[np.ndarray, float]:
    """Moves a motion into the picture's world, with the ground at z = 0, and finds how much higher its camera stands.

    Args:
      completion: the motion.
      pose: of the picture, qpos (nq,), in a world whose ground is not known.

    Returns:
      qpos (T, nq) that passes through the pose, and the height to add to the picture's world [m].
    """
    now = completion.qpos[completion.now]
    return move_to(completion.qpos, now, pose), float(now[2] - pose[2])
