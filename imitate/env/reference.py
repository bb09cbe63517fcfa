"""A reference motion as the environment reads it: one table, a frame for each control step.

Loops are unrolled: the table holds one cycle of possible starts followed by the longest episode. So a step of the
environment is a lookup, motions of any frame rate and length fit, and nothing knows about the seam of a loop.
"""

from dataclasses import dataclass

import mujoco
import numpy as np

from imitate.env.termination import GeomShapes, solid_bodies
from imitate.scene.ground import Ground
from imitate.scene.objects import find_height_above
from imitate.scene.placement import place_on_ground
from imitate.scene.scene import CONTROL_HZ
from reconstruct import rotations
from reconstruct.characters.character import Character
from reconstruct.motion import ReferenceMotion

TOUCH_HEIGHT = 0.05
"""A part of the reference this near to the ground counts as touching it [m]; references float by centimetres."""
TOUCH_WINDOW = round(0.25 * CONTROL_HZ)
"""Touching early or late by this many steps is forgiven."""
REST_HEIGHT = 0.01
"""A body whose lowest point is below this height rests on the ground, or on a box [m]."""
REST_DEPTH = 0.006
"""Depth at which the ground bears a body that stands [m]: simulated contact is soft."""


@dataclass(frozen=True)
class Reference:
    """The reference at K control steps, (K, ...) each."""

    qpos: np.ndarray
    """Pose, (K, nq)."""
    qvel: np.ndarray
    """Velocity in MuJoCo's tangent layout, (K, nv)."""
    phase: np.ndarray
    """Share of the cycle or clip that has passed, 0 to 1, (K,)."""
    heading: np.ndarray
    """Direction of the root about the vertical [rad], smooth through somersaults, (K,)."""
    com: np.ndarray
    """Centre of mass, world [m], (K, 3)."""
    end_effectors: np.ndarray
    """End effector sites relative to the root's position, world axes [m], (K, E, 3)."""
    key_bodies: np.ndarray
    """Root and key bodies, world [m], (K, 1 + B, 3)."""
    bodies: np.ndarray
    """Origins of all moving bodies, world [m], (K, B, 3)."""
    may_touch: np.ndarray
    """Fall bodies that touch the ground in the reference as well, about now, bool (K, F)."""
    rise: np.ndarray
    """How much higher than the reference a body starts [m], (K,): one that rests, where the ground bears it."""
    # On the surface nothing bears a foot: the body drops by 6 mm, and where it stands on one leg it tips over a second
    # later. November 2026, SFV's dance: from the reference's states the draft's own controller fell in 6 of 64 rollouts
    # and a policy in 3 of 40; from this depth, 2 and none.
    reach: np.ndarray
    """How far along the ground's direction any part of the body has been so far [m], (K,): where a box would be."""
    last: np.ndarray
    """The frame with which the clip of each frame ends, (K,): the same for all, but where clips are joined."""
    starts: int
    """Episodes may start at frames 0 to starts - 1."""
    loop: bool
    """True for a cycle that goes on."""

    def __len__(self) -> int:
        return len(self.qpos)

    @property
    def tables(self) -> dict[str, np.ndarray]:
        """All that has a row for each frame, but `last`, which other rows before them change."""
        return {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray) and name != "last"}

    def follow(self, frame: np.ndarray, steps: int = 1) -> np.ndarray:
        """The frames that come so many control steps later, none after its clip's last, (N,) -> (N,)."""
        return np.minimum(frame + steps, self.last[frame])

    @property
    def duration(self) -> float:
        """Length of the clip, or of one cycle [s]."""
        return (self.starts if self.loop else len(self) - 1) / CONTROL_HZ

    @property
    def episode_steps(self) -> int:
        """Control steps in the longest episode."""
        return len(self) - 1 - (self.starts if self.loop else 0)


def unroll_cycle(motion: ReferenceMotion, duration: float) -> np.ndarray:
    """Frames of a loop repeated for at least `duration` [s], each cycle moved and turned by the last, (T', nq)."""
    first, last = motion.qpos[0], motion.qpos[-1]
    turn = rotations.heading_between(first[3:7], last[3:7])
    cycle = motion.qpos[:-1]
    cycles, total_turn, origin = [], np.array([1.0, 0.0, 0.0, 0.0]), first[:3] * [1.0, 1.0, 0.0]
    way = (last[:3] - first[:3]) * [1.0, 1.0, 0.0]
    count = int(np.ceil(duration * motion.fps / len(cycle))) + 1
    for _ in range(count):
        moved = cycle.copy()
        moved[:, :3] = origin + rotations.rotate(total_turn, cycle[:, :3] - first[:3] * [1.0, 1.0, 0.0])
        moved[:, 3:7] = rotations.multiply(total_turn, cycle[:, 3:7])
        cycles.append(moved)
        origin = origin + rotations.rotate(total_turn, way)
        total_turn = rotations.normalise(rotations.multiply(turn, total_turn))
    return np.concatenate(cycles)


def sample_poses(model: mujoco.MjModel, frames: np.ndarray, fps: float, times: np.ndarray) -> np.ndarray:
    """Poses between frames, each joint along the shortest way, (T, nq) at times (K,) [s] -> (K, nq)."""
    poses, step = np.empty((len(times), model.nq)), np.zeros(model.nv)
    for k, time in enumerate(np.clip(times, 0.0, (len(frames) - 1) / fps)):
        before = min(int(time * fps + 1e-9), len(frames) - 2)
        mujoco.mj_differentiatePos(model, step, 1.0, frames[before], frames[before + 1])
        poses[k] = frames[before]
        mujoco.mj_integratePos(model, poses[k], step, time * fps - before)
    return poses


def smooth_heading(root_quat: np.ndarray) -> np.ndarray:
    """Heading angle without the flips that a body makes when it passes through upside down, (K, 4) -> (K,) [rad].

    The swing-twist heading of an inverted body is undefined. It is taken where it is sound and led on in between.
    """
    twist = root_quat[:, [0, 3]]
    sound = np.linalg.norm(twist, axis=1) > 0.5
    if not sound.any():
        return np.zeros(len(root_quat))
    frames = np.arange(len(root_quat))
    angle = 2.0 * np.arctan2(twist[:, 1], twist[:, 0])
    return np.interp(frames, frames[sound], np.unwrap(angle[sound]))


def build_reference(
    motion: ReferenceMotion,
    character: Character,
    model: mujoco.MjModel,
    episode_seconds: float,
    ground: Ground | None = None,
) -> Reference:
    """Lays a motion out at the control rate.

    Args:
      motion: what to imitate.
      character: names the parts that the environment watches.
      model: the body in its scene.
      episode_seconds: longest episode of a loop [s]; a clip that does not loop is passed once.
      ground: the motion, made for a plane, is set upon it (`placement.py`); None for the plane.
    """
    ground = ground or Ground()
    if motion.qpos.shape[1] != model.nq:
        raise ValueError(f"the motion has {motion.qpos.shape[1]} coordinates, character {character.name} {model.nq}")
    frames = motion.qpos
    if motion.loop:
        starts = max(1, round(motion.duration * CONTROL_HZ))
        steps = starts + round(episode_seconds * CONTROL_HZ) + 1
        frames = unroll_cycle(motion, (steps + 1) / CONTROL_HZ)
    else:
        steps = int(motion.duration * CONTROL_HZ + 1e-9) + 1
        starts = max(1, steps - 1)
    if not (ground.flat or ground.own):
        frames = place_on_ground(frames, motion.fps, character, model, ground)
    times = np.arange(steps) / CONTROL_HZ
    qpos = sample_poses(model, frames, motion.fps, times)
    qvel = sample_velocities(model, frames, motion.fps, times)
    if motion.loop and abs(starts / CONTROL_HZ - motion.duration) < 1e-6:
        qvel[0, 6:] = qvel[starts, 6:]
    phase = times / motion.duration
    phase = phase % 1.0 if motion.loop else np.minimum(phase, 1.0)
    return make_table(qpos, qvel, phase, character, model, ground, starts, motion.loop)


def make_table(
    qpos: np.ndarray,
    qvel: np.ndarray,
    phase: np.ndarray,
    character: Character,
    model: mujoco.MjModel,
    ground: Ground,
    starts: int,
    loop: bool = False,
) -> Reference:
    """What follows from poses (K, nq), velocities (K, nv) and phases (K,) at the control rate."""
    steps = len(qpos)
    return Reference(
        qpos=qpos,
        qvel=qvel,
        phase=phase,
        heading=smooth_heading(qpos[:, 3:7]),
        **locate_parts(qpos, character, model, ground),
        last=np.full(steps, steps - 1),
        starts=starts,
        loop=loop,
    )


def sample_velocities(model: mujoco.MjModel, frames: np.ndarray, fps: float, times: np.ndarray) -> np.ndarray:
    """Mean velocities over a control step about each time, in MuJoCo's tangent layout, (T, nq) -> (K, nv)."""
    half, end = 0.5 / CONTROL_HZ, (len(frames) - 1) / fps
    before, after = np.clip(times - half, 0.0, end), np.clip(times + half, 0.0, end)
    poses_before, poses_after = (sample_poses(model, frames, fps, t) for t in (before, after))
    qvel = np.zeros((len(times), model.nv))
    for k in range(len(times)):
        mujoco.mj_differentiatePos(model, qvel[k], after[k] - before[k], poses_before[k], poses_after[k])
    return qvel


def locate_bodies(qpos: np.ndarray, character: Character, model: mujoco.MjModel) -> dict[str, np.ndarray]:
    """Where bodies and end effectors are, by the names of the fields of `Reference`, (K, nq) -> (K, ...) each."""
    sites = character.site_ids(character.end_effectors)
    keys = np.array([1] + [model.body(name).id for name in character.key_bodies])
    count, data = len(qpos), mujoco.MjData(model)
    com, end_effectors = np.empty((count, 3)), np.empty((count, len(sites), 3))
    bodies, key_bodies = np.empty((count, model.nbody - 1, 3)), np.empty((count, len(keys), 3))
    for k in range(count):
        data.qpos[:] = qpos[k]
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        com[k] = data.subtree_com[1]
        end_effectors[k] = data.site_xpos[sites] - data.xpos[1]
        key_bodies[k] = data.xpos[keys]
        bodies[k] = data.xpos[1:]
    return {"com": com, "end_effectors": end_effectors, "key_bodies": key_bodies, "bodies": bodies}


def locate_parts(
    qpos: np.ndarray, character: Character, model: mujoco.MjModel, ground: Ground
) -> dict[str, np.ndarray]:
    """`locate_bodies`, what touches the ground and how far the body has been, (K, nq) -> (K, ...) each."""
    shapes = GeomShapes.of(model, character.fall_bodies)
    whole = GeomShapes.of(model, solid_bodies(model))
    ahead = np.array([np.cos(ground.yaw), np.sin(ground.yaw), 0.0])
    start = float(ground.origin[0] * ahead[0] + ground.origin[1] * ahead[1])
    count, data = len(qpos), mujoco.MjData(model)
    touching, reach = np.empty((count, len(character.fall_bodies)), dtype=bool), np.empty(count)
    lowest = np.empty(count)
    for k in range(count):
        data.qpos[:] = qpos[k]
        mujoco.mj_kinematics(model, data)
        geoms = data.geom_xpos[None], data.geom_xmat.reshape(1, -1, 3, 3)
        touching[k] = shapes.clearance(ground, *geoms)[0] < TOUCH_HEIGHT
        lowest[k] = min(whole.clearance(ground, *geoms)[0].min(), find_height_above(model, data, REST_HEIGHT))
        reach[k] = whole.furthest(ahead, *geoms)[0] - start
    near = [touching[max(0, k - TOUCH_WINDOW) : k + TOUCH_WINDOW + 1].any(axis=0) for k in range(count)]
    rise = np.where(lowest < REST_HEIGHT, -REST_DEPTH - lowest, 0.0)
    touch = {"may_touch": np.stack(near), "rise": rise, "reach": np.maximum.accumulate(reach)}
    return locate_bodies(qpos, character, model) | touch
