"""Clips of an archive of motion capture in which thousands share one skeleton: the CMU Graphics Lab's, packed.

An archive is a folder, or a `.tar.xz` of it, with `index.csv`, a row a clip, and `cmu24.npz`, in which the local Euler
angles (XYZ, applied x first) of all clips follow each other as differences in steps of 360 / 65536 degrees.
"""

import csv
import io
import lzma
import re
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
TRUNK, HEAD = ("hip", "abdomen", "chest"), ("neck", "head")
"""Joints from the root up, as the archive calls them."""
AHEAD, AHEAD_SPEED = r"\b(walk|run|jog|stride|march)", (0.6, 4.0)
"""Words of clips, and speeds [m/s], in which people look where they go: who dribbles a ball looks down."""
UPRIGHT = np.radians(25.0)
"""Largest tilt of a chest that is upright."""
ENOUGH = 3.0
"""Time of walking that says how a subject's head is when it looks ahead [s]."""
PER_SECOND = 4.0
"""Frames a second that are looked at for it."""
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
            rest_turns, rest_places = self._find_rest(self.clips[name].subject)
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
    def _standing(self) -> tuple[np.ndarray, np.ndarray]:
        """The pose at `STANDING_FRAME` of the clip `STANDING`, rotations (J, 3, 3) and places (J, 3)."""
        turns, places = self.pose(STANDING)
        return turns[STANDING_FRAME], places[STANDING_FRAME]

    def _find_rest(self, subject: str) -> tuple[np.ndarray, np.ndarray]:
        """Who stands, with the head as the subject has it who looks ahead, rotations (J, 3, 3) and places (J, 3)."""
        turns, places = (each.copy() for each in self._standing)
        levels, names, parents = self._levels, [str(name) for name in self.arrays["names"]], self.arrays["parents"]
        if not levels:
            return turns, places
        above = names.index(HEAD[-1])
        angle = levels.get(subject, float(np.median(list(levels.values()))))
        # Who stands there faces z, so that x is to the left, and a positive turn nods.
        lift = Rotation.from_rotvec([-angle, 0.0, 0.0]).as_matrix()
        moved = {above}
        for joint in range(above, len(names)):
            if joint == above or parents[joint] in moved:
                moved.add(joint)
                turns[joint] = lift @ turns[joint]
                places[joint] = places[above] + lift @ (places[joint] - places[above])
        return turns, places

    @cached_property
    def _levels(self) -> dict[str, float]:
        """How far up from where it is in the standing pose each subject's head is when walking [rad].

        Heads were marked on bands, which sit otherwise on everybody: subjects differ by 13 degrees (standard
        deviation), clips of one subject by 6. Subjects who hardly walk are left out.
        """
        names = [str(name) for name in self.arrays["names"]]
        if not {*TRUNK, *HEAD} <= set(names):
            return {}
        found: dict[str, list[np.ndarray]] = {}
        for clip in self.clips.values():
            if clip.is_sound and re.search(AHEAD, clip.description.lower()):
                found.setdefault(clip.subject, []).append(self._find_walking_pitch(clip))
        pitch = {subject: np.concatenate(parts) for subject, parts in found.items()}
        return {subject: float(np.median(a)) for subject, a in pitch.items() if len(a) >= ENOUGH * PER_SECOND}

    def _find_walking_pitch(self, clip: MocapClip) -> np.ndarray:
        """How far up the head looks, from the standing pose, in frames of a clip in which somebody walks [rad]."""
        names = [str(name) for name in self.arrays["names"]]
        step = max(1, round(clip.fps / PER_SECOND))
        local, root = self._read_local(clip, step)
        if len(root) < 3:
            return np.zeros(0)
        speed = np.linalg.norm(np.gradient(root[:, [0, 2]], step / clip.fps, axis=0), axis=1) / 100.0
        turn, turns = _to_matrices(np.radians(self.arrays["world_euler_deg"])), dict[str, np.ndarray]()
        for name in (*TRUNK, *HEAD):
            turns[name] = turn = turn @ local[:, names.index(name)]
        standing = self._standing[0]
        # Up and ahead of the standing pose, as chest and head carry them.
        up = turns["chest"] @ standing[names.index("chest")].T[:, 1]
        ahead = turns["head"] @ standing[names.index("head")].T[:, 2]
        walks = (speed > AHEAD_SPEED[0]) & (speed < AHEAD_SPEED[1]) & (up[:, 1] > np.cos(UPRIGHT))
        return np.arcsin(np.clip(ahead[walks, 1], -1.0, 1.0))

    def _read_local(self, clip: MocapClip, step: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Local rotations (T, J', 3, 3) and places of the root [cm], (T, 3), of every `step`-th frame."""
        row, arrays = clip.row, self.arrays
        part = slice(int(row["start"]), int(row["start"]) + int(row["frames"]))
        steps = np.cumsum(arrays["dE"][:, part], axis=1, dtype=np.uint16)[:, ::step].astype(float)
        local = _to_matrices(np.radians(steps.T.reshape(len(steps.T), -1, 3) * (360.0 / 65536.0)))
        first = np.array([float(row[f"root0_{axis}"]) for axis in "xyz"])
        root = (first[:, None] + np.cumsum(arrays["dT"][:, part].astype(int), axis=1)).T[::step] / 100.0
        return local, root @ _to_matrices(np.radians(arrays["world_euler_deg"])).T

    def pose(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Rotations of the joints in the archive's axes (T, J, 3, 3) and their places [cm], (T, J, 3)."""
        arrays = self.arrays
        local, root = self._read_local(self.clips[name])
        world, offsets = _to_matrices(np.radians(arrays["world_euler_deg"])), arrays["offsets_cm"].astype(float)
        parents = arrays["parents"]
        turns = np.empty((len(local), len(parents), 3, 3))
        places = np.empty((len(local), len(parents), 3))
        turns[:, 0], places[:, 0] = world @ local[:, 0], root
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
