"""Acclaim's skeleton and motion files, `.asf` and `.amc`, as the CMU Graphics Lab's motion capture has them."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from pose.errors import InputError
from reconstruct.formats.gaps import fill_numbers
from reconstruct.formats.options import Finding
from reconstruct.formats.skeleton_motion import SkeletonMotion, pose_skeleton
from reconstruct.rotations import from_scipy

RATE = 120.0
"""Frames a second of most of CMU's files; the format has no rate."""


@dataclass
class Bone:
    """A bone, which turns about its upper end."""

    name: str
    direction: np.ndarray = field(default_factory=lambda: np.zeros(3))
    length: float = 0.0
    axis: Rotation = field(default_factory=Rotation.identity)
    """Its axes in the world, at rest."""
    dof: tuple[str, ...] = ()


def read_amc(path: Path) -> SkeletonMotion:
    """An `.amc` with the `.asf` of its subject beside it: `01_01.amc` goes with `01.asf`, else the folder's only one.

    Raises:
      InputError: there is no `.asf`, or one of both is damaged.
    """
    skeleton = find_asf(path)
    try:
        bones, parents, order = read_asf(skeleton)
    except (ValueError, KeyError, IndexError, StopIteration) as error:
        raise InputError(f"{skeleton}: not an Acclaim skeleton ({error or 'ends too early'})") from error
    try:
        frames, is_degrees = _read_frames(path)
        frames, gaps = _fill_frames(frames, bones, order, is_degrees, path)
        local, root = _pose(bones, frames, order, is_degrees)
    except InputError:
        raise
    except (ValueError, KeyError, IndexError) as error:
        raise InputError(f"{path}: does not fit {skeleton.name}, or damaged ({error})") from error
    # A joint stands at the upper end of its bone, which is its parent's lower end; leaves get an end.
    names = [bone.name for bone in bones]
    offsets = np.array(
        [bones[parent].direction * bones[parent].length if parent >= 0 else np.zeros(3) for parent in parents]
    )
    above = list(parents)
    for joint, bone in enumerate(bones):
        if joint not in parents and joint:
            names.append(f"{bone.name} end")
            above.append(joint)
            offsets = np.vstack([offsets, bone.direction * bone.length])
    still = np.tile([1.0, 0.0, 0.0, 0.0], (len(root), len(names) - len(bones), 1))
    motion = pose_skeleton(tuple(names), tuple(above), offsets, np.concatenate([local, still], axis=1), root, RATE)
    said = Finding("rate", f"no frame rate in the file: {RATE:g} a second are taken, CMU's; --fps overrules")
    paired = Finding("format", f"skeleton of {skeleton.name}")
    return replace(motion, usual_up=np.array([0.0, 1.0, 0.0]), findings=(paired, said, *gaps))


def find_asf(path: Path) -> Path:
    """The skeleton that belongs to a motion.

    Raises:
      InputError: there is none, or which one is not clear.
    """
    there = sorted(other for other in path.parent.iterdir() if other.suffix.lower() == ".asf")
    subject = path.stem.split("_")[0]
    for stem in (path.stem, subject):
        for other in there:
            if other.stem.lower() == stem.lower():
                return other
    if len(there) == 1:
        return there[0]
    raise InputError(f"{path}: its skeleton is missing; put {subject}.asf into the same folder")


def read_asf(path: Path) -> tuple[list[Bone], list[int], list[str]]:
    """Bones, the root first, parents before children; their parents; and the order of the root's channels."""
    text = path.read_text(encoding="utf-8", errors="replace")
    sections = dict(re.findall(r"^:(\w+)([^:]*)", re.sub(r"#.*", "", text), re.MULTILINE))
    is_degrees = "rad" not in re.sub(r".*angle\s+(\w+).*", r"\1", sections.get("units", ""), flags=re.DOTALL)
    bones = {"root": _read_root(sections["root"], is_degrees)}
    order = re.search(r"order\s+([^\n]*)", sections["root"], re.IGNORECASE)
    for block in re.findall(r"\bbegin\b(.*?)\bend\b", sections["bonedata"], re.DOTALL):
        bone = _read_bone(block, is_degrees)
        bones[bone.name] = bone
    parent_of = dict[str, str]()
    for line in sections["hierarchy"].splitlines():
        words = line.split()
        if len(words) > 1:
            parent_of |= dict.fromkeys(words[1:], words[0])
    names = ["root"]
    while len(names) < len(parent_of) + 1:
        more = [name for name, parent in parent_of.items() if parent in names and name not in names]
        if not more:
            raise ValueError("a bone that hangs on nothing")
        names += more
    parents = [-1] + [names.index(parent_of[name]) for name in names[1:]]
    return [bones[name] for name in names], parents, (order.group(1) if order else "TX TY TZ RX RY RZ").lower().split()


def _read_root(text: str, is_degrees: bool) -> Bone:
    axis = re.search(r"axis\s+(\w+)", text)
    turn = re.search(r"orientation\s+([^\n]*)", text)
    angles = [float(word) for word in turn.group(1).split()[:3]] if turn else [0.0, 0.0, 0.0]
    return Bone("root", axis=_euler(axis.group(1) if axis else "XYZ", angles, is_degrees))


def _read_bone(text: str, is_degrees: bool) -> Bone:
    words = {line.split()[0].lower(): line.split()[1:] for line in text.splitlines() if line.split()}
    direction = np.array(words["direction"][:3], dtype=float)
    angles, order = [float(word) for word in words["axis"][:3]], words["axis"][3] if len(words["axis"]) > 3 else "XYZ"
    return Bone(
        words["name"][0],
        direction / max(float(np.linalg.norm(direction)), 1e-9),
        float(words["length"][0]),
        _euler(order, angles, is_degrees),
        tuple(word.lower() for word in words.get("dof", [])),
    )


def _euler(order: str, angles: list[float], is_degrees: bool) -> Rotation:
    """Angles about axes of the world, the first one first: XYZ is Rz Ry Rx."""
    return Rotation.from_euler(order.lower(), angles, degrees=is_degrees)


def _read_frames(path: Path) -> tuple[dict[str, np.ndarray], bool]:
    """Numbers of each bone, (T, its channels), NaN in frames without it; and whether angles are in degrees."""
    frames, is_degrees = list[dict[str, list[float]]](), True
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0].startswith(":"):
            is_degrees &= "rad" not in words[0].lower()
        elif len(words) > 1:
            if not frames or words[0] in frames[-1]:  # files whose frames have no numbers
                frames.append({})
            frames[-1][words[0]] = [float(word) for word in words[1:]]
        elif words[0].isdigit():
            frames.append({})
    frames = [rows for rows in frames if rows]
    if sum("root" in rows for rows in frames) < 2:
        raise ValueError("less than two frames with a root")
    widths = {name: len(row) for rows in reversed(frames) for name, row in rows.items()}
    if any(len(row) != widths[name] for rows in frames[:-1] for name, row in rows.items()):
        raise ValueError("rows of one bone that differ in length")
    if set(frames[-1]) != set(widths) or any(len(row) != widths[name] for name, row in frames[-1].items()):
        frames.pop()  # cut off in the middle
    nothing = {name: [np.nan] * width for name, width in widths.items()}
    return {name: np.array([rows.get(name, nothing[name]) for rows in frames]) for name in widths}, is_degrees


def _fill_frames(
    frames: dict[str, np.ndarray], bones: list[Bone], order: list[str], is_degrees: bool, path: Path
) -> tuple[dict[str, np.ndarray], list[Finding]]:
    """The numbers of each bone with gaps interpolated, angles the shorter way round, and what to say of it.

    Raises:
      InputError: some are missing in most frames.
    """
    channels = {bone.name: order if joint == 0 else list(bone.dof) for joint, bone in enumerate(bones)}
    turn = 360.0 if is_degrees else 2.0 * np.pi
    known = [name for name in frames if name in channels]
    for name in known:
        if frames[name].shape[1] < len(channels[name]):
            raise ValueError(f"'{name}' has {frames[name].shape[1]} numbers, {len(channels[name])} channels")
    kinds = [(channels[name] + [""] * frames[name].shape[1])[: frames[name].shape[1]] for name in known]
    periods = np.array([turn if kind[:1] == "r" else 0.0 for own in kinds for kind in own])
    table, said = fill_numbers(np.concatenate([frames[name] for name in known], axis=1), "its table", path, periods)
    ends = np.cumsum([frames[name].shape[1] for name in known])
    return dict(zip(known, np.split(table, ends[:-1], axis=1), strict=True)), said


def _pose(
    bones: list[Bone], frames: dict[str, np.ndarray], order: list[str], is_degrees: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Local rotations wxyz (T, J, 4) in the world's axes at rest, and the root's path (T, 3)."""
    count = len(frames["root"])
    local = np.tile([1.0, 0.0, 0.0, 0.0], (count, len(bones), 1))
    for joint, bone in enumerate(bones):
        if bone.name not in frames:
            continue
        channels = order if joint == 0 else list(bone.dof)
        columns = [i for i, channel in enumerate(channels) if channel[0] == "r"]
        if columns:
            axes = "".join(channels[i][1] for i in columns)
            own = Rotation.from_euler(axes, frames[bone.name][:, columns], degrees=is_degrees)
            local[:, joint] = from_scipy(bone.axis * own * bone.axis.inv(), (count,))
    root = np.zeros((count, 3))
    for i, channel in enumerate(order):
        if channel[0] == "t":
            root[:, "xyz".index(channel[1])] = frames["root"][:, i]
    return local, root
