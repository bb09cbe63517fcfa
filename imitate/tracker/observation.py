"""What a tracker sees of the motion that it is to follow: how far it is off, and frames of the next half second.

As DeepMimic's target observation (Peng et al. 2018, section 5.1), but of several frames, and without the phase, which
means nothing where motions differ. All is relative to the present frame's heading and to where the body is, so neither
the time that has passed, nor the place, nor the direction of a motion makes a difference.
"""

import numpy as np

from imitate.env.joint_layout import JointLayout
from imitate.env.observation import turn_back
from imitate.env.reference import Reference
from reconstruct.rotations import rotate

AHEAD = (2, 4, 7, 11, 15)
"""Control steps from the present frame to those that are seen; the next one is in the observation of every skill."""


def future_size(joints: JointLayout, end_effectors: int) -> int:
    """Numbers that `observe_future` returns for each environment."""
    return len(AHEAD) * (12 + joints.nv - 6 + 3 * end_effectors + 5)


def observe_error(
    reference: Reference, joints: JointLayout, frame: np.ndarray, qpos: np.ndarray, qvel: np.ndarray
) -> np.ndarray:
    """How far bodies are from the present frame, which is what controllers feed back, float32 (N, 2 nv).

    A network would have to find them as small differences of large numbers: a body's speeds and those of the reference.

    Args:
      reference: the motion.
      joints: the body's layout.
      frame: where the environments are in it, (N,).
      qpos: their poses, (N, nq).
      qvel: their velocities, (N, nv).

    Returns:
      Tangent steps from the reference [m, rad] and differences of velocities [m/s, rad/s]; the root's place and speed
      in the present heading, rotations in their own axes.
    """
    parts = joints.difference(reference.qpos[frame], qpos), qvel - reference.qvel[frame]
    heading = reference.heading[frame]
    turned = [np.concatenate([turn_back(part[:, None, :3], heading)[:, 0], part[:, 3:]], axis=1) for part in parts]
    return np.concatenate(turned, axis=1, dtype=np.float32, casting="same_kind")


def describe_frames(reference: Reference, joints: JointLayout, rest: np.ndarray) -> np.ndarray:
    """What is seen of each frame by itself, in its own heading, float32 (K, F).

    The root's rotation (two columns of its matrix), linear and angular velocity (world axes, turned), the joints as
    tangent steps from a rest pose [rad], and the end effectors from the root [m].

    Args:
      reference: the frames.
      joints: the body's layout.
      rest: a pose, qpos (nq,).
    """
    count = len(reference)
    quat = reference.qpos[:, 3:7]
    own = np.stack([np.tile([1.0, 0.0, 0.0], (count, 1)), np.tile([0.0, 1.0, 0.0], (count, 1)), reference.qvel[:, 3:6]])
    first, second, spin = (rotate(quat, vector) for vector in own)
    speed = reference.qvel[:, :3]
    vectors = np.concatenate([np.stack([first, second, speed, spin], axis=1), reference.end_effectors], axis=1)
    turned = turn_back(vectors, reference.heading)
    pose = joints.difference(np.repeat(rest[None], count, axis=0), reference.qpos)[:, 6:]
    return np.concatenate([turned.reshape(count, -1), pose], axis=1).astype(np.float32)


def observe_future(reference: Reference, table: np.ndarray, frame: np.ndarray, root: np.ndarray) -> np.ndarray:
    """What is seen of the frames to come, float32 (N, S).

    Args:
      reference: the motion.
      table: of `describe_frames`.
      frame: where the environments are in it, (N,).
      root: where their bodies are, world [m], (N, 3).

    Returns:
      For each of `AHEAD` the row of the table, the way from the body's root to the reference's [m], in the present
      heading, and the sine and cosine of the change of heading until then.
    """
    parts = list[np.ndarray]()
    heading = reference.heading[frame]
    for steps in AHEAD:
        then = reference.follow(frame, steps)
        way = turn_back((reference.qpos[then, :3] - root)[:, None], heading)[:, 0]
        turn = reference.heading[then] - heading
        parts += [table[then], way, np.stack([np.sin(turn), np.cos(turn)], axis=1)]
    return np.concatenate(parts, axis=1, dtype=np.float32, casting="same_kind")
