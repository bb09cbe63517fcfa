"""Assessment of keypoints in plain words, so that a bad video is known before training."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pose.keypoints import Keypoints
from pose.landmarks import TWELVE
from pose.timeline.active_part import find_active_part, usual_size_px
from pose.timeline.segments import find_segments

UNSURE = 0.7
"""Mean confidence of a limb's landmarks below which it is reported as unsure, in [0, 1]."""
SURE = 0.85
"""Mean confidence of the twelve joints from which a frame is sure, in [0, 1]."""
GOOD = 0.8
"""Mean confidence over the clip from which keypoints make a good reference, in [0, 1]."""
GOOD_SEEN = 0.9
"""Share of frames with the person from which keypoints make a good reference, in [0, 1]."""
SHORTEST_S = 0.12
"""Shorter intervals are not reported: the reconstruction bridges them [s]."""
BRIDGE_S = 0.2
"""Intervals closer to each other than this are reported as one [s]."""
FAST = 4.0
"""Speed from which a limb is taken to be blurred [body sizes/s]."""
BEHIND_M = 0.08
"""Depth behind the trunk from which a limb is taken to be hidden by it [m]."""
SMALL_PX = 120.0
"""Body size below which the person is reported as small [px]."""
CROWD_SHARE = 0.1
"""Least share of frames with other people that is reported, in [0, 1]."""
LONG_S = 12.0
"""Length from which a clip is reported as long: it probably shows more than one skill [s]."""
MOST_SEGMENTS = 12
"""Most parts of a long video that are listed."""
MOST_SHOTS = 8
"""Most shots that are listed."""
HALF = 0.5
"""Share of frames with both legs, or both arms, out of the picture from which only half a person is seen."""
WRONG_PERSON = 0.5
"""Risk of the wrong person from which keypoints are poor."""
MAX_INTERVALS = 3
"""Most intervals listed in one finding; the others are only counted."""
LIMBS = {
    f"{side} {limb}": tuple(f"{side}_{joint}" for joint in joints)
    for limb, joints in (("arm", ("elbow", "wrist")), ("leg", ("knee", "ankle")))
    for side in ("left", "right")
}
BOTH_SIDES = {"legs": ("knee", "ankle"), "arms": ("elbow", "wrist")}
ENDS = ("nose", "left_wrist", "right_wrist", "left_ankle", "right_ankle", "left_foot_index", "right_foot_index")
"""Landmarks at the ends of the body, which show whether all of it is in the picture."""


@dataclass(frozen=True)
class Quality:
    """Assessment of a clip's keypoints."""

    verdict: str
    """The assessment in one sentence."""
    good: bool
    """Whether the clip is worth training on as it is."""
    level: Literal["good", "usable", "poor"]
    """The first word of the verdict; what is poor is not trained on unless the user insists."""
    metrics: dict[str, float]
    """Numbers of the verdict: `seen`, `sure` and `whole` [share of frames], `joints_right` [share], `jitter` [share of
    body size], `wrong_person` [risk, 0 to 1], `speed` [motion's time over the film's]."""
    findings: tuple[str, ...]
    """Problems and remarks, one sentence each, the gravest first."""
    frame_confidence: np.ndarray
    """Mean confidence of the twelve joints in each frame, in [0, 1], (T,)."""


def assess_keypoints(keypoints: Keypoints, upper_body: bool = False) -> Quality:
    """Checks the keypoints of one person for faults that make a bad reference motion.

    Args:
      keypoints: of one person.
      upper_body: leaves out the legs, where they are to be guessed.
    """
    left_out = BOTH_SIDES["legs"] if upper_body else ()
    names = [name for name in TWELVE if name in keypoints.names and not name.endswith(left_out)]
    frame_confidence = keypoints.confidence[:, [keypoints.names.index(name) for name in names]].mean(axis=1)
    both = {limb: joints for limb, joints in BOTH_SIDES.items() if not (upper_body and limb == "legs")}
    limbs_out = {limb: find_limbs_out(keypoints, *joints) for limb, joints in both.items()}
    seen = max(int(keypoints.seen.sum()), 1)
    out = {limb: float(flags.sum()) / seen for limb, flags in limbs_out.items()}
    metrics = {
        "seen": float(keypoints.seen.mean()),
        "sure": float((frame_confidence >= SURE).mean()),
        "joints_right": float(frame_confidence.mean()),
        "whole": 1.0 - float(np.any(list(limbs_out.values()), axis=0).sum()) / seen,
        "jitter": compute_jitter(keypoints),
        "wrong_person": keypoints.wrong_person,
        "speed": keypoints.speed,
    }
    findings = [
        *_limbs_out(limbs_out, out, keypoints.fps),
        *_wrong_person(keypoints),
        *_shots(keypoints),
        *_speed(keypoints),
        *_gaps(keypoints),
        *_cut_off(keypoints),
        *_unsure_limbs(keypoints),
        *_small(keypoints),
        *_other_people(keypoints),
        *_camera(keypoints),
        *_long(keypoints),
    ]
    half = next((limb for limb, share in out.items() if share > HALF), None)
    enough = metrics["joints_right"] >= GOOD and metrics["seen"] >= GOOD_SEEN
    good = enough and half is None and keypoints.wrong_person < WRONG_PERSON
    level = "good" if good and metrics["sure"] >= GOOD else "usable" if good else "poor"
    verdict = f"{level.capitalize()} keypoints: {_format_metrics(metrics)}{'' if good else _advise(half, enough)}."
    return Quality(verdict, good, level, metrics, tuple(findings), frame_confidence)


def find_limbs_out(keypoints: Keypoints, upper: str, lower: str) -> np.ndarray:
    """Finds the frames in which the person is seen, but none of these joints of either side is in the picture.

    Args:
      keypoints: of one person.
      upper: "knee" or "elbow".
      lower: "ankle" or "wrist".

    Returns:
      bool (T,).
    """
    xy, known = _columns(keypoints, tuple(f"{side}_{joint}" for side in ("left", "right") for joint in (upper, lower)))
    inside = ((xy >= 0) & (xy <= np.array(keypoints.image_size) - 1)).all(axis=-1) & known
    return np.asarray(keypoints.seen & ~inside.any(axis=1))


def compute_jitter(keypoints: Keypoints) -> float:
    """How much the joints tremble: median second difference, as a share of body size; 0 if too little is seen.

    Of white noise of standard deviation s it is 2.9 s; a smooth motion has little at usual frame rates.
    """
    xy, known = _columns(keypoints, TWELVE)
    size = usual_size_px(keypoints)
    three = known[2:] & known[1:-1] & known[:-2]
    if size == 0 or not three.any():
        return 0.0
    return float(np.median(np.linalg.norm(np.diff(xy, 2, axis=0), axis=-1)[three])) / size


def _format_metrics(metrics: dict[str, float]) -> str:
    """The verdict's numbers in one line; what is as usual is left out."""
    parts = [
        f"{metrics['joints_right']:.0%} of the joints are about right",
        f"{metrics['sure']:.0%} of the frames are sure",
    ]
    parts += [f"seen in {metrics['seen']:.0%}"] if metrics["seen"] < 1 else []
    parts += [f"whole in {metrics['whole']:.0%}"] if metrics["whole"] < 1 else []
    parts.append(f"jitter {metrics['jitter']:.1%} of body size")
    risk = metrics["wrong_person"]
    parts += [f"risk of the wrong person {risk:.0%}"] if risk > 0 else []
    parts += [f"time {metrics['speed']:g} x the film's"] if metrics["speed"] != 1 else []
    return ", ".join(parts)


def _advise(half: str | None, enough: bool) -> str:
    if half is not None:
        guess = ", or guess the legs: --upper-body stand (or walk)" if half == "legs" else ""
        return (
            f"; {half} are out of the picture: film the whole body, or choose START and END where they are in it{guess}"
        )
    if enough:
        return "; say whom you mean by PERSON"
    return "; film the whole body from the side, in good light, without cuts, or choose a better part"


def _limbs_out(limbs_out: dict[str, np.ndarray], share: dict[str, float], fps: float) -> list[str]:
    texts = []
    for limb, flags in limbs_out.items():
        found = find_intervals(flags, fps)
        if found:
            texts.append(f"{limb} out of the picture in {share[limb]:.0%} of the frames, {_in_frames(found)}")
    return texts


def _wrong_person(keypoints: Keypoints) -> list[str]:
    if keypoints.wrong_person == 0:
        return []
    return [f"perhaps the wrong person (risk {keypoints.wrong_person:.0%}): see people.jpg, choose by PERSON"]


def _shots(keypoints: Keypoints) -> list[str]:
    if keypoints.shots is None:
        return []
    listed = "; ".join(f"START={start:.2f} END={end:.2f}" for start, end in keypoints.shots[:MOST_SHOTS])
    more = len(keypoints.shots) - MOST_SHOTS
    used = f"used the one at {keypoints.start:.2f} s"
    return [
        f"the video is cut into {len(keypoints.shots)} shots, {used}: {listed}{f' and {more} more' if more > 0 else ''}"
    ]


def _speed(keypoints: Keypoints) -> list[str]:
    if keypoints.speed == 1:
        return []
    slow, factor = keypoints.speed > 1, max(keypoints.speed, 1 / keypoints.speed)
    looks = f"{factor:g} x {'slowed' if slow else 'sped up'}"
    return [f"the film is {looks}: its time is counted {keypoints.speed:g} x (--speed 1 leaves it as filmed)"]


def find_intervals(flags: np.ndarray, fps: float) -> list[tuple[int, int]]:
    """Finds the runs of true frames, as (first, last); near ones are joined and short ones left out.

    Args:
      flags: bool (T,).
      fps: frames a second.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    joined: list[tuple[int, int]] = []
    for first, after in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if joined and first - joined[-1][1] - 1 <= BRIDGE_S * fps:
            joined[-1] = (joined[-1][0], after - 1)
        else:
            joined.append((first, after - 1))
    return [(first, last) for first, last in joined if last - first + 1 >= SHORTEST_S * fps]


def _in_frames(found: list[tuple[int, int]]) -> str:
    """Formats the longest intervals in order of time: `in frames 3-9, 20-31 and 2 shorter intervals`."""
    listed = sorted(sorted(found, key=lambda interval: interval[0] - interval[1])[:MAX_INTERVALS])
    text = "in frames " + ", ".join(f"{first}-{last}" for first, last in listed)
    more = len(found) - len(listed)
    return text + (f" and {more} shorter interval{'s' if more > 1 else ''}" if more else "")


def _gaps(keypoints: Keypoints) -> list[str]:
    found = find_intervals(np.asarray(~keypoints.seen), keypoints.fps)
    return [f"person not seen {_in_frames(found)}: filled in by smoothness and physics"] if found else []


def _cut_off(keypoints: Keypoints) -> list[str]:
    xy, known = _columns(keypoints, ENDS)
    width, height = keypoints.image_size
    beyond = {
        "left": xy[..., 0] < 0,
        "right": xy[..., 0] > width - 1,
        "top": xy[..., 1] < 0,
        "bottom": xy[..., 1] > height - 1,
    }
    texts = []
    for edge, outside in beyond.items():
        found = find_intervals(np.asarray((outside & known).any(axis=1)), keypoints.fps)
        if found:
            texts.append(f"person cut off at the {edge} edge {_in_frames(found)}")
    return texts


def _unsure_limbs(keypoints: Keypoints) -> list[str]:
    texts = []
    for limb, names in LIMBS.items():
        if not set(names) <= set(keypoints.names):
            continue
        columns = [keypoints.names.index(name) for name in names]
        unsure = keypoints.seen & (keypoints.confidence[:, columns].mean(axis=1) < UNSURE)
        found = find_intervals(unsure, keypoints.fps)
        if found:
            reason = _reason(keypoints, columns, found)
            texts.append(f"{limb} unsure {_in_frames(found)}{reason and ', ' + reason}")
    return sorted(texts, key=len, reverse=True)


def _reason(keypoints: Keypoints, columns: list[int], found: list[tuple[int, int]]) -> str:
    """Names what hides a limb in most frames of these intervals; empty if that is not known."""
    within = np.concatenate([np.arange(first, last + 1) for first, last in found])
    width, height = keypoints.image_size
    here = np.asarray(keypoints.confidence[within][:, columns] > 0)
    if not here.any():
        return "leaps from frame to frame"
    xy = keypoints.xy[within][:, columns]
    outside = np.asarray(((xy < 0) | (xy > (width - 1, height - 1))).any(axis=-1))
    if outside[here].mean() > 0.5:
        return "outside the picture"
    trunk = [keypoints.names.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("shoulder", "hip")]
    depth = keypoints.xyz[within][..., 2]
    behind = depth[:, columns] - depth[:, trunk].mean(axis=1, keepdims=True) > BEHIND_M
    if behind[here].mean() > 0.5:
        return "behind the body"
    size = max(usual_size_px(keypoints), 1.0)
    before = np.maximum(within - 1, 0)
    both = here & (keypoints.confidence[before][:, columns] > 0)
    speed = np.linalg.norm(xy - keypoints.xy[before][:, columns], axis=-1) * keypoints.fps / size
    return "moves too fast for the camera" if both.any() and np.median(speed[both]) > FAST else ""


def _small(keypoints: Keypoints) -> list[str]:
    size = usual_size_px(keypoints)
    return [f"person small in the picture ({size:.0f} pixels): film from nearer"] if 0 < size < SMALL_PX else []


def _other_people(keypoints: Keypoints) -> list[str]:
    if keypoints.people is None:
        return []
    crowded = keypoints.people > 1
    if crowded.mean() < CROWD_SHARE:
        return []
    hips = [keypoints.names.index(f"{side}_hip") for side in ("left", "right")]
    known = np.flatnonzero((keypoints.confidence[:, hips] > 0).all(axis=1))
    if len(known) == 0:
        return [f"several people in {crowded.mean():.0%} of the frames"]
    t = int(known[len(known) // 2])
    x, y = keypoints.xy[t, hips].mean(axis=0)
    place = f"{x:.0f},{y:.0f}@{keypoints.start + t / keypoints.video_fps:.2f}"
    return [f"several people in {crowded.mean():.0%} of the frames, followed the one at {place}; PERSON=2 is the next"]


def _camera(keypoints: Keypoints) -> list[str]:
    camera = keypoints.camera_motion
    doubt = [keypoints.doubt_of_camera] if keypoints.doubt_of_camera else []
    if camera is None:
        return doubt
    zoom = float(camera.zoom.max() / camera.zoom.min())
    zooms = f" and zooms by {zoom:.2f}" if zoom > 1.03 else ""
    angle = np.degrees(camera.largest_rotation())
    along = "" if camera.path is None else " and is carried along"
    return [f"camera moves: rotates by {angle:.1f} degrees{zooms}{along}, estimated from the background", *doubt]


def _long(keypoints: Keypoints) -> list[str]:
    duration = len(keypoints) / keypoints.video_fps
    if duration <= LONG_S:
        return []
    part, segments = find_active_part(keypoints), find_segments(keypoints)
    text = f"{duration:.0f} s long, all of it is used"
    if len(segments) > 1:
        shown = "; ".join(segment.describe() for segment in segments[:MOST_SEGMENTS])
        more = len(segments) - MOST_SEGMENTS
        return [f"{text}; it shows {shown}{f' and {more} more' if more > 0 else ''} (--split learns each)"]
    if part is None:
        return [f"{text}; a skill is mostly a few seconds: choose a part by START and END"]
    return [f"{text}; the body moves most from START={part[0]:.1f} to END={part[1]:.1f}: these make a shorter skill"]


def _columns(keypoints: Keypoints, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Positions of these landmarks (T, n, 2), and whether they are known (T, n)."""
    columns = [keypoints.names.index(name) for name in names if name in keypoints.names]
    return keypoints.xy[:, columns], keypoints.confidence[:, columns] > 0
