"""Copies of a motion that must be read as the same motion: written in a format, changed in a way that is known, read.

The checks are those of metamorphic testing (Chen et al. 1998): what a file holds need not be known to know how the
result must change with it. The truth is where MuJoCo has the joints, not what our readers say of themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from reconstruct.characters.character import Character, load_character
from reconstruct.cycle import mirror_motion
from reconstruct.formats.open_motion import open_motion
from reconstruct.formats.options import MotionFileConfig
from reconstruct.formats.robot import RobotMotion
from reconstruct.formats.skeleton import to_character
from reconstruct.formats.write_amass import write_amass
from reconstruct.formats.write_bvh import write_bvh
from reconstruct.formats.write_csv import write_csv
from reconstruct.formats.write_glb import write_glb
from reconstruct.formats.write_trc import write_trc
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.solver.tangent import TangentSpace
from sfv.bench.written_files import OF_SMPL, READ_ONLY

Writer = Callable[[ReferenceMotion, Character, Path], None]
WRITERS: dict[str, Writer] = {
    "bvh": write_bvh,
    "glb": write_glb,
    "csv": write_csv,
    "npz": lambda motion, character, path: motion.save(path),
    "trc": write_trc,
    "amass.npz": write_amass,
}
"""Ending of a file -> what writes it."""
LIMBS = tuple(
    (f"{side}_{upper}", f"{side}_{lower}")
    for side in ("left", "right")
    for upper, lower in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
)
JOINTS = tuple(dict.fromkeys(name for limb in LIMBS for name in limb))


@dataclass(frozen=True)
class Transformation:
    """A change of a motion whose effect on what is read is known."""

    name: str
    change: Callable[[ReferenceMotion], ReferenceMotion]
    """Of a motion of the humanoid, before it is written."""
    size: float = 1.0
    """Of the body that has it."""


def _turn(rotation: Rotation) -> Callable[[ReferenceMotion], ReferenceMotion]:
    """Turns a whole motion about the world's origin."""

    def change(motion: ReferenceMotion) -> ReferenceMotion:
        qpos = motion.qpos.copy()
        qpos[:, :3] = rotation.apply(qpos[:, :3])
        turned = rotation * Rotation.from_quat(qpos[:, [4, 5, 6, 3]])
        qpos[:, 3:7] = turned.as_quat()[:, [3, 0, 1, 2]]
        return replace(motion, qpos=qpos)

    return change


def _shift(*offset: float) -> Callable[[ReferenceMotion], ReferenceMotion]:
    def change(motion: ReferenceMotion) -> ReferenceMotion:
        qpos = motion.qpos.copy()
        qpos[:, :3] += offset
        return replace(motion, qpos=qpos)

    return change


def _frames(part: slice, rate: float = 1.0) -> Callable[[ReferenceMotion], ReferenceMotion]:
    return lambda motion: replace(
        motion, qpos=motion.qpos[part], contacts=motion.contacts[part], fps=motion.fps * rate, loop=False
    )


def _lie(motion: ReferenceMotion) -> ReferenceMotion:
    """On its back, its lowest joint near the ground, sliding along the same path."""
    qpos = _turn(Rotation.from_euler("y", -90, degrees=True))(motion).qpos.copy()
    qpos[:, :3] = motion.qpos[:, :3] * [1.0, 1.0, 0.0]
    qpos[:, 2] += 0.05 - place_joints(load_character(motion.character), qpos)[..., 2].min()
    return replace(motion, qpos=qpos)


def lie_down(motion: ReferenceMotion, period: float = np.inf) -> ReferenceMotion:
    """On its back, hardly moving its limbs, or from there to its feet and down again in a time [s]; its lowest joint is
    near the ground."""
    model, phase = load_character(motion.character).model, 2.0 * np.pi * np.arange(len(motion)) / motion.fps / period
    stands = np.clip(0.8 * (1.0 - np.cos(phase)) - 0.3, 0.0, 1.0)[:, None]
    space, rest = TangentSpace.of(model), np.tile(np.array(model.qpos0), (len(motion), 1))
    step = space.difference(rest, motion.qpos)
    step[:, 6:] *= 0.15 + 0.85 * stands
    qpos = space.integrate(rest, step)
    lean = Rotation.from_rotvec(np.radians(-90.0) * (1.0 - stands) * [0.0, 1.0, 0.0])
    qpos[:, :3] *= [0.1, 0.1, 0.0]
    qpos[:, 3:7] = (lean * Rotation.from_quat(qpos[:, [4, 5, 6, 3]])).as_quat()[:, [3, 0, 1, 2]]
    qpos[:, 2] += 0.05 - place_joints(load_character(motion.character), qpos)[..., 2].min(axis=1)
    return replace(motion, qpos=qpos)


def _mirror(motion: ReferenceMotion) -> ReferenceMotion:
    return replace(motion, qpos=mirror_motion(load_character(motion.character).model, motion.qpos))


TRANSFORMATIONS = (
    Transformation("as_is", lambda motion: motion),
    Transformation("turned_90", _turn(Rotation.from_euler("z", 90, degrees=True))),
    Transformation("turned_217", _turn(Rotation.from_euler("z", 217, degrees=True))),
    Transformation("shifted", _shift(3.0, -2.0, 0.0)),
    Transformation("raised", _shift(0.0, 0.0, 0.4)),
    Transformation("mirrored", _mirror),
    Transformation("later_start", _frames(slice(8, None))),
    Transformation("earlier_end", _frames(slice(None, -8))),
    Transformation("backwards", _frames(slice(None, None, -1))),
    Transformation("half_the_frames", _frames(slice(None, None, 2), rate=0.5)),
    Transformation("twice_as_fast", _frames(slice(None), rate=2.0)),
    Transformation("taller", lambda motion: motion, size=1.1),
    Transformation("lying", _lie),
)

POSTURES = {"": lambda motion: motion, "_lying": lie_down, "_getting_up": lambda motion: lie_down(motion, 8.0)}
"""What is added to the name of a row -> what a motion that stands becomes for it."""


@dataclass(frozen=True)
class Deviation:
    """How far a motion that was read back is from the one that was written."""

    mm: float
    """Largest distance of a joint, at the place and heading that fit best."""
    degrees: float
    """Largest angle between limbs."""
    seconds: float
    """Difference of the durations."""
    is_upright: bool
    """Up has stayed up."""

    def is_same(self) -> bool:
        """Whether it is the same motion to a millimetre and a tenth of a degree."""
        return self.mm <= 1.0 and self.degrees <= 0.1 and self.seconds < 1e-3 and self.is_upright


def read_back(motion: ReferenceMotion, how: Transformation, ending: str, folder: Path) -> Deviation:
    """Changes a motion of the humanoid, writes it, reads it and compares where the joints are.

    Args:
      motion: of the humanoid.
      how: what is changed.
      ending: the format, one of `WRITERS` or `READ_ONLY`.
      folder: for the file.
    """
    body = load_character(motion.character, None if how.size == 1.0 else how.size * motion.height)
    changed = how.change(motion)
    if how.size != 1.0:
        qpos = changed.qpos.copy()
        qpos[:, :3] *= how.size
        changed = replace(changed, qpos=qpos, height=body.height)
    path = folder / f"{how.name}.{ending}"
    (WRITERS | READ_ONLY)[ending](changed, body, path)
    found, duration = read_joints(path, body, changed.fps)
    true = place_joints(body, changed.qpos)
    if ending == "amass.npz" or ending in OF_SMPL:
        true = true / how.size  # SMPL's angles are of our humanoid's bones, whose body it was
    return compare(true, found, abs(duration - changed.duration))


def read_joints(path: Path, body: Character, fps: float) -> tuple[np.ndarray, float]:
    """The twelve joints of a file (T, 12, 3) [m], z up, and its duration [s], at a rate where its kind says none."""
    config = MotionFileConfig(fps=fps if path.suffix in (".npy", ".amc") else None)
    opened = open_motion(path, config, body.name)
    if isinstance(opened, RobotMotion):
        return place_joints(
            load_character(opened.motion.character, body.height), opened.motion.qpos
        ), opened.motion.duration
    skeleton, motion, _ = to_character(opened, path, config)
    return place_joints(skeleton, motion.qpos), motion.duration


def place_joints(body: Character, qpos: np.ndarray) -> np.ndarray:
    """The twelve joints of a character, (T, 12, 3)."""
    points = BodyPoints.of_sites(body.model, tuple(body.landmarks[name] for name in JOINTS))
    return point_positions(body.model, qpos, points)


def compare(true: np.ndarray, found: np.ndarray, seconds: float = 0.0) -> Deviation:
    """Compares joints (T, 12, 3) up to a shift and a heading."""
    if true.shape != found.shape:
        return Deviation(np.inf, np.inf, seconds, False)
    a, b = true - true.mean(axis=(0, 1)), found - found.mean(axis=(0, 1))
    cross = np.sum(b[..., 0] * a[..., 1] - b[..., 1] * a[..., 0])
    yaw = np.arctan2(cross, np.sum(b[..., :2] * a[..., :2]))
    b = Rotation.from_euler("z", yaw).apply(b.reshape(-1, 3)).reshape(b.shape)
    far = np.linalg.norm(a - b, axis=-1)
    angles = []
    for upper, lower in LIMBS:
        one, other = (x[:, JOINTS.index(lower)] - x[:, JOINTS.index(upper)] for x in (a, b))
        sine = np.linalg.norm(np.cross(one, other), axis=1)
        angles.append(np.degrees(np.arctan2(sine, np.sum(one * other, axis=1))).max())
    is_upright = bool(np.corrcoef(a[..., 2].ravel(), b[..., 2].ravel())[0, 1] > 0.9)
    return Deviation(float(1000 * far.max()), float(max(angles)), seconds, is_upright)
