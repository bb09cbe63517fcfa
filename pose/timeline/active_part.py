"""Which part of a longer video is the active one: a proposal for START and END."""

import numpy as np

from pose.keypoints import Keypoints
from pose.landmarks import TWELVE

SMOOTH_S = 0.5
"""Window of the running mean of speed [s]."""
ACTIVE_SHARE = 0.35
"""Share of the highest speed above which the body is active, in [0, 1]."""
PAUSE_S = 0.7
"""Longest rest that still belongs to a motion, such as the crouch before a jump [s]."""
MARGIN_S = 0.4
"""Time kept before and after the motion, to begin and end in a stance [s]."""
NEARLY_ALL = 0.8
"""Longest proposal, as a share of the clip: a longer one is not worth making."""


def find_active_part(keypoints: Keypoints) -> tuple[float, float] | None:
    """Finds the part of the clip around the fastest motion; None where no part stands out.

    Speed is the mean over the joints in the image, in body sizes.

    Returns:
      (start, end) in seconds of the video.
    """
    columns = [keypoints.names.index(name) for name in TWELVE if name in keypoints.names]
    size = usual_size_px(keypoints)
    if len(keypoints) < 3 or size == 0:
        return None
    xy, known = keypoints.xy[:, columns], keypoints.confidence[:, columns] > 0
    step = np.linalg.norm(np.diff(xy, axis=0), axis=-1) / size
    both = known[1:] & known[:-1]
    step = np.where(both, step, 0.0).sum(axis=1) / np.maximum(both.sum(axis=1), 1)
    width = max(1, round(SMOOTH_S * keypoints.fps))
    speed = np.convolve(step, np.ones(width) / width, mode="same")
    peak = int(speed.argmax())
    active = speed > ACTIVE_SHARE * speed[peak]
    pause = max(1, round(PAUSE_S * keypoints.fps))
    first = last = peak
    while active[max(0, first - pause) : first].any():
        first = max(0, first - pause) + int(active[max(0, first - pause) : first].argmax())
    while active[last + 1 : last + 1 + pause].any():
        last += 1 + int(np.flatnonzero(active[last + 1 : last + 1 + pause])[-1])
    margin = round(MARGIN_S * keypoints.fps)
    first, last = max(0, first - margin), min(len(speed), last + margin)
    if last - first > NEARLY_ALL * len(speed):
        return None
    return keypoints.start + first / keypoints.video_fps, keypoints.start + last / keypoints.video_fps


def usual_size_px(keypoints: Keypoints) -> float:
    """Body size: longer side of the box around the known joints, upper quartile over the clip [px]; 0 if none is."""
    columns = [keypoints.names.index(name) for name in TWELVE if name in keypoints.names]
    known = keypoints.confidence[:, columns] > 0
    enough = known.sum(axis=1) > 1
    if not enough.any():
        return 0.0
    xy = np.where(known[enough, :, None], keypoints.xy[enough][:, columns], np.nan)
    return float(np.percentile((np.nanmax(xy, axis=1) - np.nanmin(xy, axis=1)).max(axis=-1), 75))
