"""Clips of an archive of motion capture in which thousands share one skeleton: the CMU Graphics Lab's, packed.

An archive is a folder, or a `.tar.xz` of it, with `index.csv`, a row a clip, and `cmu24.npz`, in which the local Euler
angles (XYZ, applied x first) of all clips follow each other as differences in steps of 360 / 65536 degrees.
"""

import csv
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
from scipy.spatial.transform import Rotation

from pose.errors import InputError
from pose.foreign_files import refuse_damaged
from reconstruct.formats.skeleton_motion import SkeletonMotion
from reconstruct.rotations import conjugate, from_matrix, multiply

TABLE, ARRAYS = "index.csv", "cmu24.npz"
KEYS = ("dE", "dT", "names", "parents", "offsets_cm", "world_euler_deg")
"""Arrays of an archive."""
MEND = "give the folder or .tar.xz of cmu24"
STANDING, STANDING_FRAME = "83_22", 333
"""Where somebody stands most upright: the rest pose of all clips, for the skeleton is one."""
# Of all clips' frames with a pelvis and shoulders that are level and at rest: legs and spine within 12 degrees of the
# vertical.
LOOKS_DOWN = np.radians(19.0)
"""How far down from level the head looks there [rad]."""
# As far as from the median over 80 clips of walking (of their medians nine in ten are within 15 degrees of it), where
# people look ahead. November 2026: with the head as it is there all others looked up by 18 degrees.
HELD_OUT = frozenset({"14", "32", "49", "56", "60", "69", "88", "111", "113", "135", "144"})
"""Subjects that are tested on and never learnt from."""
FASTEST = 25.0
"""Speed of a joint from which markers were exchanged [m/s]."""
NAMES = {"Buttock": "Pelvis", "Collar": "Clavicle", "Shldr": "Shoulder"}


@dataclass(frozen=True)
class MocapClip:
    """A row of the index."""

    name: str
    """Subject and number, `13_29`."""
    description: str
    seconds: float
    """Length [s]."""
    fps: float
    """Frames a second, 24 or 12."""
    row: Mapping[str, str] = field(repr=False)
    """All that the index says."""
    max_joint_speed: float = 0.0
    """Largest speed of a joint [m/s]; beyond what people reach where markers were exchanged."""

    @property
    def subject(self) -> str:
        """Who performed it."""
        return self.name.split("_")[0]

    @property
    def is_held_out(self) -> bool:
        """Whether it is of a subject who is only tested on."""
        return self.subject in HELD_OUT

    @property
    def is_sound(self) -> bool:
        """Whether its markers stayed who they were."""
        return self.max_joint_speed < FASTEST


@dataclass(frozen=True)
class MocapArchive:
    """An archive that has been opened; clips are unpacked when they are asked for."""

    path: Path
    clips: dict[str, MocapClip]
    """By name, in the order of the index."""
    arrays: Mapping[str, np.ndarray] = field(repr=False)

    @classmethod
    def open(cls, path: Path) -> "MocapArchive":
        """Opens a folder or a `.tar.xz`.

        Raises:
          InputError: there is none, or it is damaged.
        """
        with refuse_damaged(path, "an archive of motion capture", MEND):
            table, arrays = _read_members(path)
            clips = {row["clip"]: _read_clip(row) for row in csv.DictReader(io.StringIO(table))}
            if STANDING not in clips:
                raise ValueError(f"an index without the clip {STANDING}")
            lacking = [name for name in KEYS if name not in arrays]
            if lacking:
                raise ValueError(f"no array {', '.join(lacking)} in {ARRAYS}")
        return cls(path, clips, arrays)

    def read(self, name: str) -> SkeletonMotion:
        """The motion of a clip, in its own axes, y up, in centimetres.

        Raises:
          InputError: no clip has this name, or the archive is damaged there.
        """
        if name not in self.clips:
            raise InputError(f"{self.path}: no clip '{name}'; names are those of its index, such as {STANDING}")
        with refuse_damaged(self.path, f"an archive with the whole clip {name}", MEND):
            turns, places = self.pose(name)
            rest_turns, rest_places = self._rest
        names = tuple(_rename(str(joint)) for joint in self.arrays["names"])
        return SkeletonMotion(
            names=names,
            parents=tuple(int(parent) for parent in self.arrays["parents"]),
            rest=rest_places,
            positions=places,
            rotations=multiply(from_matrix(turns), conjugate(from_matrix(rest_turns))[None]),
            fps=self.clips[name].fps,
            up=np.array([0.0, 1.0, 0.0]),
            metres=0.01,
        )

    @cached_property
    def _rest(self) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (J, 3, 3) and places (J, 3) at `STANDING_FRAME` of the clip `STANDING`, with the head level."""
        turns, places = (each[STANDING_FRAME] for each in self.pose(STANDING))
        names, parents = [str(name) for name in self.arrays["names"]], self.arrays["parents"]
        if not {"head", "lThigh", "rThigh"} <= set(names):
            return turns, places
        above, across = names.index("head"), places[names.index("lThigh")] - places[names.index("rThigh")]
        # About the axis to the left a positive turn nods.
        lift = Rotation.from_rotvec(-LOOKS_DOWN * across / np.linalg.norm(across)).as_matrix()
        moved = {above}
        for joint in range(above, len(names)):
            if joint == above or parents[joint] in moved:
                moved.add(joint)
                turns[joint] = lift @ turns[joint]
                places[joint] = places[above] + lift @ (places[joint] - places[above])
        return turns, places

    def pose(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Rotations of the joints in the archive's axes (T, J, 3, 3) and their places [cm], (T, J, 3)."""
        row, arrays = self.clips[name].row, self.arrays
        part = slice(int(row["start"]), int(row["start"]) + int(row["frames"]))
        steps = np.cumsum(arrays["dE"][:, part], axis=1, dtype=np.uint16).astype(float)
        local = _to_matrices(np.radians(steps.T.reshape(len(steps.T), -1, 3) * (360.0 / 65536.0)))
        first = np.array([float(row[f"root0_{axis}"]) for axis in "xyz"])
        root = (first[:, None] + np.cumsum(arrays["dT"][:, part].astype(int), axis=1)).T / 100.0
        world, offsets = _to_matrices(np.radians(arrays["world_euler_deg"])), arrays["offsets_cm"].astype(float)
        parents = arrays["parents"]
        turns = np.empty((len(local), len(parents), 3, 3))
        places = np.empty((len(local), len(parents), 3))
        turns[:, 0], places[:, 0] = world @ local[:, 0], root @ world.T
        for joint in range(1, len(parents)):
            above = turns[:, parents[joint]]
            turns[:, joint] = above @ local[:, joint] if joint < local.shape[1] else above
            places[:, joint] = places[:, parents[joint]] + above @ offsets[joint]
        return turns, places


def _read_clip(row: Mapping[str, str]) -> MocapClip:
    """A clip as its row describes it."""
    seconds, fps, speed = (float(row[column]) for column in ("seconds", "fps", "max_joint_speed_m_s"))
    if not 0.0 < fps < np.inf:
        raise ValueError(f"{row['clip']} has {fps:g} frames a second")
    return MocapClip(row["clip"], row["description"], seconds, fps, row, speed)


def _read_members(path: Path) -> tuple[str, dict[str, np.ndarray]]:
    """The index and the arrays of a folder or of an archive.

    Raises:
      InputError: there is none, or it cannot be read.
    """
    try:
        return _unpack(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no {Path(error.filename or path).name} there; {MEND}") from error
    except (OSError, tarfile.TarError, lzma.LZMAError, zlib.error, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or ["ends too early"])[0].rstrip(" :")
        raise InputError(f"{path}: cannot be read as an archive of motion capture ({reason}); {MEND}") from error


def _unpack(path: Path) -> tuple[str, dict[str, np.ndarray]]:
    if path.is_dir():
        with open(path / ARRAYS, "rb") as file:
            return (path / TABLE).read_text(encoding="utf-8"), _read_arrays(file)
    with tarfile.open(path) as archive:
        members = {Path(member.name).name: member for member in archive.getmembers() if member.isfile()}
        parts = [archive.extractfile(members[name]) for name in (TABLE, ARRAYS)]
        texts = [part.read() for part in parts if part is not None]
    return texts[0].decode(), _read_arrays(io.BytesIO(texts[1]))


def _read_arrays(file: IO[bytes]) -> dict[str, np.ndarray]:
    with np.load(file, allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def _to_matrices(euler: np.ndarray) -> np.ndarray:
    """Rz Ry Rx of angles [rad], (..., 3) -> (..., 3, 3)."""
    (cx, cy, cz), (sx, sy, sz) = (np.moveaxis(part, -1, 0) for part in (np.cos(euler), np.sin(euler)))
    rows = [
        [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
        [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
        [-sy, cy * sx, cy * cx],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _rename(name: str) -> str:
    """Poser's names with the side written out: `rShldr` -> `right Shoulder`."""
    side = {"l": "left ", "r": "right "}.get(name[0]) if name[1:2].isupper() else None
    part = name[1:] if side else name
    return (side or "") + NAMES.get(part, part)
