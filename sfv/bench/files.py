"""`python -m sfv bench files`: all motion and keypoint files of a folder read, and copies of motions read back."""

import tempfile
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.table import Table

from pose.errors import InputError
from pose.formats.keypoint_files import read_keypoint_files
from reconstruct.characters.character import Character, load_character
from reconstruct.cycle import repeat_cycle
from reconstruct.formats.open_motion import FORMATS
from reconstruct.formats.options import MotionFileConfig, summarise
from reconstruct.formats.read_motion import load_motion
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.motion import ReferenceMotion
from sfv.bench.transformations import POSTURES, TRANSFORMATIONS, WRITERS, Deviation, read_back
from sfv.bench.written_files import READ_ONLY
from sfv.console import bar, console
from sfv.demo.motions import load_demo_motion
from sfv.rows import Row, show

SUFFIXES = {suffix for kind in FORMATS if kind.reads for suffix in kind.suffixes}
LONGEST = 20.0
"""What is read of each file [s]."""
PICTURE = (1920, 1080)
"""Size of the picture that keypoints are taken to be of [px], and their frame rate."""
RATE = 30.0
SLOWEST = 3.0
"""Time of one core that reading `LONGEST` seconds may take [s]."""
FASTEST_JOINT = 25.0
"""Speed of a hand or foot that nobody has [m/s]."""


OUTCOMES = {
    "files_right": "read, nothing doubtful",
    "files_told": "read, and what is doubtful was said",
    "files_wrong": "read as what nobody does, and nothing was said",
    "files_refused": "one line says why",
    "files_traceback": "a fault of this program",
}


@dataclass(frozen=True)
class Reading:
    """What became of a file."""

    path: Path
    outcome: str
    """One of `OUTCOMES`."""
    seconds: float
    """Of one core."""
    note: str


def bench_files(
    folder: Annotated[Path | None, tyro.conf.Positional] = None,
    motions: tuple[str, ...] = ("walk", "cartwheel"),
    character: str = "humanoid",
    speed: bool = True,
    json: bool = False,
) -> None:
    """Reads all motion and keypoint files below a folder, copies of shipped motions and a long one in every format.

    Args:
      folder: with files of any kind; without one, only the copies are read.
      motions: shipped motions that are written in every format, changed in 13 ways each, and read back.
      character: body that is to perform the files' motions.
      speed: also time the reading of 20 s in every format, standing and on the floor.
      json: one JSON object on standard output instead of a table.
    """
    rows: list[Row] = []
    if folder is not None:
        body = load_character(character)
        readings = read_all(list_files(folder), body)
        if not json:
            print_readings(readings, folder)
        rows += count_readings(readings)
    rows += measure_copies(motions)
    rows += measure_speed(motions[0]) if speed else []
    show("files", rows, json)


def list_files(folder: Path) -> list[Path]:
    """Files of kinds that are read, and folders of keypoints, below a folder.

    Raises:
      InputError: there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give one with motion or keypoint files")
    found = list[Path]()
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix.lower() == ".asf":
            continue
        if path.suffix.lower() == ".json" and len(list(path.parent.glob("*.json"))) > 5:
            found += [path.parent] * (path.parent not in found)
        elif path.suffix.lower() in SUFFIXES or path.suffix.lower() in (".fbx", ".pkl", ".pt", ".usd"):
            found.append(path)
    if not found:
        raise InputError(f"{folder}: no motion or keypoint files in it; read are {', '.join(sorted(SUFFIXES))}")
    return found


def read_all(files: list[Path], character: Character) -> list[Reading]:
    """Reads each file as the pipeline does."""
    readings = []
    with bar("files") as progress:
        for done, path in enumerate(files):
            readings.append(read_one(path, character))
            progress(done + 1, len(files), path.name)
    return readings


def read_one(path: Path, character: Character) -> Reading:
    """Reads a file or a folder of keypoints, and looks at what came out."""
    begin = time.process_time()  # others may use the machine
    try:
        if path.is_dir():
            findings = read_keypoint_files(path, RATE, PICTURE).findings
            outcome, note = ("files_told" if findings else "files_right"), "; ".join(findings)
        else:
            found = load_motion(path, character, end=LONGEST, loop="no")
            doubts = [finding for finding in found.findings if finding.doubtful]
            wrong = find_faults(found.motion, character)
            outcome = "files_told" if doubts else "files_wrong" if wrong else "files_right"
            note = "; ".join([*wrong, summarise(found.findings)])
    except InputError as error:
        outcome, note = "files_refused", str(error)
        if path.suffix.lower() == ".json":
            return _read_as_keypoints(path, begin, note)
    except Exception:  # what this bench is there to find
        outcome, note = "files_traceback", traceback.format_exc(limit=-1).strip().replace("\n", " ")
    return Reading(path, outcome, time.process_time() - begin, note)


def _read_as_keypoints(path: Path, begin: float, note: str) -> Reading:
    """A `.json` that is no motion may hold keypoints."""
    outcome = "files_refused"
    try:
        findings = read_keypoint_files(path, RATE, PICTURE).findings
        outcome, note = ("files_told" if findings else "files_right"), "; ".join(findings)
    except InputError as error:
        note = f"{note}; {error}"
    except Exception:  # what this bench is there to find
        outcome, note = "files_traceback", traceback.format_exc(limit=-1).strip().replace("\n", " ")
    return Reading(path, outcome, time.process_time() - begin, note)


def find_faults(motion: ReferenceMotion, character: Character) -> list[str]:
    """What no person's motion can be, seen from where the body is in the world and not from what the readers say."""
    names = [f"{side}_{joint}" for side in ("left", "right") for joint in ("hip", "knee", "ankle", "shoulder", "wrist")]
    points = BodyPoints.of_sites(character.model, tuple(character.landmarks[name] for name in names))
    at = dict(zip(names, np.moveaxis(point_positions(character.model, motion.qpos, points), 1, 0), strict=True))
    faults = []
    speeds = {name: np.linalg.norm(np.diff(way, axis=0), axis=1) * motion.fps for name, way in at.items()}
    fastest = max(speeds, key=lambda name: float(speeds[name].max()))
    if speeds[fastest].max() > FASTEST_JOINT:
        faults.append(f"{fastest} moves at {speeds[fastest].max():.0f} m/s")
    hips, shoulders = (0.5 * (at[f"left_{joint}"] + at[f"right_{joint}"]) for joint in ("hip", "shoulder"))
    left, up = at["left_hip"] - at["right_hip"], shoulders - hips
    ahead = np.cross(left, up)[:, :2]
    way = np.gradient(hips[:, :2], axis=0) * motion.fps
    walks = np.linalg.norm(way, axis=1) > 0.7
    stands = up[:, 2] > 0.8 * np.linalg.norm(up, axis=1)
    moving = walks & stands
    if moving.sum() > 1.5 * motion.fps and np.mean(np.sum(way * ahead, axis=1)[moving] > 0) < 0.05:
        faults.append("walks backwards all through")
    lowest = np.min([path[:, 2] for path in at.values()], axis=0)
    if np.percentile(lowest, 10) > 0.5:
        faults.append("hangs in the air")
    return faults


def count_readings(readings: list[Reading]) -> list[Row]:
    """How many files came out how, and how long they took."""
    counts = {name: sum(reading.outcome == name for reading in readings) for name in OUTCOMES}
    goals = {"files_traceback": 0.0, "files_wrong": 0.0}
    rows = []
    for name, count in counts.items():
        files = ", ".join(reading.path.name for reading in readings if name in goals and reading.outcome == name)
        note = f"{OUTCOMES[name]}: {files}" if files else OUTCOMES[name]
        rows.append(Row(name, float(count), "", len(readings), goal=goals.get(name), note=note))
    slowest = max(readings, key=lambda reading: reading.seconds)
    return [*rows, Row("slowest_file_s", slowest.seconds, "s", goal=SLOWEST, note=slowest.path.name)]


def print_readings(readings: list[Reading], folder: Path) -> None:
    """A line for each file."""
    table = Table(box=None)
    for column in ("file", "outcome", "seconds", "what was said"):
        table.add_column(column)
    for reading in readings:
        outcome = reading.outcome.removeprefix("files_")
        table.add_row(str(reading.path.relative_to(folder)), outcome, f"{reading.seconds:.1f}", reading.note)
    console.print(table)


def measure_copies(motions: tuple[str, ...]) -> list[Row]:
    """Motions written and read back in every format: the share that is the same, and the largest deviations."""
    humanoid, rows = load_character("humanoid"), list[Row]()
    with tempfile.TemporaryDirectory() as folder:
        for ending in WRITERS | READ_ONLY:
            found: list[tuple[str, Deviation]] = []
            for name in motions:
                motion = load_demo_motion(name, humanoid)
                found += [(how.name, read_back(motion, how, ending, Path(folder))) for how in TRANSFORMATIONS]
            same = [deviation.is_same() for _, deviation in found]
            off = sorted({name for (name, _), good in zip(found, same, strict=True) if not good})
            row = f"copies_{name_format(ending)}"
            rows.append(Row(f"{row}_same", float(np.mean(same)), "", len(found), goal=1.0, note=", ".join(off)))
            rows.append(Row(f"{row}_mm", max(deviation.mm for _, deviation in found), "mm"))
            rows.append(Row(f"{row}_degrees", max(deviation.degrees for _, deviation in found), "degrees"))
    return rows


def name_format(ending: str) -> str:
    """A format's name in rows: the word before the ending of archives of several kinds."""
    return ending.partition(".")[0]


def measure_speed(name: str) -> list[Row]:
    """Time of one core to read `LONGEST` seconds in every format: a shipped motion over and over, standing, lying on
    its back, and lying down and getting up."""
    humanoid = load_character("humanoid")
    motion, rows = repeat_for(load_demo_motion(name, humanoid), LONGEST), list[Row]()
    with tempfile.TemporaryDirectory() as folder:
        for posture, change in POSTURES.items():
            changed = change(motion)
            for ending, write in (WRITERS | READ_ONLY).items():
                path = Path(folder) / f"long.{ending}"
                write(changed, humanoid, path)
                begin = time.process_time()
                load_motion(path, humanoid, config=MotionFileConfig(fps=motion.fps))
                seconds = time.process_time() - begin
                rows.append(Row(f"read_20s_{name_format(ending)}{posture}_s", seconds, "s", goal=SLOWEST))
    return rows


def repeat_for(once: ReferenceMotion, seconds: float) -> ReferenceMotion:
    """A cycle over and over, for so long [s]."""
    times = int(np.ceil(seconds / once.duration))
    qpos = repeat_cycle(once.qpos, times)[: int(seconds * once.fps) + 1]
    contacts = np.concatenate([once.contacts[:-1]] * times + [once.contacts[-1:]])[: len(qpos)]
    return replace(once, qpos=qpos, contacts=contacts, loop=False)
