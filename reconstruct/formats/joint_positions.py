"""Motions that are places of joints alone: text-to-motion's `.npy`, 3D keypoints, marker files' joints.

Rotations are fitted to the places: of a joint with several bones the rotation that fits all of them best (Kabsch 1976),
of one with a single bone the shortest rotation from where its parent carries it. Twists of single bones are not known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pose.errors import InputError
from reconstruct.formats.gaps import MOST_MISSING, check_share, fill_numbers, is_unit
from reconstruct.formats.joint_layouts import (
    LAYOUTS,
    LIMBS,
    JointLayout,
    choose_layout,
    find_order,
    find_strange_limb,
    has_limbs_as,
    name_places,
)
from reconstruct.formats.options import Finding, to_axis
from reconstruct.formats.skeleton_motion import SkeletonMotion
from reconstruct.formats.smpl import JOINTS, RATE, rest_positions
from reconstruct.rotations import from_matrix

Y_UP = np.array([0.0, 1.0, 0.0])
PIXELS = 20.0
"""Size of a body whose third numbers are all from 0 to 1, from which these are scores and the others pixels."""
SMPL_COUNTS = (22, 24, 45, 52, 55, 73, 127, 144)
"""How many joints arrays have that begin with SMPL's 22: of the body alone, with hands, of SMPL-H and SMPL-X."""
TREE = {
    "pelvis": "", "spine": "pelvis", "chest": "spine", "head": "chest",
    **{f"{side}_{joint}": above if above in ("pelvis", "chest") else f"{side}_{above}"
       for side in ("left", "right")
       for joint, above in (("hip", "pelvis"), ("knee", "hip"), ("ankle", "knee"), ("toe", "ankle"),
                            ("shoulder", "chest"), ("elbow", "shoulder"), ("wrist", "elbow"))},
}  # fmt: skip
"""The body that is built of landmarks: joint -> what it hangs on."""
LOOSE = 0.01
"""Weight of the direction of a joint that turns on its own, where those of others say how their parent is turned."""
SPINE = 0.35
"""Where the trunk bends, as a share of the way from the hips to the shoulders."""


def read_positions(
    array: np.ndarray, path: Path, fps: float | None = None, names: Sequence[str] | None = None
) -> SkeletonMotion:
    """Places of joints: SMPL's 22 first (T, J of `SMPL_COUNTS`, 3), HumanML3D's (T, 263), or a layout of another order.

    A fourth number of each joint is how sure it is: 0 is not seen. Gaps are interpolated. Names of the joints say the
    order, where the file has them and they name all limbs.

    Raises:
      InputError: another shape, mostly gaps, or a picture's points.
    """
    array, features = fill_features(array, path)
    order = find_order(names) if names is not None else None
    places = drop_zeros(to_places(array, path, None if order is None else len(order.joints)))
    joints = places.shape[1]
    if order is not None and has_limbs_as(order, [name for name, _ in JOINTS]) and joints in SMPL_COUNTS:
        order = None
    if joints not in LAYOUTS and order is None:
        places = places[:, : len(JOINTS)]
    places, layout, gaps = fill_joints(places, path, order)
    check_space(places, path)
    findings = [*features, *gaps]
    if fps is None:
        # HumanML3D's clips have 20 frames a second.
        fps = 20.0 if joints == len(JOINTS) else RATE
        text = f"no frame rate in the file: {fps:g} a second are taken; --fps overrules"
        findings.append(Finding("rate", text, doubtful=True))
    usual_up = to_axis("y")
    if layout is not None:
        findings.append(Finding("format", f"{joints} joints in the order of {layout.name}"))
        motion, usual_up = build_skeleton(name_places(places, layout.joints), fps), to_axis(layout.up)
    else:
        findings.append(Finding("format", "places of SMPL's 22 joints"))
        motion = fit_rotations(
            tuple(name for name, _ in JOINTS),
            tuple(parent for _, parent in JOINTS),
            rest_positions(),
            places,
            fps,
        )
    hips = [motion.names.index(f"{side}_hip") for side in ("left", "right")]
    way = motion.positions[:, hips].mean(axis=1)
    if min(np.ptp(path, axis=0).max() for path in (way, places[:, 0])) < 1e-6:
        findings.append(Finding("format", "no path of the pelvis: it stays in its place", doubtful=True))
    ball = layout is None
    return replace(motion, usual_up=usual_up, ends_at_ball=ball, findings=(*motion.findings, *findings))


def fill_features(array: np.ndarray, path: Path) -> tuple[np.ndarray, list[Finding]]:
    """HumanML3D's features with gaps interpolated before they are summed up, and what to say of it; others as given."""
    if array.dtype.kind != "f" or array.shape[-1:] != (263,) or array.ndim < 2 or array.size != 263 * array.shape[-2]:
        return array, []
    return fill_numbers(array.reshape(-1, 263), "the array", path)


def fill_joints(
    places: np.ndarray, path: Path, order: JointLayout | None = None
) -> tuple[np.ndarray, JointLayout | None, list[Finding]]:
    """Places (T, J, 3) with gaps interpolated, their order (None: SMPL's), and what to say of it.

    Of an order with more than the limbs, what is missing in most frames is NaN: ears, toes and what is not used.

    Raises:
      InputError: a joint that is needed is mostly missing, or no person has such limbs.
    """
    known, layout = np.asarray(np.isfinite(places).all(axis=2)), None
    if places.shape[1] not in LAYOUTS and order is None:
        places, gaps = fill_numbers(places, "the array", path)
        return places, layout, gaps
    seen = known.mean(axis=0) >= 1.0 - MOST_MISSING
    filled = np.full_like(places, np.nan)
    filled[:, seen], gaps = fill_numbers(places[:, seen], "the array", path)
    layout = order or choose_layout(filled)
    check_share(known[:, [layout.joints.index(name) for name in LIMBS]], "the array", path)
    strange = find_strange_limb(filled, layout.joints)
    if strange:
        text = f"{places.shape[1]} points, in no known order of a person's joints: in {layout.name}'s the bone from"
        raise InputError(f"{path}: {text} {strange} is too long; put a body's joints into one that docs/formats.md has")
    lost = [name for name, is_seen in zip(layout.joints, seen, strict=False) if name and not is_seen]
    if lost:
        gaps.append(Finding("joints", f"{', '.join(lost)}: not seen in most frames, left out"))
    return filled, layout, gaps


def to_places(array: np.ndarray, path: Path, count: int | None = None) -> np.ndarray:
    """An array in one of the shapes in use, or of `count` joints -> (T, J, 3), NaN where a joint was not seen.

    Raises:
      InputError: none of them.
    """
    try:
        places = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: {error}; expected places of joints (T, 22, 3)") from error
    while places.ndim > 3 and places.shape[0] == 1:
        places = places[0]
    if places.ndim == 4 and places.shape[3] == 3 and places.shape[2] in (*LAYOUTS, *SMPL_COUNTS):
        # There are more frames than people, whichever come first.
        first = "[0]" if places.shape[0] < places.shape[1] else "[:, 0]"
        line = f"import numpy as np; np.save('one.npy', np.load('{path.name}'){first})"
        text = f"{min(places.shape[:2])} motions or people in one array {array.shape}; save one"
        raise InputError(f"{path}: {text}" + (f': python -c "{line}"' if path.suffix == ".npy" else ""))
    if places.ndim == 2 and places.shape[1] == 263:
        places = recover_humanml3d(places)
    elif places.ndim == 2 and places.shape[1] in (66, 72):
        places = places.reshape(len(places), -1, 3)
    elif places.ndim == 3 and places.shape[1] == 3 and places.shape[0] in (17, 22, 24):
        places = places.transpose(2, 0, 1)  # MDM's
    if places.ndim == 3 and places.shape[2] == 4 and not is_unit(places):
        places = np.where(places[..., 3:] > 0, places[..., :3], np.nan)
    counts = (*LAYOUTS, *SMPL_COUNTS, count)
    is_known = places.ndim == 3 and places.shape[2] == 3 and places.shape[1] in counts
    if not is_known or len(places) < 2:
        others = ", ".join(f"{count} ({', '.join(own.name for own in known)})" for count, known in LAYOUTS.items())
        raise InputError(
            f"{path}: an array {array.shape}; expected places of SMPL's joints (T, 22, 3), HumanML3D's features "
            f"(T, 263) or (T, J, 3) of J joints: {others}"
        )
    return places


def drop_zeros(places: np.ndarray) -> np.ndarray:
    """Places (T, J, 3) with NaN for a joint that is at exactly 0 now and then: so sensors write what they do not see.

    A joint that is there in most frames is the origin of the others, and one in the first frame alone that of the path.
    """
    zero = (places == 0.0).all(axis=2)
    zero[0] &= zero[1]
    missing = zero & (zero.mean(axis=0) <= 0.5)
    return np.where(missing[..., None], np.nan, places) if missing.any() else places


def check_space(places: np.ndarray, path: Path) -> None:
    """Raises `InputError` for a picture's points, (T, J, 3): x and y in pixels or shares of it, and a score."""
    count, places = places.shape[1], places[:, np.isfinite(places).all(axis=(0, 2))]
    size, deep = (float(np.median(np.ptp(part, axis=1).max(axis=1))) for part in (places[..., :2], places[..., 2:]))
    is_score = places[..., 2].min() >= 0.0 and places[..., 2].max() <= 1.0
    is_share = count == 33 and places[..., :2].min() > -0.5 and np.median(places[..., :2]) > 0.2
    is_share = is_share and places[..., :2].max() < 1.5 and deep < 1.5
    if (is_score and size > PIXELS) or (is_share and size < 1.5):
        what = "x, y and a score" if is_score else "shares of a picture, as MediaPipe has them"
        raise InputError(
            f"{path}: points of a picture ({what}), not places in space; give this file by --keypoints, "
            "together with --video"
        )


def recover_humanml3d(features: np.ndarray) -> np.ndarray:
    """Places of joints from HumanML3D's features (Guo et al. 2022): yaw and path are sums of velocities, (T, 22, 3)."""
    yaw = np.concatenate([[0.0], np.cumsum(features[:-1, 0])])

    def turn(vectors: np.ndarray) -> np.ndarray:
        """By the inverse of the root's rotation, whose quaternion is (cos yaw, 0, sin yaw, 0)."""
        c, s = np.cos(2.0 * yaw), np.sin(2.0 * yaw)
        c, s = (x.reshape(-1, *[1] * (vectors.ndim - 2)) for x in (c, s))
        x, y, z = np.moveaxis(vectors, -1, 0)
        return np.stack([c * x - s * z, y, s * x + c * z], axis=-1)

    step = np.zeros((len(features), 3))
    step[1:, [0, 2]] = features[:-1, 1:3]
    root = np.cumsum(turn(step), axis=0)
    root[:, 1] = features[:, 3]
    joints = turn(features[:, 4 : 4 + 63].reshape(len(features), 21, 3))
    joints = joints + root[:, None] * [1.0, 0.0, 1.0]
    return np.concatenate([root[:, None], joints], axis=1)


def build_skeleton(places: Mapping[str, np.ndarray], fps: float) -> SkeletonMotion:
    """A body of landmarks (T, 3): the twelve joints of the limbs; toes and a head where there are any."""
    at = {name: places[name] for name in places if name in TREE}
    at["pelvis"] = 0.5 * (at["left_hip"] + at["right_hip"])
    at["chest"] = 0.5 * (at["left_shoulder"] + at["right_shoulder"])
    findings = ()
    if "left_toe" not in at or "right_toe" not in at:
        at |= guess_toes(at)
        findings = (Finding("joints", "no toes in the file: feet point where the hips face"),)
    smpl = dict(zip((name for name, _ in JOINTS), rest_positions(), strict=True))
    smpl |= {f"{side}_toe": smpl[f"{side}_foot"] for side in ("left", "right")}
    for middle, joint in (("pelvis", "hip"), ("chest", "shoulder")):
        smpl[middle] = 0.5 * (smpl[f"left_{joint}"] + smpl[f"right_{joint}"])
    smpl["spine"] = smpl["pelvis"] + SPINE * (smpl["chest"] - smpl["pelvis"])
    at["spine"] = place_spine(at, smpl)
    names = tuple(sorted((name for name in TREE if name in at), key=_depth))
    parents = tuple(names.index(TREE[name]) if TREE[name] else -1 for name in names)
    rest = np.array([smpl[name] for name in names])
    ways = np.stack([at[name] for name in names], axis=1)
    motion = fit_rotations(names, parents, rest, ways, fps, ("chest",), ("head",))
    return replace(motion, findings=findings)


def place_spine(at: Mapping[str, np.ndarray], rest: Mapping[str, np.ndarray]) -> np.ndarray:
    """Where the trunk bends, (T, 3): fixed to the pelvis, which turns with the hips and about these with the chest."""
    across = at["left_hip"] - at["right_hip"]
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    up = at["chest"] - at["pelvis"]
    up -= np.sum(up * across, axis=1, keepdims=True) * across
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-9)
    frame = np.stack([across, up, np.cross(across, up)], axis=2)
    size = float(np.median(np.linalg.norm(at["chest"] - at["pelvis"], axis=1)))
    offset = rest["spine"] - rest["pelvis"]
    return at["pelvis"] + frame @ (offset * size / float(np.linalg.norm(rest["chest"] - rest["pelvis"])))


def guess_toes(at: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Toes a sixth of the leg before the ankles, square to the shin, in the direction that the hips face."""
    toes = {}
    across = at["left_hip"] - at["right_hip"]
    for side in ("left", "right"):
        shin = at[f"{side}_knee"] - at[f"{side}_ankle"]
        ahead = np.cross(across, shin)
        ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
        length = float(np.median(np.linalg.norm(shin, axis=1)))
        toes[f"{side}_toe"] = at[f"{side}_ankle"] + length * (0.35 * ahead - 0.15 * shin / length)
    return toes


def _depth(name: str) -> int:
    return 1 + _depth(TREE[name]) if TREE[name] else 0


def fit_rotations(
    names: tuple[str, ...],
    parents: tuple[int, ...],
    rest: np.ndarray,
    places: np.ndarray,
    fps: float,
    stretching: tuple[str, ...] = (),
    loose: tuple[str, ...] = (),
) -> SkeletonMotion:
    """A skeleton with bones of constant length that goes through places of joints (T, J, 3) as well as it can.

    Args:
      names: of the joints.
      parents: of each joint, before it; -1 for the root.
      rest: a standing pose whose bones have the right directions, in any size, (J, 3).
      places: where the joints are.
      fps: frames a second.
      stretching: joints whose distance from their parent is as in each frame: a trunk that bends in many joints.
      loose: joints that say little of how their parent is turned: a head, which turns on its own.
    """
    count = len(parents)
    weights = np.array([LOOSE if name in loose else 1.0 for name in names])
    offsets = np.zeros((count, 3))
    for joint, parent in enumerate(parents):
        if parent >= 0:
            way = rest[joint] - rest[parent]
            length = np.median(np.linalg.norm(places[:, joint] - places[:, parent], axis=1))
            offsets[joint] = way / max(float(np.linalg.norm(way)), 1e-9) * length
    turned = np.tile(np.eye(3), (len(places), count, 1, 1))
    fitted = places.copy()
    for joint, parent in enumerate(parents):
        above = turned[:, parent] if parent >= 0 else np.tile(np.eye(3), (len(places), 1, 1))
        children = [child for child in range(count) if parents[child] == joint]
        ways = places[:, children] - places[:, joint : joint + 1]
        if len(children) > 1:
            turned[:, joint] = kabsch(offsets[children] * weights[children, None], ways)
        elif children:
            turned[:, joint] = shortest_rotation(above @ offsets[children[0]], ways[:, 0]) @ above
        else:
            turned[:, joint] = above
        if parent >= 0:
            bone = turned[:, parent] @ offsets[joint]
            if names[joint] in stretching:
                length = np.linalg.norm(places[:, joint] - fitted[:, parent], axis=1)
                bone *= (length / max(float(np.linalg.norm(offsets[joint])), 1e-9))[:, None]
            fitted[:, joint] = fitted[:, parent] + bone
    still = offsets.copy()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            still[joint] += still[parent]
    stretch = tuple(names.index(name) for name in stretching if name in names)
    turns = from_matrix(turned)
    return SkeletonMotion(names, parents, still, fitted, turns, fps, rest_is_upright=False, stretching=stretch)


def kabsch(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Rotations that turn vectors (N, 3) onto (T, N, 3) with the least squared error, (T, 3, 3)."""
    u, _, vt = np.linalg.svd(np.einsum("tni,nj->tij", after, before))
    sign = np.ones((len(after), 3))
    sign[:, 2] = np.linalg.det(u @ vt)
    return (u * sign[:, None]) @ vt


def shortest_rotation(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Rotations about the shortest way from vectors (T, 3) to vectors (T, 3), (T, 3, 3)."""
    a = before / np.maximum(np.linalg.norm(before, axis=1, keepdims=True), 1e-9)
    b = after / np.maximum(np.linalg.norm(after, axis=1, keepdims=True), 1e-9)
    cross, cos = np.cross(a, b), np.sum(a * b, axis=1)
    skew = np.zeros((len(a), 3, 3))
    skew[:, 0, 1], skew[:, 0, 2], skew[:, 1, 2] = -cross[:, 2], cross[:, 1], -cross[:, 0]
    skew -= np.swapaxes(skew, 1, 2)
    rotation = np.eye(3) + skew + skew @ skew / np.maximum(1.0 + cos, 1e-6)[:, None, None]
    opposite = cos < -1.0 + 1e-6  # half a turn about any axis square to it
    for t in np.flatnonzero(opposite):
        axis = np.cross(a[t], np.eye(3)[np.abs(a[t]).argmin()])
        axis /= np.linalg.norm(axis)
        rotation[t] = 2.0 * np.outer(axis, axis) - np.eye(3)
    return rotation
