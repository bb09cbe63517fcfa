"""Motions in a robot's own joints: what both tables and archives hold, and what is found out about it."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pose.errors import InputError
from reconstruct.characters.character import Character
from reconstruct.contacts import contact_points
from reconstruct.formats.options import Finding
from reconstruct.formats.rate import check_rate
from reconstruct.formats.speed import FASTEST, check_speed, find_leaps
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import from_rotvec, multiply, normalise, rotate

RATE = 30.0
"""Frames a second of Unitree's files, which do not say it."""
LYING = 0.05
"""Height of a root over that in its standing pose at least, where the body lies."""
HEIGHT_OF_ROOT = (0.5, 1.3)
"""Usual height of a root over that in its standing pose, at least and at most, where it stands."""


ON_GROUND = 0.12
"""Mean distance of the lowest joint or sole from the ground up to which a body is on it [m]."""
UPWARD = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class RobotMotion:
    """A motion that is given in a character's own joints."""

    motion: ReferenceMotion
    findings: tuple[Finding, ...] = ()
    has_contacts: bool = True
    """Whether the file says which parts touch the ground, and is on it."""


@dataclass(frozen=True)
class RobotFrames:
    """What a file says of a robot's motion, before it is known what it means."""

    places: np.ndarray
    """Of the root, (T, 3)."""
    turns: np.ndarray
    """Its quaternion, (T, 4)."""
    hinges: np.ndarray
    """Angles, (T, joints), in the model's order."""
    order: str
    """Of the quaternion, by custom or by its names: `xyzw` or `wxyz`."""
    fps: float | None = None
    """Frames a second; None if the file does not say it."""
    has_unit: np.ndarray | None = None
    """Whose angles are known to be in radians, bool (joints,); None for none."""


def to_motion(character: Character, frames: RobotFrames, path: Path) -> RobotMotion:
    """The motion of a character's joints, in metres and radians, z up.

    Args:
      character: whose joints they are.
      frames: what the file says.
      path: of the file, for messages.

    Raises:
      InputError: its root is turned by no unit quaternions, or moves as nothing can.
    """
    lengths = np.linalg.norm(frames.turns, axis=1)
    if np.abs(lengths - 1.0).max() > 0.05:
        raise InputError(f"{path}: the root's rotation has length {lengths.min():.2f}; expected unit quaternions")
    findings = [Finding("character", f"joints of {character.name}")]
    standing = float(character.model.qpos0[2])
    turn, quat, said = find_axes(frames, standing)
    if not said:
        quat, said = find_order_by_ground(character, frames, quat)
    if frames.fps is None:
        text = f"no frame rate in the file: {RATE:g} a second are taken; --fps overrules"
        findings.append(Finding("rate", text, doubtful=True))
    hinges, unit_of_angles = find_unit_of_angles(frames.hinges, frames.has_unit)
    findings.extend(unit_of_angles)
    places = rotate(turn, frames.places)
    places, unit = find_unit_of_path(places, frames.fps or RATE, standing)
    qpos = np.concatenate([places, quat, hinges], axis=1)
    found = make_motion(character, qpos, frames.fps or RATE)
    return RobotMotion(found, (*findings, *said, *unit), has_contacts=False)


def find_unit_of_angles(hinges: np.ndarray, has_unit: np.ndarray | None = None) -> tuple[np.ndarray, list[Finding]]:
    """Angles in radians, those that go beyond two turns taken for degrees, and whether that was done.

    Args:
      hinges: (T, joints).
      has_unit: whose angles are known to be in radians, bool (joints,); None for none.
    """
    is_guessed = np.ones(hinges.shape[1], dtype=bool) if has_unit is None else ~has_unit
    if np.abs(hinges[:, is_guessed]).max(initial=0.0) <= 4 * np.pi:
        return hinges, []
    said = Finding("unit", "angles look like degrees: taken as such", doubtful=True)
    return np.where(is_guessed, np.radians(hinges), hinges), [said]


def find_axes(frames: RobotFrames, standing: float) -> tuple[np.ndarray, np.ndarray, tuple[Finding, ...]]:
    """The rotation to z up (4,), the root's quaternions wxyz there (T, 4), and what is doubtful of them.

    Customs hold unless the root stands by another: along y, as high as it does, or with the quaternion in the other
    order.

    Args:
      frames: what the file says.
      standing: height of the root as the body stands [m].
    """
    quats = {
        "wxyz": normalise(frames.turns),
        "xyzw": normalise(frames.turns[:, [3, 0, 1, 2]]),
    }
    up = {order: rotate(quat, UPWARD[None]).mean(axis=0) for order, quat in quats.items()}
    order = frames.order
    other = "wxyz" if order == "xyzw" else "xyzw"
    is_high = [is_height_of_root(float(np.median(frames.places[:, axis])) / standing) for axis in range(3)]
    if up[order][1] > 0.8 and is_high[1] and not is_high[2]:
        turn = from_rotvec(np.array([np.pi / 2, 0.0, 0.0]))
        said = Finding("up", "+y up: the root stands along it, as high as it does", doubtful=True)
        return turn, multiply(turn[None], quats[order]), (said,)
    identity, findings = np.array([1.0, 0.0, 0.0, 0.0]), ()
    if up[other][2] > 0.7 and up[order][2] < 0.3:
        findings = (Finding("format", f"quaternions are {other}: so it stands", doubtful=True),)
        order = other
    return identity, quats[order], findings


def find_order_by_ground(
    character: Character, frames: RobotFrames, quat: np.ndarray
) -> tuple[np.ndarray, tuple[Finding, ...]]:
    """The root's quaternions in the other order where the body is on the ground only then, and what was done.

    Who crawls or gets up does not show by the root alone which order is right: with the wrong one the limbs reach
    below the ground or hang above it.

    Args:
      character: whose joints they are.
      frames: what the file says, z up.
      quat: the root's quaternions by custom, wxyz (T, 4).
    """
    other = normalise(frames.turns[:, [3, 0, 1, 2]] if frames.order == "wxyz" else frames.turns)
    if rotate(quat, UPWARD[None])[:, 2].mean() > 0.7:
        return quat, ()
    some = np.linspace(0, len(quat) - 1, min(len(quat), 40)).astype(int)
    bodies = np.arange(1, character.model.nbody)
    origins = BodyPoints(bodies, np.zeros((len(bodies), 3)), np.zeros(len(bodies)))
    errors = list[float]()
    for turns in (quat, other):
        qpos = np.concatenate([frames.places, turns, frames.hinges], axis=1)[some]
        both = [point_positions(character.model, qpos, points) for points in (origins, contact_points(character))]
        errors.append(float(np.abs(np.concatenate(both, axis=1)[..., 2].min(axis=1)).mean()))
    if errors[1] > ON_GROUND or errors[0] < max(ON_GROUND, 2.0 * errors[1]):
        return quat, ()
    order = "xyzw" if frames.order == "wxyz" else "wxyz"
    text = f"quaternions are {order}: so the body is on the ground, otherwise {errors[0]:.2f} m off it"
    return other, (Finding("format", text, doubtful=True),)


def is_height_of_root(ratio: float) -> bool:
    """Whether a height over that of the standing root is one, in metres, centimetres or millimetres."""
    low, high = HEIGHT_OF_ROOT
    return any(low < ratio * length < high for length in (1.0, 0.01, 0.001))


def find_unit_of_path(places: np.ndarray, fps: float, standing: float) -> tuple[np.ndarray, tuple[Finding, ...]]:
    """Places (T, 3) in metres, by how high and how fast the root is.

    Args:
      places: in the file's unit.
      fps: frames a second.
      standing: height of the root as the body stands [m].
    """
    ratio = float(np.median(places[:, 2])) / standing
    speed = float(np.percentile(np.linalg.norm(np.diff(places, axis=0), axis=1), 75)) * fps
    low, high = HEIGHT_OF_ROOT
    for name, length in (("centimetres", 0.01), ("millimetres", 0.001)):
        is_high = low < ratio * length < high
        is_fast = speed > FASTEST and speed * length < FASTEST and LYING < ratio * length < high
        if is_high or is_fast:
            text = f"the root's path looks like {name}: {np.median(places[:, 2]):.3g} high; scaled to metres"
            return places * length, (Finding("unit", text, doubtful=True),)
    return places, ()


def check_path(found: RobotMotion, path: Path) -> RobotMotion:
    """The same with what is doubtful of its rate and its root's path, at the rate that holds.

    Raises:
      InputError: it is faster than anything on legs all through, or lasts longer than anything that is read.
    """
    motion = found.motion
    root = motion.qpos[:, :3]
    rate = check_rate(len(motion), motion.fps, path)
    found = replace(found, findings=(*found.findings, *rate))
    check_speed(root, motion.fps, path)
    leaps = np.flatnonzero(find_leaps(root, motion.fps))
    if not leaps.size:
        return found
    first = int(leaps[0])
    far = float(np.linalg.norm(root[first + 1] - root[first]))
    text = f"the root leaps by {far:.1f} m at {(first + 1) / motion.fps:.2f} s"
    text += f", and {leaps.size - 1} times more" * (leaps.size > 1) + ": cut it there with --start and --end"
    return replace(found, findings=(*found.findings, Finding("speed", text, doubtful=True)))


def make_motion(character: Character, qpos: np.ndarray, fps: float) -> ReferenceMotion:
    """Coordinates as a motion that says nothing of contacts."""
    parts = tuple(character.contacts)
    return ReferenceMotion(
        qpos=qpos,
        fps=fps,
        character=character.name,
        height=character.height,
        joint_names=character.joint_names,
        contacts=np.zeros((len(qpos), len(parts)), dtype=bool),
        contact_names=parts,
    )


def measure_distance_to_ground(character: Character, qpos: np.ndarray) -> float:
    """How far the lowest contact point is from z = 0, usually [m], to the centimetre."""
    some = qpos[:: max(1, len(qpos) // 50)]
    lowest = point_positions(character.model, some, contact_points(character))[..., 2].min(axis=1)
    return round(abs(float(np.percentile(lowest, 20))), 2)
