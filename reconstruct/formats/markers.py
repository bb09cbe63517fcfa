"""TRC and C3D files: places of joints over time, or of markers on the skin that joints are near.

Hips follow from the markers of the pelvis by the regression of Harrington et al. 2007, "Prediction of the hip joint
centre in adults, children, and patients with cerebral palsy based on magnetic resonance imaging".
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from pose.errors import InputError
from reconstruct.formats.gaps import DOUBTFUL, cut_ends, fill_markers, find_long_gaps, see_markers
from reconstruct.formats.joint_names import ROLES, SIDES, split_side
from reconstruct.formats.joint_positions import Y_UP, build_skeleton
from reconstruct.formats.options import METRES, Finding
from reconstruct.formats.side_view import widen_side_view
from reconstruct.formats.skeleton_motion import SkeletonMotion

MARKERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "hip": (("hjc",), ("hjcstudy",)),
    "shoulder": (
        ("sjc",),
        ("sho",),
        ("shoulderstudy",),
        ("acr",),
        ("acromium",),
        ("acromion",),
        ("ac",),
        ("caj",),
        ("sae",),
    ),
    "elbow": (("ejc",), ("lelbowstudy", "melbowstudy"), ("elb", "elbm"), ("lel", "mel"), ("elb",), ("hle",), ("lel",)),
    "wrist": (("wjc",), ("lwriststudy", "mwriststudy"), ("wra", "wrb"), ("rsp", "usp"), ("wri",), ("wra",), ("wrb",)),
    "knee": (
        ("kjc",),
        ("kneestudy", "mkneestudy"),
        ("kne", "knem"),
        ("lknee", "mknee"),
        ("fle", "fme"),
        ("kne",),
        ("fle",),
    ),
    "ankle": (("ajc",), ("anklestudy", "manklestudy"), ("ank", "ankm"), ("lankle", "mankle"), ("ank",), ("fal",)),
    "toe": (("toe",), ("toestudy",), ("toetip",), ("mt",), ("fm",)),
}
"""Landmark -> markers on it, without the side; the mean of the first set that is there is taken: joint centres, then
Vicon's Plug-in Gait, OpenCap's, the ISB's names."""
PELVIS = (("asi", "psi"), ("asis", "psis"), ("asisstudy", "psisstudy"), ("ias", "ips"))
"""Markers of the pelvis, in front and behind, without the side."""
FOREHEAD = (("fhd", "bhd"),)
MOST_ROWS_MISSING = 4.0
"""Missing rows, over those that are there, up to which they are interpolated."""


def read_trc(path: Path, given: Mapping[str, str] | None = None) -> SkeletonMotion:
    """A TRC file, as OpenSim, Pose2Sim and Sports2D write it; y is up by custom.

    Args:
      path: the file.
      given: landmark -> its marker, or several joined by +, as the user has them.

    Raises:
      InputError: not such a file, or joints of a person are missing.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        begin = next(i for i, line in enumerate(lines) if re.match(r"\s*DataRate", line))
        keys, values = lines[begin].split(), lines[begin + 1].split()
        head = dict(zip(keys, values, strict=False))
        fps, unit = _numbers(head["DataRate"])[0], head.get("Units", "mm").lower()
        title = next(i for i, line in enumerate(lines) if line.lstrip().lower().startswith("frame#"))
        names = [name.strip() for name in lines[title].split("\t")[2:] if name.strip()]
        if "\t" not in lines[title]:
            names = lines[title].split()[2:]
        rows = [_numbers(line) for line in lines[title + 1 :] if re.match(r"\s*\d", line)]
        width = 2 + 3 * len(names)
        table = np.array([row[:width] + [np.nan] * (width - len(row)) for row in rows])
        places = table[:, 2:].reshape(len(table), len(names), 3)
        fps, places, said = use_times(table[:, 1], places, fps)
    except (StopIteration, KeyError, ValueError, IndexError) as error:
        raise InputError(f"{path}: not a TRC file, or cut off ({error or 'no header'})") from error
    if len(places) < 2:
        raise InputError(f"{path}: {len(places)} frames; a motion has at least 2")
    if unit.strip().startswith(("px", "pix")):
        raise InputError(
            f"{path}: places in pixels of a video; give the file in metres (Sports2D's ..._m_person00.trc)"
        )
    found = from_markers(names, places, fps, to_metres(unit), path, Y_UP, given)
    return replace(found, findings=(*found.findings, *said))


def use_times(times: np.ndarray, places: np.ndarray, fps: float) -> tuple[float, np.ndarray, tuple[Finding, ...]]:
    """Rate and places (T, M, 3) by the column of times: rows that are missing become gaps, a wrong rate is replaced.

    Args:
      times: of the rows [s], (T,); whatever does not increase says nothing.
      places: of the rows, (T, M, 3).
      fps: frames a second as the header has them.
    """
    steps = np.diff(times)
    if len(times) < 3 or not np.isfinite(times).all() or not (steps > 0).all():
        return fps, places, ()
    mean, usual = (len(times) - 1) / float(times[-1] - times[0]), 1.0 / float(np.median(steps))
    if not 1.0 < mean < 1e4 or (fps > 0 and abs(mean / fps - 1.0) < 0.02):
        return fps, places, ()  # as the header has it, or times that count frames
    findings, is_even = list[Finding](), steps.max() < 1.5 / usual
    if not fps > 0 or abs(usual / fps - 1.0) > 0.15:  # times of two decimals go on by .03, .03, .04
        taken = mean if is_even else usual
        text = f"{fps:g} frames a second in the header, {taken:.4g} by the times of the rows: these are taken"
        findings.append(Finding("rate", f"{text}; --fps overrules", doubtful=True))
        fps = taken
    rows = np.round((times - times[0]) * fps).astype(int)
    missing = int(rows[-1]) + 1 - len(rows)
    if is_even or missing <= 0 or missing > MOST_ROWS_MISSING * len(rows) or (np.diff(rows) < 1).any():
        return fps, places, tuple(findings)
    whole = np.full((rows[-1] + 1, *places.shape[1:]), np.nan)
    whole[rows] = places
    findings.append(Finding("format", f"{missing} rows are missing by their times: interpolated", doubtful=True))
    return fps, whole, tuple(findings)


def to_metres(word: str) -> float:
    """A unit's name in a file -> its length [m]; millimetres, the custom, where it says nothing."""
    names = {"meter": "m", "centimeter": "cm", "millimeter": "mm", "inch": "inches", "inche": "inches", "in": "inches",
             "ft": "feet", "foot": "feet"}  # fmt: skip
    word = word.strip().lower().rstrip("s").replace("metre", "meter")
    return METRES.get(names.get(word, word), METRES["mm"])


def _numbers(line: str) -> list[float]:
    """The cells of a row, also with decimal commas; an empty one is NaN."""
    cells = line.rstrip("\r\n").split("\t") if "\t" in line else line.split()
    return [float(cell.replace(",", ".")) if cell.strip() else np.nan for cell in cells]


def read_c3d(path: Path, given: Mapping[str, str] | None = None) -> SkeletonMotion:
    """A C3D file by ezc3d; z is up by custom.

    Args:
      path: the file.
      given: landmark -> its marker, or several joined by +, as the user has them.

    Raises:
      InputError: not such a file, ezc3d is not installed, or joints of a person are missing.
    """
    try:
        import ezc3d
    except ImportError as error:
        raise InputError(f"{path}: C3D is read by ezc3d; pip install ezc3d") from error
    try:
        content = ezc3d.c3d(str(path))
        points = content["parameters"]["POINT"]
        names = [name.strip() for name in points["LABELS"]["value"]]
        unit = (points.get("UNITS", {}).get("value") or ["mm"])[0].strip().lower()
        fps = float(points["RATE"]["value"][0])
        places = np.moveaxis(np.asarray(content["data"]["points"])[:3], 0, -1).transpose(1, 0, 2)
    except (OSError, ValueError, KeyError, IndexError, RuntimeError) as error:
        raise InputError(f"{path}: not a C3D file, or damaged ({error})") from error
    if len(places) < 2 or not fps > 0:
        raise InputError(f"{path}: {len(places)} frames of points at {fps:g} a second; a motion has at least 2")
    return from_markers(names, places, fps, to_metres(unit), path, np.array([0.0, 0.0, 1.0]), given)


def from_markers(
    names: list[str],
    places: np.ndarray,
    fps: float,
    metres: float,
    path: Path,
    usual_up: np.ndarray,
    given: Mapping[str, str] | None = None,
) -> SkeletonMotion:
    """A skeleton through the joints that marker names give.

    Args:
      names: of the markers.
      places: (T, M, 3), NaN where a marker was not seen.
      fps: frames a second.
      metres: length of the unit [m].
      path: of the file, for messages.
      usual_up: the format's custom, (3,).
      given: landmark -> its marker, or several joined by +, as the user has them.

    Raises:
      InputError: a joint cannot be found.
    """
    places, cut = cut_ends(places, fps)
    if len(places) < 2:
        raise InputError(f"{path}: markers are seen in {len(places)} frame only; a motion has at least 2")
    filled, gaps = fill_markers(places)
    found, guessed = find_joints(names, filled, metres)
    found |= take_given(names, filled, see_markers(places).mean(axis=0), given or {}, path)
    needed = [f"{side}_{role}" for role in ROLES for side in SIDES if role != "toe"]
    missing = [name for name in needed if name not in found]
    if missing:
        rare = [name for name, share in zip(names, see_markers(places).mean(axis=0), strict=True) if 0 < share < 0.5]
        seen = f" (seen in less than half of the frames, so not used: {', '.join(rare[:6])})" * bool(rare)
        raise InputError(
            f"{path}: no marker is known for {', '.join(missing)}{seen}: give --joint {missing[0]}=MARKER, or "
            f"MARKER+MARKER for their middle; the file has {', '.join(names[:20])}, ..."
        )
    found, flat = widen_side_view(found, usual_up, fps, path)
    motion = build_skeleton(found, fps)
    findings = [*motion.findings, *cut, *flat]
    if guessed:
        findings.append(Finding("joints", f"{guessed} are taken from markers on the skin"))
    if gaps > 0.001:
        findings.append(
            Finding("format", f"{gaps:.1%} of the places are missing: interpolated", doubtful=gaps > DOUBTFUL)
        )
    for name, length in find_long_gaps(names, places, fps)[:3]:
        text = f"'{name}' is missing for {length:.1f} s: drawn straight there"
        findings.append(Finding("format", text, doubtful=True))
    return replace(motion, usual_up=usual_up, metres=metres, findings=tuple(findings), has_landmarks=True)


def take_given(
    names: list[str], places: np.ndarray, shares: np.ndarray, given: Mapping[str, str], path: Path
) -> dict[str, np.ndarray]:
    """Landmark -> place (T, 3), the middle of the markers that the user names.

    Args:
      names: of the markers.
      places: (T, M, 3) with gaps filled in, NaN of a marker that is rarely seen.
      shares: of the frames in which each was seen, (M,).
      given: landmark -> its marker, or several joined by +.
      path: of the file, for messages.

    Raises:
      InputError: there is no such landmark or marker, or it is rarely seen.
    """
    known, found = [f"{side}_{role}" for side in SIDES for role in ROLES] + ["head"], dict[str, np.ndarray]()
    for landmark, text in given.items():
        if landmark not in known:
            raise InputError(f"--joint {landmark}={text}: no landmark '{landmark}'; known ones: {', '.join(known)}")
        marks = [text] if text in names else text.split("+")
        for mark in marks:
            if mark not in names or not np.isfinite(places[:, names.index(mark)]).all():
                what = f"is not in it; it has {', '.join(names)}"
                if mark in names:
                    what = f"is seen in {shares[names.index(mark)]:.0%} of the frames, in too few"
                raise InputError(f"{path}: --joint {landmark}={text}: '{mark}' {what}")
        found[landmark] = np.mean([places[:, names.index(mark)] for mark in marks], axis=0)
    return found


def find_joints(names: list[str], places: np.ndarray, metres: float) -> tuple[dict[str, np.ndarray], str]:
    """Landmark -> place (T, 3), by names of joints, else by markers on them; and which are by markers."""
    known = {
        split_marker(name): places[:, i]
        for i, name in reversed(list(enumerate(names)))
        if np.isfinite(places[:, i]).all()
    }
    found, by_marker = dict[str, np.ndarray](), list[str]()
    for side in SIDES:
        for role, parts in ROLES.items():
            part = next((part for part in parts if (side, part) in known and part not in ("foot", "leg", "arm")), None)
            if part is not None:
                found[f"{side}_{role}"] = known[side, part]
                continue
            for markers in MARKERS[role]:
                if all((side, marker) in known for marker in markers):
                    found[f"{side}_{role}"] = np.mean([known[side, marker] for marker in markers], axis=0)
                    by_marker += [role] * (role not in by_marker)
                    break
    if "left_hip" not in found or "right_hip" not in found:
        hips = find_hips(known, metres)
        by_marker += ["hip"] * bool(hips)
        found |= hips
    head = next((known[key] for key in ((None, "head"), (None, "nose")) if key in known), None)
    marks = [known[side, mark] for side in SIDES for mark in FOREHEAD[0] if (side, mark) in known]
    if head is None and len(marks) >= 2:
        head = np.mean(marks, axis=0)
    ears = [known[side, "ear"] for side in SIDES if (side, "ear") in known]
    head = np.mean(ears, axis=0) if len(ears) == 2 else head
    if head is not None:
        found["head"] = head
    return found, ", ".join(f"{role}s" for role in by_marker)


def split_marker(name: str) -> tuple[str | None, str]:
    """Side and name of a marker: `Subject:LASI`, `R.ASIS`, `r_knee_study`, `LeftKnee`, `LKnee`."""
    side, part = split_side(name)
    if side is not None:
        return side, part
    name = name.rsplit(":", 1)[-1].strip()
    letters = re.sub(r"[^a-z]", "", name.lower())
    known = {marker for sets in (*MARKERS.values(), PELVIS, FOREHEAD) for markers in sets for marker in markers}
    known |= {"eye", "ear", "heel", "bigtoe", "smalltoe"}
    if letters[:1] in ("l", "r") and letters[1:] in known:
        return ("left" if letters[0] == "l" else "right"), letters[1:]
    return side, part


def find_hips(known: Mapping[tuple[str | None, str], np.ndarray], metres: float) -> dict[str, np.ndarray]:
    """Hips from the four markers of the pelvis (or three, with a sacrum's), by Harrington's regression."""
    for front, back in PELVIS:
        if not all((side, front) in known for side in SIDES):
            continue
        left, right = known["left", front], known["right", front]
        if all((side, back) in known for side in SIDES):
            behind = 0.5 * (known["left", back] + known["right", back])
        elif (None, "sacr") in known:
            behind = known[None, "sacr"]
        else:
            continue
        middle = 0.5 * (left + right)
        across = right - left
        width = np.linalg.norm(across, axis=1, keepdims=True)
        z = across / width
        x = middle - behind
        x -= np.sum(x * z, axis=1, keepdims=True) * z
        depth = np.linalg.norm(x, axis=1, keepdims=True)
        x = x / depth
        y = np.cross(z, x)
        mm = 0.001 / metres
        base = middle + (-0.24 * depth - 9.9 * mm) * x + (-0.30 * width - 10.9 * mm) * y
        out = 0.33 * width + 7.3 * mm
        return {"left_hip": base - out * z, "right_hip": base + out * z}
    return {}
