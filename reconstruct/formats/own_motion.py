"""Our own motions that come back as files, `.npz` or `.csv`: whoever edited them may have broken what we rely on."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np

from pose.archive import load_as
from pose.errors import InputError
from reconstruct.characters.character import list_character_names, load_character
from reconstruct.formats.gaps import fill_numbers, fill_turns
from reconstruct.formats.options import Finding
from reconstruct.formats.robot import RobotMotion, measure_distance_to_ground
from reconstruct.formats.robot_joints import ball_columns
from reconstruct.motion import FORMAT_VERSION, ReferenceMotion

KEYS = ("qpos", "fps", "character", "height", "joint_names", "contacts", "contact_names", "loop")
FLOATS = 2.0
"""Distance of the lowest point from the ground, usually, from which a motion is not on it [m]."""
STANDS_ON = 0.2
"""Distance of the lowest point from the ground, up to which a motion in another unit is on it [m]."""


def read_own_archive(arrays: Mapping[str, np.ndarray], path: Path) -> RobotMotion:
    """A motion that `ReferenceMotion.save` wrote, on the ground and in metres.

    Args:
      arrays: of the archive, by key.
      path: of the file.

    Raises:
      InputError: a key is missing, its character is not known, or its numbers are no motion's.
    """
    missing = [key for key in KEYS if key not in arrays]
    if missing:
        raise InputError(f"{path}: a run's motion without {', '.join(missing)}; export it again with 'sfv export'")
    name = str(arrays["character"])
    if name not in list_character_names():
        known = ", ".join(list_character_names())
        raise InputError(f"{path}: of the character '{name[:40]}', which is not there; known ones: {known}")
    qpos, contacts = arrays["qpos"], arrays["contacts"]
    if qpos.ndim == 2 and contacts.ndim == 2 and len(qpos) != len(contacts):
        text = f"{len(qpos)} frames of qpos, {len(contacts)} of contacts"
        raise InputError(f"{path}: {text}; cut both, or give the whole file with --start and --end")
    width, findings = load_character(name).model.nq, list[Finding]()
    if qpos.ndim == 2 and qpos.dtype.kind in "fiu" and qpos.shape[1] >= 8:
        if qpos.shape[1] != width:
            raise InputError(f"{path}: {qpos.shape[1]} coordinates, {name} has {width}; export it again")
        qpos, findings = fill_coordinates(load_character(name).model, qpos, path)
        check_root_of_own(qpos, path)

    def make(found: dict[str, np.ndarray]) -> ReferenceMotion:
        return ReferenceMotion.of_arrays({**found, "qpos": qpos})

    mend = "export it again, or give the file that the run made"
    motion = load_as(path, "motion", FORMAT_VERSION, make, mend)
    return set_own_on_ground(RobotMotion(motion, tuple(findings)))


def fill_coordinates(
    model: mujoco.MjModel, qpos: np.ndarray, path: Path, holed: np.ndarray | None = None
) -> tuple[np.ndarray, list[Finding]]:
    """Coordinates (T, nq) with their gaps interpolated, quaternions as rotations, and what to say of it.

    Args:
      model: the body.
      qpos: its coordinates.
      path: of the file, for messages.
      holed: the same with NaN where something was missing that is filled in already.

    Raises:
      InputError: some of them are missing in most frames.
    """
    holed = qpos if holed is None else holed
    filled, findings = fill_numbers(qpos, "qpos", path)
    if not np.isfinite(holed).all():
        filled = filled.copy()
        for quat in ([3, 4, 5, 6], *([column + 7 for column in ball] for ball in ball_columns(model))):
            filled[:, quat], _ = fill_turns(holed[:, quat], "a rotation", path)
    return filled, findings


def check_root_of_own(qpos: np.ndarray, path: Path) -> None:
    """Raises `InputError`, with the place, for a root that no unit quaternion turns, in coordinates (T, nq)."""
    lengths = np.linalg.norm(qpos[:, 3:7], axis=1)
    worst = int(np.abs(lengths - 1.0).argmax())
    if abs(lengths[worst] - 1.0) > 0.05:
        text = f"the root's quaternion in frame {worst} has length {lengths[worst]:.3g}"
        mend = "divide all four numbers by it" if lengths[worst] > 0.05 else "export it again"
        raise InputError(f"{path}: {text}; {mend}, a rotation has length 1")


def set_own_on_ground(found: RobotMotion) -> RobotMotion:
    """The same in metres and on the ground, which our motions are, with what was changed."""
    motion = found.motion
    character = load_character(motion.character, motion.height)
    far = measure_distance_to_ground(character, motion.qpos)
    if far < FLOATS:
        return found
    for name, length in (("centimetres", 0.01), ("millimetres", 0.001)):
        qpos = np.concatenate([motion.qpos[:, :3] * length, motion.qpos[:, 3:]], axis=1)
        if measure_distance_to_ground(character, qpos) < STANDS_ON:
            said = Finding("unit", f"the root's path is in {name}, for then the body is on the ground", doubtful=True)
            return replace(found, motion=replace(motion, qpos=qpos), findings=(*found.findings, said))
    said = Finding("ground", f"the body is {far:.3g} m off the ground all through: set on it", doubtful=True)
    return replace(found, findings=(*found.findings, said), has_contacts=False)
