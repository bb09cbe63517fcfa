"""Reader of other detectors' keypoints: a folder of JSON files, one a frame, or one file of all frames."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pose.archive import load_plain_arrays
from pose.errors import InputError
from pose.estimator import Poses, no_poses
from pose.foreign_files import refuse_damaged
from pose.formats.keypoint_json import read_file, read_folder
from pose.formats.keypoint_sides import find_exchanged_sides
from pose.formats.layouts import BY_COUNT, LAYOUTS, KeypointOrder, Layout, is_body_25b, to_landmarks
from pose.keypoints import Keypoints
from pose.landmarks import INDEX, LANDMARKS
from pose.people.person import choose_person

MOST_FRAMES = 1_000_000
"""Frames of a film beyond which numbers in files are no frames: 9 hours."""
MARGIN, MOST_OUTSIDE = 0.1, 0.1
"""How far outside of the picture points may be [picture sizes], and which share of them farther before it is said."""
UPSIDE_DOWN = 0.9
"""Share of the frames with the feet above the shoulders from which a file is probably upside down."""
FARTHEST = 10.0
"""Distance from the picture's corner beyond which a point is no detector's, but a damaged number [picture sizes]."""


CHAINS = (("shoulder", "hip", "knee"), ("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
LIMBS = [tuple(INDEX[f"{side}_{part}"] for part in chain[::-1]) for side in ("left", "right") for chain in CHAINS]
"""End of a limb, the joint before it, and the one before that: where both are known, the end lies about straight on."""


@dataclass(frozen=True)
class KeypointFile:
    """Keypoints of a person from files, and what was found out about these."""

    keypoints: Keypoints
    findings: tuple[str, ...]


def read_keypoint_files(
    path: Path,
    fps: float,
    image_size: tuple[int, int],
    start: float = 0.0,
    end: float | None = None,
    person: str = "",
    order: KeypointOrder = "auto",
) -> KeypointFile:
    """Reads what OpenPose, AlphaPose, MMPose, RTMPose, YOLO and their like write.

    Folders hold a file for each frame, `<video>_<frame number>_keypoints.json`, as OpenPose's `--write_json` leaves
    them. These detectors have no depth: `xyz` is 0 everywhere while `confidence` is not, which marks `Keypoints`
    without 3D. Landmarks that a detector does not have keep confidence 0.

    Args:
      path: of the folder or the file.
      fps: of the video that they were made from.
      image_size: (width, height) of it [px].
      start: first moment used [s].
      end: last moment used [s]; None is the end.
      person: which one, as for `pose.people.person.choose_person`.
      order: layout of the points; auto: by their number and places.

    Raises:
      InputError: no such file or folder, or one that no detector wrote.
    """
    path = Path(path)
    with refuse_damaged(path, "written by a detector", "write it again"):
        found, counted = read_folder(path) if path.is_dir() else read_file(path, order != "auto")
    bodies = [body for frame in found.values() for body in frame]
    if not bodies:
        raise InputError(f"{path}: nobody in any of its {len(found)} frames")
    layout, findings = choose_layout(bodies, order, path)
    scale, said = find_scale(bodies, image_size)
    divisor, scores = find_score_scale(bodies)
    said += leave_out_far_points(bodies, scale, image_size)
    first = min(found)  # OpenPose's --frame_first moves the first one: numbers are video frames
    first = 0 if first < 2 else first  # nobody in the first frame
    last = max(found)
    begin = max(first, round(start * fps))
    stop = last + 1 if end is None else min(last + 1, round(end * fps))
    if begin >= stop:
        raise InputError(f"{path}: no frame between START={start:g} s and END; it covers {last / fps:.2f} s")
    if stop - begin > MOST_FRAMES:
        raise InputError(f"{path}: frames {begin} to {stop - 1}; expected numbers of a video's frames, give START, END")
    frames = [_to_poses(found.get(n, []), layout, scale, divisor) for n in range(begin, stop)]
    try:
        rows = choose_person([_fill_holes(poses) for poses in frames], fps, person, begin / fps)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    xy = np.zeros((len(frames), len(LANDMARKS), 2))
    confidence = np.zeros((len(frames), len(LANDMARKS)))
    for t in np.flatnonzero(rows >= 0):
        xy[t], confidence[t] = frames[t].xy[rows[t]], frames[t].score[rows[t]]
    keypoints = Keypoints(xy, np.zeros((*confidence.shape, 3)), confidence, fps, LANDMARKS, image_size, begin / fps)
    outside = check_places(keypoints, is_array=path.suffix.lower() in (".npy", ".npz"))
    return KeypointFile(keypoints, (*findings, *counted, *outside, *said, *scores))


def read_own_keypoints(path: Path, start: float = 0.0, end: float | None = None) -> Keypoints | None:
    """Keypoints that this program saved, with their depth and times, from `start` to `end` [s of the video].

    Returns:
      None where the file is none of ours.

    Raises:
      InputError: it is damaged, or nothing of it lies in that part.
    """
    if path.suffix.lower() != ".npz" or not path.is_file():
        return None
    arrays, _ = load_plain_arrays(path)
    if str(arrays.get("kind")) != "keypoints":
        return None
    found = Keypoints.load(path, "save it again")
    if start <= found.start and end is None:
        return found
    return found.select(start, found.start + len(found) / found.video_fps if end is None else end)


def choose_layout(bodies: list[np.ndarray], order: KeypointOrder, path: Path) -> tuple[Layout, tuple[str, ...]]:
    """The layout of bodies (K, 3), and what to say about it.

    Raises:
      InputError: no layout has so many points.
    """
    counts = {len(body) for body in bodies}
    if len(counts) > 1:
        raise InputError(f"{path}: bodies of {', '.join(map(str, sorted(counts)))} points; expected one number")
    count = counts.pop()
    if order != "auto":
        layout = LAYOUTS[order]
        if max(layout.points) >= count:
            raise InputError(f"{path}: {count} points a body are too few for --keypoint-order {order}")
        return layout, (f"{count} points in the order of {layout.name}, as asked",)
    if count not in BY_COUNT:
        known = ", ".join(f"{number} ({LAYOUTS[name].name})" for number, name in sorted(BY_COUNT.items()))
        raise InputError(f"{path}: {count} points a body; known are {known}; --keypoint-order names one of them")
    if count == 25 and is_body_25b(np.array(bodies)):
        return LAYOUTS["body_25b"], ("25 points in the order of BODY_25B; --keypoint-order body_25 overrules",)
    return LAYOUTS[BY_COUNT[count]], ()


def find_scale(
    bodies: list[np.ndarray], image_size: tuple[int, int]
) -> tuple[tuple[float, float, float], tuple[str, ...]]:
    """Factors of x and y and a shift, by which coordinates become pixels: detectors may write shares of the picture."""
    points = np.concatenate(bodies)
    seen = points[points[:, 2] > 0, :2]
    size = np.abs(seen).max(axis=1) if len(seen) else np.full(1, np.inf)
    seen = seen[size <= 1.5] if np.mean(size <= 1.5) > 0.98 else seen  # a damaged number changes nothing
    if len(seen) and np.abs(seen).max() <= 1.5 and min(image_size) > 10:
        width, height = image_size
        if seen.min() < -0.05:
            return (0.5 * width, 0.5 * height, 1.0), ("coordinates from -1 to 1 are taken as shares of the picture",)
        return (float(width), float(height), 0.0), ("coordinates from 0 to 1 are taken as shares of the picture",)
    return (1.0, 1.0, 0.0), ()


def leave_out_far_points(
    bodies: list[np.ndarray], scale: tuple[float, float, float], image_size: tuple[int, int]
) -> tuple[str, ...]:
    """Marks points as not seen, in place, that lie so far from the picture that only damage explains them.

    Args:
      bodies: each (K, 3).
      scale: as `find_scale` found it.
      image_size: (width, height) [px].

    Returns:
      What to say about it; nothing where there are none.
    """
    count = 0
    for body in bodies:
        px = (body[:, :2] + scale[2]) * scale[:2]
        far = (np.abs(px) > FARTHEST * max(image_size)).any(axis=1)
        count += int((far & (body[:, 2] > 0)).sum())
        body[far] = 0.0
    if not count:
        return ()
    return (f"{count} point{'s' * (count > 1)} farther than {FARTHEST:g} pictures away: taken as not seen",)


def check_places(keypoints: Keypoints, is_array: bool) -> tuple[str, ...]:
    """What to say about where landmarks are; of arrays also whether x and y are exchanged."""
    xy, confidence = keypoints.xy, keypoints.confidence
    seen = confidence > 0
    found = compare_with_picture(xy, seen, keypoints.image_size) + find_upside_down(xy, seen)
    found += find_exchanged_sides(xy, confidence)
    return found + find_exchanged_axes(xy, seen) if is_array else found


def compare_with_picture(xy: np.ndarray, seen: np.ndarray, image_size: tuple[int, int]) -> tuple[str, ...]:
    """What to say about landmarks (T, J, 2) of which many that were seen (T, J) lie outside of the picture."""
    size = np.array(image_size)
    far = np.abs(xy / size - 0.5).max(axis=-1)
    outside = far[seen] > 0.5 + MARGIN
    if not outside.size or outside.mean() <= MOST_OUTSIDE:
        return ()
    text = f"{outside.mean():.0%} of the keypoints lie outside the picture of {image_size[0]} x {image_size[1]} px"
    return (f"{text}: are they of another video, or of this one in another size?",)


def find_upside_down(xy: np.ndarray, seen: np.ndarray) -> tuple[str, ...]:
    """What to say where landmarks (T, J, 2) that were seen (T, J) have the feet above the shoulders nearly always."""
    sides = [[INDEX[f"{side}_{joint}"] for side in ("left", "right")] for joint in ("shoulder", "ankle")]
    upper, lower = (xy[:, joints, 1].mean(axis=1) for joints in sides)
    known = seen[:, [*sides[0], *sides[1]]].all(axis=1)
    share = float((upper > lower)[known].mean()) if known.any() else 0.0
    if share < UPSIDE_DOWN:
        return ()
    return (f"feet are above shoulders in {share:.0%} of the frames: is y counted from below? Count it from the top",)


def find_exchanged_axes(xy: np.ndarray, seen: np.ndarray) -> tuple[str, ...]:
    """What to say where the way from shoulders to ankles (T, J, 2), both seen (T, J), goes along x nearly always, as in
    arrays of y, x."""
    sides = [[INDEX[f"{side}_{joint}"] for side in ("left", "right")] for joint in ("shoulder", "ankle")]
    way = xy[:, sides[1]].mean(axis=1) - xy[:, sides[0]].mean(axis=1)
    known = seen[:, [*sides[0], *sides[1]]].all(axis=1)
    share = float((np.abs(way[:, 0]) > 2.0 * np.abs(way[:, 1]))[known].mean()) if known.any() else 0.0
    if share < UPSIDE_DOWN:
        return ()
    text = f"the body lies along x in {share:.0%} of the frames: if each point is y, x (MoveNet), exchange them"
    return (text,)


def find_score_scale(bodies: list[np.ndarray]) -> tuple[float, tuple[str, ...]]:
    """By what scores are to be divided to lie within 0 and 1: some detectors' go beyond."""
    scores = np.concatenate(bodies)[:, 2]
    high = float(np.percentile(scores, 98))
    if high <= 1.5:
        return 1.0, ()
    return high, (f"scores up to {scores.max():.3g}: divided by {high:.3g}",)


def _to_poses(bodies: list[np.ndarray], layout: Layout, scale: tuple[float, float, float], divisor: float) -> Poses:
    if not bodies:
        return no_poses(len(LANDMARKS))
    points = np.array(bodies, dtype=float)
    points[..., :2] = (points[..., :2] + scale[2]) * scale[:2]
    points[..., 2] = np.clip(points[..., 2] / divisor, 0.0, 1.0)
    xy, score = to_landmarks(points, layout)
    return Poses(xy, np.zeros((*score.shape, 3)), score)


def _fill_holes(poses: Poses) -> Poses:
    """Puts landmarks that were not seen where they are likely, so that they do not pull on the body: ends of limbs
    straight on, all else into the middle of what is seen.

    With ankles in the middle for a frame, a body seems to jump, and the frame to show somebody else.
    """
    xy = poses.xy.copy()
    for body, seen in zip(xy, poses.score > 0, strict=True):
        if not seen.any():
            continue
        body[~seen] = body[seen].mean(axis=0)
        known = seen.copy()
        for end, joint, before in LIMBS:
            if not known[end] and known[joint] and known[before]:
                body[end], known[end] = 2.0 * body[joint] - body[before], True
    return Poses(xy, poses.xyz, poses.score)
