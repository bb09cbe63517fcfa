"""BVH files: a tree of joints with offsets, and Euler angles frame by frame."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from pose.errors import InputError
from reconstruct.formats.gaps import fill_numbers
from reconstruct.formats.joint_names import find_joint_roles
from reconstruct.formats.options import Finding
from reconstruct.formats.rate import TIME_ENDINGS, guess_rate
from reconstruct.formats.skeleton_motion import SkeletonMotion, pose_skeleton
from reconstruct.formats.upright import measure_leg
from reconstruct.rotations import from_scipy

WANDERS = 0.05
"""Range of a joint's own position channels from which it is reported [share of the skeleton's size]."""

MOVES = 0.5
"""Rotation from which a joint moves, if it is in radians."""
HANGS = 0.4
"""By how much more arms hang, in cosines of their angle to the trunk, where they hang."""
FEWEST_BONES = 4
"""Joints with position channels that are all 0 from which these are displacements: an arm or a leg with its foot."""


@dataclass
class Hierarchy:
    """Joints of a BVH file, parents before children."""

    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    """-1 for a root."""
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[list[str]] = field(default_factory=list)

    def add(self, name: str, parent: int) -> int:
        """Appends a joint; its index."""
        self.names.append(name)
        self.parents.append(parent)
        self.offsets.append([0.0, 0.0, 0.0])
        self.channels.append([])
        return len(self.names) - 1


def read_bvh(path: Path, given: Mapping[str, str] | None = None, fps: float | None = None) -> SkeletonMotion:
    """A BVH file in its own axes and unit; end sites count as joints that do not turn.

    Channels may come in any order, words in any case. Position channels of the joints from the root down to the pelvis
    move the body; those of other joints replace the joint's offset by their mean: bones keep their length. The root's
    offset says nothing where its channels say where it is. Rows more or fewer than announced are no fault. Of several
    skeletons one is taken.

    Args:
      path: the file.
      given: landmark -> joint, as the user has them: of several skeletons the one that has such a joint is meant.
      fps: frames a second, as the user has it; default: what the file says.

    Raises:
      InputError: the file is no BVH, or holds less than two whole frames.
    """
    try:
        text = _decode(path.read_bytes())
        header, _, table = _partition(text)
        tree = _hierarchy(header)
        width = sum(len(own) for own in tree.channels)
        frame_time, rows, findings = _table(table, width)
    except (ValueError, IndexError, StopIteration) as error:
        raise InputError(f"{path}: not a BVH motion, or cut off ({error or 'ends too early'})") from error
    rate, said = (fps, []) if fps is not None else read_frame_time(frame_time, len(rows), path)
    turn = 360.0 if np.abs(rows[np.isfinite(rows)]).max(initial=0.0) > 2.0 * np.pi + 0.01 else 2.0 * np.pi
    periods = np.array([turn * kind.endswith("rotation") for own in tree.channels for kind in own])
    rows, gaps = fill_numbers(rows, "its table", path, periods)
    columns = np.split(rows, np.cumsum([len(own) for own in tree.channels])[:-1], axis=1)
    tree, columns, several = _take_one_skeleton(tree, columns, given or {}, path)
    tree, columns, displaced = _drop_empty_positions(tree, columns)
    tree, columns, turned = take_degrees(tree, columns, path)
    motion = _pose(tree, columns, rate, path)
    findings = (*several, *displaced, *turned, *motion.findings, *findings, *gaps, *said)
    return replace(motion, usual_up=np.array([0.0, 1.0, 0.0]), findings=findings)


def _decode(content: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    return content.decode("utf-8", errors="replace")


def _partition(text: str) -> tuple[str, str, str]:
    """Hierarchy and table: a joint may be called Motion, the word alone on its line begins the table."""
    found = re.search(r"^\s*MOTION\s*$", text, re.MULTILINE | re.IGNORECASE)
    return (text[: found.start()], "MOTION", text[found.end() :]) if found else text.partition("MOTION")


def _drop_empty_positions(
    tree: Hierarchy, columns: list[np.ndarray]
) -> tuple[Hierarchy, list[np.ndarray], list[Finding]]:
    """Without position channels below the root, where all of these are 0 on bones that have a length.

    They are then meant as displacements from the offsets; as places, which they are elsewhere, the body were a point.
    """
    places = [[i for i, kind in enumerate(own) if kind.endswith("position")] for own in tree.channels]
    boned = [j for j, found in enumerate(places) if tree.parents[j] >= 0 and found and np.any(tree.offsets[j])]
    if len(boned) < FEWEST_BONES or any(columns[j][:, places[j]].any() for j in boned):
        return tree, columns, []
    channels, kept = list(tree.channels), list(columns)
    for joint in boned:
        channels[joint] = [kind for kind in tree.channels[joint] if kind.endswith("rotation")]
        kept[joint] = np.delete(columns[joint], places[joint], axis=1)
    said = Finding("format", f"position channels of {len(boned)} joints are all 0: taken for displacements")
    return replace(tree, channels=channels), kept, [said]


def _pose(tree: Hierarchy, columns: list[np.ndarray], fps: float, path: Path) -> SkeletonMotion:
    """Forward kinematics of all frames, and what position channels did."""
    frames, offsets = len(columns[0]), np.array(tree.offsets)
    local = np.tile([1.0, 0.0, 0.0, 0.0], (frames, len(tree.names), 1))
    shifted = dict[int, np.ndarray]()
    for joint, (own, values) in enumerate(zip(tree.channels, columns, strict=True)):
        turns = [i for i, kind in enumerate(own) if kind.endswith("rotation")]
        if turns:
            axes = "".join(own[i][0] for i in turns)  # capitals: each turn about the axes that the last one left
            local[:, joint] = from_scipy(Rotation.from_euler(axes, values[:, turns], degrees=True), (frames,))
        place = np.tile(offsets[joint], (frames, 1))
        places = {"XYZ".index(kind[0]): i for i, kind in enumerate(own) if kind.endswith("position")}
        for axis, i in places.items():
            place[:, axis] = values[:, i]
        if places:
            shifted[joint] = place
            offsets[joint] = place.mean(axis=0)
    trunk, findings = _find_trunk(tree, offsets, path), []
    root = shifted.get(0, np.tile(offsets[0], (frames, 1)))
    size = np.ptp(offsets, axis=0).max()
    for joint, place in shifted.items():
        far = float(np.ptp(place, axis=0).max())
        if joint in trunk and joint and far > 1e-6 * max(size, 1e-9):
            findings.append(Finding("format", f"'{tree.names[joint]}' moves below the root: its path is the body's"))
        elif joint not in trunk and far > WANDERS * size:
            text = f"'{tree.names[joint]}' moves by {far:.3g} units off its bone: the mean is taken"
            findings.append(Finding("format", text, doubtful=True))
    names, parents = tuple(tree.names), tuple(tree.parents)
    moving = {joint: place for joint, place in shifted.items() if joint in trunk and joint}
    motion = pose_skeleton(names, parents, offsets, local, root, fps, moving=moving)
    few = findings[:3] + [Finding("format", f"{len(findings) - 3} more such joints")] * (len(findings) > 3)
    return replace(motion, findings=tuple(few))


def _find_trunk(tree: Hierarchy, offsets: np.ndarray, path: Path) -> set[int]:
    """The joints that all of the body hangs on: from the root down to where the legs part."""
    trunk, joint = {0}, 0
    while True:
        below = [j for j, parent in enumerate(tree.parents) if parent == joint and tree.channels[j]]
        if len(below) != 1:
            break
        joint = below[0]
        trunk.add(joint)
    try:
        roles = find_joint_roles(tree.names, tree.parents, path, offsets)
    except InputError:
        return trunk  # names are unknown: reported later, or given by the user
    lines = []
    for hip in (roles["left_hip"], roles["right_hip"]):
        line, joint = set[int](), tree.parents[hip]
        while joint >= 0:
            line.add(joint)
            joint = tree.parents[joint]
        lines.append(line)
    # Not below the pelvis, even where a single chain goes on: a spine that stretches is no path.
    return lines[0] & lines[1] or trunk


def _hierarchy(text: str) -> Hierarchy:
    """The joints, of several trees those of all."""
    words = re.sub(r"([{}])", r" \1 ", text).replace(";", " ").split()
    if "ROOT" not in [word.upper() for word in words]:
        raise ValueError("no ROOT")
    tree, stack, rest = Hierarchy(), list[int](), iter(words)
    for word in rest:
        kind = word.upper()
        if kind in ("ROOT", "JOINT", "END"):
            # A name may hold spaces; end sites are all called Site, or have none.
            title = " ".join(iter(lambda: next(rest), "{"))
            parent = stack[-1] if stack else -1
            if kind == "END" and title.lower() in ("site", ""):
                title = f"{tree.names[parent]} end"
            stack.append(tree.add(title, parent))
        elif word == "}":
            stack.pop()
        elif kind == "OFFSET":
            tree.offsets[stack[-1]] = [_number(next(rest)) for _ in range(3)]
        elif kind == "CHANNELS":
            own = [next(rest) for _ in range(int(next(rest)))]
            tree.channels[stack[-1]] = [channel[:1].upper() + channel[1:].lower() for channel in own]
    unknown = {kind for own in tree.channels for kind in own if not re.fullmatch("[XYZ](rotation|position)", kind)}
    if unknown:
        raise ValueError(f"channel '{min(unknown)}'")
    return tree


def _take_one_skeleton(
    tree: Hierarchy, columns: list[np.ndarray], given: Mapping[str, str], path: Path
) -> tuple[Hierarchy, list[np.ndarray], list[Finding]]:
    """Of several skeletons the one of the user's joints, else of a person, else of most joints; and which there are."""
    roots = [joint for joint, parent in enumerate(tree.parents) if parent < 0]
    if len(roots) == 1:
        return tree, columns, []
    owner = list[int]()
    for joint, parent in enumerate(tree.parents):
        owner.append(joint if parent < 0 else owner[parent])
    parts = {root: _select(tree, [j for j, own in enumerate(owner) if own == root]) for root in roots}

    def rank(root: int) -> tuple[bool, bool, int]:
        names = parts[root].names
        try:
            is_person = bool(find_joint_roles(names, parts[root].parents, path))
        except InputError:
            is_person = False
        return any(name in names for name in given.values()), is_person, len(names)

    best = max(roots, key=rank)
    listed = ", ".join(f"{tree.names[root]} ({len(parts[root].names)} joints)" for root in roots)
    text = f"{len(roots)} skeletons in the file: {listed}; {tree.names[best]} is taken"
    found = Finding("format", f"{text}, --joint left_hip=NAME of another overrules", doubtful=True)
    return parts[best], [own for own, root in zip(columns, owner, strict=True) if root == best], [found]


def _select(tree: Hierarchy, joints: list[int]) -> Hierarchy:
    """Some joints of a hierarchy, with all that carry them."""
    parents = [joints.index(tree.parents[j]) if tree.parents[j] >= 0 else -1 for j in joints]
    return Hierarchy(
        [tree.names[j] for j in joints], parents, [tree.offsets[j] for j in joints], [tree.channels[j] for j in joints]
    )


def _table(text: str, width: int) -> tuple[str, np.ndarray, list[Finding]]:
    """The frame time as it is written, numbers (T, width), and where the file departs from what it announces."""
    head = re.search(
        r"Frames\s*:?\s*(\d+).*?Frame\s*Time\s*:?[ \t]*(?:\r?\n\s*(?=\S+[ \t]*[\r\n]))?([^\r\n]*)",
        text,
        re.DOTALL | re.IGNORECASE,
    )
    if head is None:
        raise ValueError("no 'Frames:' and 'Frame Time:' after MOTION")
    announced = int(head.group(1))
    line, words = head.group(2).split(), text[head.end() :].replace(";", " ").split()
    if len(line) > max(width, 1):  # the first row stands behind the frame time
        line, words = line[:1], line[1:] + words
    try:
        numbers = np.array(words, dtype=np.float64)
    except ValueError:
        numbers = np.array([_number(word) for word in words])
    frames, findings = numbers.size // max(width, 1), list[Finding]()
    if frames < 2 or not width:
        raise ValueError(f"{announced} frames of {width} numbers announced, {numbers.size} numbers found")
    if numbers.size != announced * width:
        text = f"{announced} frames announced, {numbers.size / width:.4g} found: the {frames} whole ones are used"
        findings.append(Finding("format", text, doubtful=True))
    return " ".join(line), numbers[: frames * width].reshape(frames, width), findings


def read_frame_time(written: str, frames: int, path: Path) -> tuple[float, list[Finding]]:
    """Frames a second by a frame time as it is written: `.0333`, `1/30`, `0,0333`, `33.3 ms`; and what is doubtful.

    Raises:
      InputError: it is none.
    """
    match = re.match(r"([-+.,\deE]+)(?:\s*/\s*([.,\d]+))?\s*([a-z]*)", written)
    try:
        if match is None:
            raise ValueError
        seconds = _number(match[1]) / (_number(match[2]) if match[2] else 1.0) * TIME_ENDINGS.get(match[3], 1.0)
        if not 0 < seconds < np.inf:
            raise ValueError
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"{path}: 'Frame Time: {written}' is no time of a frame; give the rate by --fps") from error
    if seconds <= 1.0:
        return 1.0 / seconds, []
    taken, what = guess_rate(seconds)
    lasts = f"a frame time of {seconds:g} s, {frames} frames of {seconds * frames / 60:.0f} minutes"
    text = f"{lasts}: taken for {what}, {taken:g} frames a second; --fps overrules"
    return taken, [Finding("rate", text, doubtful=True)]


def take_degrees(
    tree: Hierarchy, columns: list[np.ndarray], path: Path
) -> tuple[Hierarchy, list[np.ndarray], list[Finding]]:
    """Rotations in degrees: where none goes beyond a turn in radians, and a person can move so, they are in radians.

    A body that is turned by no more than six degrees anywhere does not go anywhere, and if its arms are out sideways,
    does not keep them there. In radians the same numbers are large angles, which fold up a body that idles in degrees.
    """
    turns = [[i for i, kind in enumerate(own) if kind.endswith("rotation")] for own in tree.channels]
    values = [own[:, which] for own, which in zip(columns, turns, strict=True) if which]
    largest = max((float(np.abs(own).max()) for own in values), default=0.0)
    moving = sum(float(np.abs(own).max()) > MOVES for own in values)
    if not MOVES < largest <= 2.0 * np.pi + 0.01 or moving < FEWEST_BONES:
        return tree, columns, []
    in_degrees = list(columns)
    for joint, which in enumerate(turns):
        in_degrees[joint] = columns[joint].copy()
        in_degrees[joint][:, which] = np.degrees(columns[joint][:, which])
    try:
        roles = find_joint_roles(tree.names, tree.parents, path, np.array(tree.offsets))
    except InputError:
        roles = {}
    plain, turned = (_pose(tree, values, 30.0, path).positions for values in (columns, in_degrees))
    if not roles or is_folded(turned, roles) or not (goes_far(plain, roles) or hangs_more(turned, plain, roles)):
        text = (
            f"no angle goes beyond {largest:.2g}: taken for degrees, in which hardly anything moves; are they radians?"
        )
        return tree, columns, [Finding("unit", text, doubtful=True)]
    text = f"no angle goes beyond {largest:.2g}: taken for radians, for in degrees nothing would move"
    return tree, in_degrees, [Finding("unit", text, doubtful=True)]


def goes_far(positions: np.ndarray, roles: Mapping[str, int]) -> bool:
    """Whether the hips go further than half a leg, (T, J, 3)."""
    hips = positions[:, [roles["left_hip"], roles["right_hip"]]].mean(axis=1)
    return float(np.linalg.norm(np.ptp(hips, axis=0))) > 0.5 * measure_leg(positions, dict(roles))


def hangs_more(turned: np.ndarray, plain: np.ndarray, roles: Mapping[str, int]) -> bool:
    """Whether the arms hang along the trunk rather in one motion than in another, (T, J, 3) each."""
    shares = []
    for positions in (turned, plain):
        at = {name: positions[:, joint] for name, joint in roles.items()}
        down = sum(at[f"{side}_hip"] - at[f"{side}_shoulder"] for side in ("left", "right"))
        arms = [at[f"{side}_elbow"] - at[f"{side}_shoulder"] for side in ("left", "right")]
        sizes = [np.linalg.norm(arm, axis=1) * np.linalg.norm(down, axis=1) for arm in arms]
        cosines = [np.sum(arm * down, axis=1) / np.maximum(size, 1e-9) for arm, size in zip(arms, sizes, strict=True)]
        shares.append(float(np.mean(cosines)))
    return shares[0] - shares[1] > HANGS


def is_folded(positions: np.ndarray, roles: Mapping[str, int]) -> bool:
    """Whether a body folds as nobody can in many frames: knees, elbows, or the thighs behind the trunk, (T, J, 3)."""
    at = {name: positions[:, joint] for name, joint in roles.items()}

    def angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        sizes = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        return np.arccos(np.clip(np.sum(a * b, axis=1) / np.maximum(sizes, 1e-9), -1.0, 1.0))

    hips, shoulders = (0.5 * (at[f"left_{joint}"] + at[f"right_{joint}"]) for joint in ("hip", "shoulder"))
    across = angle(at["left_hip"] - at["right_hip"], at["left_shoulder"] - at["right_shoulder"]) > np.radians(100.0)
    trunk = np.linalg.norm(shoulders - hips, axis=1)
    folds = [across, trunk < 0.7 * trunk.max()]
    for side in ("left", "right"):
        for a, b, c in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")):
            upper, lower = at[f"{side}_{b}"] - at[f"{side}_{a}"], at[f"{side}_{c}"] - at[f"{side}_{b}"]
            folds.append(angle(upper, lower) > np.radians(165.0))
    return bool(np.any(folds, axis=0).mean() > 0.1)


def _number(word: str) -> float:
    """A number, also with a decimal comma."""
    return float(word.replace(",", "."))
