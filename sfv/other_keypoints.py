"""Keypoints that are there already, of another detector or of a run, in place of those that the video's stage finds."""

from pathlib import Path

from pose.errors import InputError
from pose.estimate import PoseConfig
from pose.formats.keypoint_files import read_keypoint_files, read_own_keypoints
from pose.keypoints import Keypoints
from pose.timeline.playback_speed import apply_playback_speed, check_speed
from pose.video import probe


def read_other_keypoints(files: list[Path], video: Path, config: PoseConfig) -> tuple[Keypoints, tuple[str, ...]]:
    """The keypoints of a person from files, at the speed of the motion, and what to say about them.

    Args:
      files: those of a folder, or one file of all frames.
      video: that they were found in.
      config: range, person and speed.

    Raises:
      InputError: the files or an option cannot be used.
    """
    if config.rotate:
        raise InputError("--rotate turns a video, not the points of --keypoints: turn those where they are made")
    info, path = probe(video), files[0] if len(files) == 1 else files[0].parent
    size = (info.width, info.height)
    if (own := read_own_keypoints(path, config.start, config.end)) is not None:
        return use_own_keypoints(own, config, size, path)
    found = read_keypoint_files(path, info.fps, size, config.start, config.end, config.person, config.keypoint_order)
    keypoints = apply_playback_speed(found.keypoints, config.speed, config.max_fps)
    return keypoints.with_speed(keypoints.speed, config.max_fps), found.findings


def use_own_keypoints(
    own: Keypoints, config: PoseConfig, size: tuple[int, int], path: Path
) -> tuple[Keypoints, tuple[str, ...]]:
    """Keypoints that a run left, at the speed asked for, and what to say where they are of another picture.

    Raises:
      InputError: a person is to be chosen among one, or the speed makes no sense.
    """
    if config.person:
        raise InputError(f"{path}: keypoints of a run are of one person; leave --person out")
    check_speed(config.speed)
    keypoints = own.with_speed(own.speed if config.speed is None else config.speed, config.max_fps)
    there = size if own.rotation in (0, 180) else size[::-1]
    if own.image_size == there:
        return keypoints, ()
    (width, height), text = own.image_size, "are they of this video?"
    return keypoints, (
        f"keypoints of a picture of {width} x {height} px, the video has {there[0]} x {there[1]}: {text}",
    )
