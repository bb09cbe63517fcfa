"""From clips of motion capture to what a tracker learns from: references, and iLQG's controllers along them.

Every segment leaves a note, `<name>.json`, and if it is used an archive, `<name>.npz`. A segment that has a note is
done, so preparing again goes on where it was stopped. A folder is for one body and one way to prepare, which
`prepared.json` names.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from imitate.env.task import Task
from imitate.tracker.retarget_segment import CARRIED, DOUBTFUL_CARRIED, REFUSED, retarget_segment
from imitate.tracker.segments import Segment, spread_segments
from imitate.tracking.cost import CostConfig
from imitate.tracking.draft import Draft
from imitate.tracking.track import FAST, TrackConfig, track_motion
from pose.archive import load_as, save_arrays
from pose.cores import usable_cores
from pose.errors import InputError
from pose.files import replace_file
from pose.foreign_files import read_table
from pose.progress import Progress, silent
from pose.work_pool import finish_in_processes
from reconstruct.characters.character import Character
from reconstruct.formats.mocap_archive import MocapArchive
from reconstruct.motion import ReferenceMotion

FORMAT_VERSION = 1
TRAINING, TEST = "training", "test"
"""Folders of the segments to learn from and of the held-out ones."""
FOLDER_NOTE = "prepared.json"
"""What all segments of a folder were prepared for, and how."""
FOLLOWED, FELL = "followed", "fell"
"""What became of a segment that was not left out: tracking control came to its end; it fell."""


@dataclass(frozen=True)
class PrepareConfig:
    """Which clips are prepared, and how each is tracked."""

    clips: int = 100
    """Segments to learn from; a larger number later goes on."""
    test_clips: int = 20
    """Segments of held-out subjects, prepared as references alone."""
    seconds: float = 4.0
    """Longest segment of a clip [s]."""
    workers: int = 0
    """Processes that prepare segments; 0 for one a core."""
    track: TrackConfig = field(default_factory=partial(replace, FAST, threads=1, cost=CostConfig(control=0.5)))
    """Tracking control, three times as fast as that of a single skill, with controls that cost more."""
    # What a network is to learn for all clips should be no larger than it must. Nine clips of all kinds (November
    # 2026): half of the mean square of the controls' offsets with .1, for .6 % of the return.

    def check(self) -> "PrepareConfig":
        """Itself; raises `InputError` for numbers that make no sense."""
        if self.clips < 0 or self.test_clips < 0:
            raise InputError("--clips and --test-clips: give how many, such as 100 and 20")
        if not 1.5 <= self.seconds <= 20.0:
            raise InputError(f"--seconds {self.seconds:g} is out of range; give 1.5 to 20")
        if self.workers < 0:
            raise InputError(f"--workers {self.workers}: give 1 or more, or 0 for one a core")
        return self


@dataclass(frozen=True)
class Prepared:
    """A segment as a tracker reads it."""

    name: str
    kind: str
    motion: ReferenceMotion
    """The reference."""
    draft: Draft | None
    """Tracking control's performance and controller; None for a segment to be tested on."""

    def save(self, path: Path) -> None:
        """Writes one `.npz`."""
        arrays = {"name": self.name, "motion_kind": self.kind, **self.motion.arrays()}
        if self.draft is not None:
            arrays |= {f"draft_{key}": value for key, value in self.draft.arrays().items()}
        save_arrays(path, "prepared", FORMAT_VERSION, arrays)

    @classmethod
    def load(cls, path: Path) -> "Prepared":
        """Reads what `save` wrote; raises `InputError` for a damaged or foreign file."""
        return load_as(path, "prepared", FORMAT_VERSION, cls._of_arrays, "delete it and its note, and prepare again")

    @classmethod
    def _of_arrays(cls, arrays: dict[str, np.ndarray]) -> "Prepared":
        draft = {key.removeprefix("draft_"): value for key, value in arrays.items() if key.startswith("draft_")}
        motion, own = ReferenceMotion.of_arrays(arrays), Draft.of_arrays(draft) if draft else None
        return cls(str(arrays["name"]), str(arrays["motion_kind"]), motion, own)


def load_clips(folder: Path, part: str = TRAINING, count: int | None = None) -> list[Prepared]:
    """The prepared segments that tracking control came to the end of, or all held-out ones that can be followed.

    Args:
      folder: that `prepare_clips` wrote.
      part: `TRAINING` or `TEST`.
      count: the most, the first of them, which are of all kinds; None for all.

    Raises:
      InputError: there are none, one is damaged, or they are of several bodies; or none are asked for.
    """
    if count is not None and count < 1:
        raise InputError(f"--clips {count}: give 1 or more, or leave it out for all")
    names = [note["name"] for note in read_notes(folder / part) if note["result"] == FOLLOWED]
    if not names:
        what = "segment to learn from" if part == TRAINING else "held-out clips"
        raise InputError(f"{folder}: no {what}; make some: sfv tracker prepare --out {folder}")
    clips = [Prepared.load(folder / part / f"{name}.npz") for name in names[:count]]
    bodies = {(clip.motion.character, round(clip.motion.height, 3)) for clip in clips}
    if len(bodies) > 1:
        raise InputError(f"{folder}: segments of several bodies ({bodies}); give each a folder of its own")
    return clips


def prepare_clips(
    archive: MocapArchive,
    character: Character,
    folder: Path,
    config: PrepareConfig,
    progress: Progress = silent,
    listed: Sequence[Segment] = (),
) -> None:
    """Prepares segments of an archive, held-out ones first; those that have a note are done already.

    Args:
      archive: the clips.
      character: who is to follow them.
      folder: where files and notes go, into `training` and `test`.
      config: how many, and how.
      progress: is called with the segments done.
      listed: segments to learn from before those that `spread_segments` chooses.

    Raises:
      InputError: the folder's segments are of another body, or were prepared in another way.
    """
    claim_folder(folder, character, config)
    test, own = (spread_segments(archive.clips.values(), held_out, config.seconds) for held_out in (True, False))
    chosen = [
        (part, order, segment)
        for part, segments in ((TEST, test[: config.test_clips]), (TRAINING, listed), (TRAINING, own[: config.clips]))
        for order, segment in enumerate(segments)
    ]
    work = dict[Path, Callable[[MocapArchive], None]]()
    for part, order, segment in chosen:
        note, track = folder / part / f"{segment.name}.json", config.track if part == TRAINING else None
        if not note.is_file() and note not in work:  # a listed one may be among the others
            work[note] = partial(
                prepare_segment, segment=segment, character=character, note=note, track=track, order=order
            )
    done = len(chosen) - len(work)
    progress(done, len(chosen), "retargeting and tracking")
    for count, note in enumerate(_prepare(archive, work, config.workers), done + 1):
        progress(count, len(chosen), note.stem)


def _prepare(
    archive: MocapArchive, work: Mapping[Path, Callable[[MocapArchive], None]], workers: int
) -> Iterator[Path]:
    """Makes notes from an archive, in several processes if there are enough; yields each when it is there."""
    count = min(workers or usable_cores(), len(work) // 2)
    if count > 1:
        calls = {note: partial(_read_and_do, archive.path, each) for note, each in work.items()}
        yield from (key for key, _ in finish_in_processes(calls, count))
        return
    for note, each in work.items():
        each(archive)
        yield note


def _read_and_do(path: Path, work: Callable[[MocapArchive], None]) -> None:
    """Does work on an archive that each process opens once."""
    work(_open(path))


@cache
def _open(path: Path) -> MocapArchive:
    return MocapArchive.open(path)


def claim_folder(folder: Path, character: Character, config: PrepareConfig) -> None:
    """Writes what a folder is for, unless it says so already.

    Raises:
      InputError: its segments are of another body, or were prepared in another way.
    """
    track = asdict(config.track)
    del track["threads"]  # no difference but in time
    wanted = {"character": character.name, "height": character.height, "seconds": config.seconds, "track": track}
    wanted = json.loads(json.dumps(wanted))
    path = folder / FOLDER_NOTE
    if not path.is_file():
        if any(next((folder / part).glob("*.json"), None) for part in (TRAINING, TEST)):
            raise InputError(
                f"{folder}: holds segments, but no {FOLDER_NOTE} on how they were made; give another --out"
            )
        with replace_file(path) as temporary:
            temporary.write_text(json.dumps(wanted, indent=1), encoding="utf-8")
        return
    there = read_table(path, "a note of prepared segments", "remove the folder, or give another --out")
    if other := [name for name, value in wanted.items() if there.get(name) != value]:
        said = ", ".join(f"{name} {there.get(name)}" for name in other if name != "track") or "other --track options"
        raise InputError(f"{folder}: its segments were prepared for {said}; give the same, or another --out")


def prepare_segment(
    archive: MocapArchive,
    segment: Segment,
    character: Character,
    note: Path,
    track: TrackConfig | None,
    order: int = 0,
) -> None:
    """Prepares one segment: retargets it, asks whether it can be performed at all, tracks it, writes archive and note.

    Args:
      archive: has the clip.
      segment: part of the clip.
      character: who is to follow it.
      note: the note's file; the archive lies beside it.
      track: how it is tracked; None for a reference alone.
      order: its place among those that are chosen.
    """
    began = time.process_time()
    try:
        found = retarget_segment(archive, segment, character)
    except InputError as error:
        _write_note(note, archive, segment, REFUSED, {"order": order, "why": str(error)})
        return
    measured = {"longest_carried_s": found.longest_carried}
    prepared, what = Prepared(segment.name, segment.kind, found.motion, None), FOLLOWED
    if found.fault:
        what = found.fault
    elif track is not None:
        tracking = track_motion(Task(character, found.motion), track)
        measured |= tracking.metrics
        prepared = Prepared(segment.name, segment.kind, found.motion, tracking.draft)
        what = name_result(tracking.metrics, found.longest_carried)
    if what in (FOLLOWED, FELL):
        prepared.save(note.with_suffix(".npz"))
    about = {"order": order, "why": found.why, "seconds": found.motion.duration}
    _write_note(note, archive, segment, what, {**about, "cpu_seconds": time.process_time() - began, **measured})


def name_result(metrics: Mapping[str, float], longest_carried: float) -> str:
    """What became of a segment that was tracked, by the metrics of its draft."""
    if metrics["draft_completed"]:
        return FOLLOWED
    return CARRIED if longest_carried > DOUBTFUL_CARRIED else FELL


def _write_note(path: Path, archive: MocapArchive, segment: Segment, what: str, measured: Mapping[str, Any]) -> None:
    note = {**asdict(segment), "description": archive.clips[segment.clip].description, "result": what, **measured}
    with replace_file(path) as temporary:
        temporary.write_text(json.dumps(note, indent=1, default=float), encoding="utf-8")


def read_notes(folder: Path) -> list[dict[str, Any]]:
    """The notes of a folder of prepared segments, which they have as `name`, in the order in which they were chosen.

    Raises:
      InputError: one is damaged.
    """
    return sorted(map(read_note, sorted(folder.glob("*.json"))), key=lambda note: note["order"])


def read_note(path: Path) -> dict[str, Any]:
    """The note of a prepared segment, which it has as `name`; raises `InputError` for a damaged one."""
    mend = "delete it, and prepare again"
    note = read_table(path, "a segment's note", mend) | {"name": path.stem}
    if "result" not in note or not isinstance(note.get("order"), int):
        raise InputError(f"{path}: not a segment's note (no result or order); {mend}")
    return note


def count_results(notes: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many segments came to each end, by `FOLLOWED`, `FELL`, `CARRIED` and `REFUSED`."""
    results = [note["result"] for note in notes]
    return {what: results.count(what) for what in (FOLLOWED, FELL, CARRIED, REFUSED)}
