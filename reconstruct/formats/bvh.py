"""BVH files: a tree of joints with offsets, and Euler angles frame by frame."""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from pose.errors import InputError
from reconstruct.formats.skeleton import SkeletonMotion, pose_skeleton
from reconstruct.rotations import from_scipy


def read_bvh(path: Path) -> SkeletonMotion:
    """A BVH file in its own axes and unit; end sites count as joints that do not turn.

    Channels may come in any order. Position channels of other joints than the root replace the joint's offset by their
    mean: bones keep their length. The root's offset says nothing, its channels where it is.

    Raises:
      InputError: the file is no BVH, or cut off.
    """
    try:
        header, _, table = path.read_text(encoding="utf-8", errors="replace").partition("MOTION")
        names, parents, offsets, channels = _hierarchy(header.split())
        frames, seconds, numbers = _table(table)
        width = sum(len(own) for own in channels)
        if frames < 2 or numbers.size != frames * width:
            raise ValueError(f"{frames} frames of {width} numbers announced, {numbers.size} numbers found")
        if not (np.isfinite(numbers).all() and seconds > 0):
            raise ValueError("numbers that are not finite, or a frame time that is not positive")
    except (ValueError, IndexError, StopIteration) as error:
        raise InputError(f"{path}: not a BVH motion, or cut off ({error or 'ends too early'})") from error
    local = np.tile([1.0, 0.0, 0.0, 0.0], (frames, len(names), 1))
    root = np.zeros((frames, 3))
    columns = np.split(numbers.reshape(frames, width), np.cumsum([len(own) for own in channels])[:-1], axis=1)
    for joint, (own, values) in enumerate(zip(channels, columns, strict=True)):
        turns = [i for i, kind in enumerate(own) if kind.endswith("rotation")]
        if turns:
            axes = "".join(own[i][0] for i in turns)  # capitals: each turn about the axes that the last one left
            local[:, joint] = from_scipy(Rotation.from_euler(axes, values[:, turns], degrees=True), (frames,))
        for i, kind in enumerate(own):
            if kind.endswith("position") and parents[joint] < 0:
                root[:, "XYZ".index(kind[0])] = values[:, i]
            elif kind.endswith("position"):
                offsets[joint, "XYZ".index(kind[0])] = values[:, i].mean()
    return pose_skeleton(names, parents, offsets, local, root, 1.0 / seconds)


def _hierarchy(words: list[str]) -> tuple[tuple[str, ...], tuple[int, ...], np.ndarray, list[list[str]]]:
    """Names, parents (-1 for the root), offsets (J, 3) and channels of the joints, parents before children."""
    if "ROOT" not in words:
        raise ValueError("no ROOT")
    names, parents, offsets, channels = list[str](), list[int](), list[list[float]](), list[list[str]]()
    stack = list[int]()
    rest = iter(words)
    for word in rest:
        if word in ("ROOT", "JOINT", "End"):
            # A name may hold spaces; end sites are all called Site, or have none.
            title = " ".join(iter(lambda: next(rest), "{"))
            parent = stack[-1] if stack else -1
            if word == "End" and title in ("Site", ""):
                title = f"{names[parent]} end"
            names.append(title)
            parents.append(parent)
            offsets.append([0.0, 0.0, 0.0])
            channels.append([])
            stack.append(len(names) - 1)
        elif word == "}":
            stack.pop()
        elif word == "OFFSET":
            offsets[stack[-1]] = [float(next(rest)) for _ in range(3)]
        elif word == "CHANNELS":
            channels[stack[-1]] = [next(rest) for _ in range(int(next(rest)))]
    unknown = {kind for own in channels for kind in own if kind[:1] not in ("X", "Y", "Z")}
    if unknown or parents.count(-1) != 1:
        raise ValueError(f"channel '{min(unknown)}'" if unknown else f"{parents.count(-1)} roots")
    return tuple(names), tuple(parents), np.array(offsets), channels


def _table(text: str) -> tuple[int, float, np.ndarray]:
    """Number of frames, seconds a frame, and all numbers in a row."""
    words = text.split()
    frames, seconds, begin = words.index("Frames:"), words.index("Time:"), words.index("Time:") + 2
    return int(words[frames + 1]), float(words[seconds + 1]), np.array(words[begin:], dtype=np.float64)
