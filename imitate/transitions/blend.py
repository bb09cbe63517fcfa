"""A blend: the reference of the skill that is entered, led from the state in which a body comes to its own.

The difference between the two is taken at the entry and goes away by a smooth step ("inertialization", Bollo 2016), so
the reference begins with the body's own pose and velocity. The policy sees the step to the reference's next pose and
sets its servos from there, so it performs what is blended without having learnt it.
"""

from dataclasses import dataclass, replace

import numpy as np

from imitate.env.env import ImitationEnv
from imitate.env.joint_layout import JointLayout
from imitate.env.reference import Reference, locate_bodies
from imitate.scene.scene import CONTROL_HZ
from imitate.transitions.leg import Leg, enter, find_placement, perform_skill, place_states
from imitate.transitions.states import ChainableSkill

FASTEST = 6.0
"""Differences of joints' speeds are led on by at most this much [rad/s]: more would bend them beyond the start."""


@dataclass(frozen=True, eq=False)
class Apart:
    """How far N bodies are from a frame of a reference, in MuJoCo's tangent layout."""

    offset: np.ndarray
    """Step from the reference's pose to the body's, (N, nv); none along the ground."""
    speed: np.ndarray
    """The body's velocity less the reference's, (N, nv)."""

    def after(self, step: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """What is left of both after `step` of `steps` control steps: tangent steps and velocities, (N, nv) each.

        Offsets follow the cubic that begins with the offset and its speed and ends with neither. The root's way along
        the ground is instead the integral of what is left of its speed: a body that comes faster goes further.
        """
        share, seconds = step / steps, steps / CONTROL_HZ
        smooth = 1.0 - share**2 * (3.0 - 2.0 * share)
        offset, speed = self.offset * smooth, self.speed * smooth
        slope = self.offset * (6.0 * share**2 - 6.0 * share) / seconds
        led = np.clip(self.speed[:, 6:], -FASTEST, FASTEST)
        offset[:, 6:] += led * (share**3 - 2.0 * share**2 + share) * seconds
        speed[:, 6:] = slope[:, 6:] + self.speed[:, 6:] * (3.0 * share**2 - 4.0 * share + 1.0)
        speed[:, 2] += slope[:, 2]
        speed[:, 3:6] += slope[:, 3:6]
        offset[:, :2] = -self.speed[:, :2] * seconds * (0.5 - share + share**3 - share**4 / 2.0)
        return offset, speed


def enter_skill(
    target: ChainableSkill, entry: int, qpos: np.ndarray, qvel: np.ndarray, end: int, steps: int = 0
) -> Leg:
    """A leg of bodies that come into a skill as they are, up to frame `end` of its reference.

    Args:
      target: skill that is entered.
      entry: frame of its reference.
      qpos: poses, (N, nq).
      qvel: velocities, (N, nv).
      end: frame that the leg leads to; beyond the last one means the last.
      steps: length of the blend [control steps]; 0 for none.
    """
    leg = perform_skill(target, len(qpos), end)
    if steps == 0:
        enter(leg, entry, qpos, qvel)
        return leg
    env = leg.env
    turn, shift = find_placement(qpos, env.reference.qpos[entry])
    placed, moving = place_states(qpos, qvel, turn, shift)
    apart = find_apart(env.joints, env.reference, entry, placed, moving)
    env.use_reference(blend_references(env, entry, leg.end, apart, steps))
    env.start(np.arange(len(qpos)) * (leg.end + 1) + entry)
    return leg


def find_apart(joints: JointLayout, reference: Reference, entry: int, qpos: np.ndarray, qvel: np.ndarray) -> Apart:
    """How far bodies (N, nq), (N, nv) that were brought to a frame of a reference are from it."""
    offset = joints.difference(np.repeat(reference.qpos[entry][None], len(qpos), axis=0), qpos)
    offset[:, :2] = 0.0
    return Apart(offset, qvel - reference.qvel[entry])


def blend_references(env: ImitationEnv, entry: int, end: int, apart: Apart, steps: int) -> Reference:
    """The reference of each of N bodies, one after the other in one table of N x (end + 1) rows.

    Args:
      env: of the skill that is entered.
      entry: frame.
      end: last frame that is needed.
      apart: how far the bodies are from it.
      steps: length of the blend [control steps].
    """
    count, rows, own = len(apart.offset), end + 1, env.reference
    tables = {name: np.concatenate([table[:rows]] * count) for name, table in own.tables.items()}
    for k in range(min(steps, rows - entry)):
        at = np.arange(count) * rows + entry + k
        offset, speed = apart.after(k, steps)
        qpos = env.joints.integrate(tables["qpos"][at], offset)
        tables["qpos"][at], tables["qvel"][at] = qpos, tables["qvel"][at] + speed
        for name, table in locate_bodies(qpos, env.task.character, env.body).items():
            tables[name][at] = table
    return replace(own, **tables, last=np.repeat(np.arange(count) * rows + end, rows))
