"""The states that a skill visits, and how far they are from those where another one can be entered."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from imitate.env.env import ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.scene.scene import CONTROL_HZ
from reconstruct import rotations

BODIES = 24
"""Rollouts whose states are handed over, and that must go on."""
TRIED = 10
"""Pairs of frames that are tried."""
APART = 4
"""Least distance of tried pairs, in frames of either skill."""
EXITS_FROM, ENTRIES_UNTIL = 0.75, 0.2
"""Share of a motion that is no cycle after which it can be left, and up to which it can be entered."""
SPEED_SCALE = 0.2
"""Weight of differences of speed in the distance of two states [s]."""
CONTACT_HEIGHT, CONTACT_GAP = 0.12, 0.1
"""A foot whose ankle is this low rests [m]; a foot that rests in one state alone counts as so much distance [m]."""
LOOP_SECONDS = 12.0
"""Longest time for which a cycle is performed between two others [s]."""
UPRIGHT = 0.5
"""Least norm of a root's rotation about the vertical; below it a body is upside down and faces nowhere."""


@dataclass(frozen=True, eq=False)
class ChainableSkill:
    """A skill that can be left and entered."""

    name: str
    task: Task
    """On flat ground, without a box or bars."""
    policy: Policy


@dataclass(frozen=True)
class Pair:
    """A state of one skill and a frame of another."""

    exit: int
    """Frame at which the first is left; of a cycle, in its first round."""
    entry: int
    """Frame of the second's reference at which it is entered."""
    pose_gap: float
    """Distance of the bodies' parts, root mean square [m]."""
    speed_gap: float
    """Difference of their speeds, likewise [m/s]."""


@dataclass(frozen=True, eq=False)
class States:
    """What a policy does: the states of N rollouts at the frames of its first round (or second, for a cycle)."""

    qpos: np.ndarray
    """(K, N, nq)."""
    qvel: np.ndarray
    """(K, N, nv)."""
    alive: np.ndarray
    """Not fallen so far, bool (K, N)."""
    features: np.ndarray
    """Means over the living, (K, F); see `describe_states`."""
    usable: np.ndarray
    """Frames at which the body faces somewhere and at least half of the rollouts live, bool (K,)."""


@lru_cache(maxsize=32)
def collect_states(performer: ChainableSkill) -> States:
    """Performs a skill with disturbed starts and keeps the states; of a cycle, those of the second round."""
    env = ImitationEnv.for_policy(performer.policy, performer.task, BODIES, LOOP_SECONDS)
    reference = env.reference
    skipped = reference.starts if reference.loop else 0
    count = 2 * reference.starts if reference.loop else len(reference) - 1
    first = np.zeros(BODIES, dtype=np.int64)
    env.start(first, rng=np.random.default_rng(0), offset=env.rest(first))
    qpos, qvel, bodies, alive = [], [], [], [np.ones(BODIES, dtype=bool)]
    for k in range(count + 1):
        qpos.append(env.qpos.copy())
        qvel.append(env.qvel.copy())
        bodies.append(env.bodies_xpos.copy())
        if k < count:
            alive.append(alive[-1] & ~env.step(performer.policy.act(env.observe())).terminated)
    kept = slice(skipped, skipped + reference.starts if reference.loop else None)
    positions, lives = np.array(bodies), np.array(alive)
    features = describe_states(np.array(qpos), positions, performer.task)
    share = np.maximum(lives.sum(axis=1), 1)
    means = np.einsum("kn,knf->kf", lives, features) / share[:, None]
    upright = np.linalg.norm(np.array(qpos)[:, :, [3, 6]], axis=-1) > UPRIGHT
    usable = ((upright | ~lives).all(axis=1)) & (lives.mean(axis=1) >= 0.5)
    return States(np.array(qpos)[kept], np.array(qvel)[kept], lives[kept], means[kept], usable[kept])


def describe_states(qpos: np.ndarray, bodies: np.ndarray, task: Task) -> np.ndarray:
    """Features whose squared distance says how far apart two states are, (K, N, F).

    Positions of the bodies in the root's heading frame, above the ground; their velocities; which feet rest.

    Args:
      qpos: consecutive frames at the control rate, (K, N, nq).
      bodies: origins of the moving bodies [m], (K, N, B, 3).
      task: names the feet.
    """
    turn = rotations.conjugate(rotations.heading(qpos[..., 3:7]))[..., None, :]
    offset = bodies - bodies[..., :1, :] * np.array([1.0, 1.0, 0.0])
    parts = bodies.shape[2]
    speed = np.gradient(bodies, axis=0) * CONTROL_HZ
    feet = [task.model.body(name).id - 1 for name in task.character.foot_bodies]
    rests = CONTACT_GAP * (bodies[..., feet, 2] < CONTACT_HEIGHT)
    shape = (*qpos.shape[:2], -1)
    return np.concatenate(
        [
            rotations.rotate(turn, offset).reshape(shape) / np.sqrt(parts),
            rotations.rotate(turn, speed).reshape(shape) * SPEED_SCALE / np.sqrt(parts),
            rests,
        ],
        axis=-1,
    )


def choose_pairs(source: ChainableSkill, target: ChainableSkill, states: States) -> list[Pair]:
    """The nearest pairs of a state of the source and a frame of the target, the nearest first."""
    reference = target.task.reference(LOOP_SECONDS)
    frames = reference.starts if reference.loop else max(4, round(ENTRIES_UNTIL * len(reference)))
    exits = np.flatnonzero(states.usable)
    if not source.task.motion.loop:
        exits = exits[exits >= EXITS_FROM * len(states.usable)]
    entries = np.arange(frames)
    entries = entries[np.linalg.norm(reference.qpos[entries][:, [3, 6]], axis=1) > UPRIGHT]
    wanted = describe_states(reference.qpos[:, None], reference.bodies[:, None], target.task)[:, 0]
    away = states.features[exits][:, None] - wanted[entries]
    distance = (away**2).sum(axis=-1)
    places = 3 * reference.bodies.shape[1]
    chosen = list[Pair]()
    for flat in np.argsort(distance, axis=None):
        i, j = np.unravel_index(flat, distance.shape)
        exit, entry = int(exits[i]), int(entries[j])
        if any(abs(exit - a) + abs(entry - b) < APART for a, b in ((pair.exit, pair.entry) for pair in chosen)):
            continue
        pose, speed = np.linalg.norm(away[i, j, :places]), np.linalg.norm(away[i, j, places : 2 * places])
        chosen.append(Pair(exit, entry, float(pose), float(speed) / SPEED_SCALE))
        if len(chosen) == TRIED:
            break
    return chosen
