"""`python -m sfv bench draft`: motions performed by tracking control."""

import time
from pathlib import Path
from typing import Any

from imitate.env.task import Task
from imitate.tracker.prepare import PrepareConfig, claim_folder, prepare_segment, read_note
from imitate.tracker.segments import cut_parts
from imitate.tracking.draft import Draft
from imitate.tracking.physics_filter import compute_filter_metrics, to_physical_motion
from imitate.tracking.track import TrackConfig, Tracking, track_motion
from pose.errors import InputError
from reconstruct.characters.character import Character, load_character
from reconstruct.formats.mocap_archive import MocapArchive
from reconstruct.motion import ReferenceMotion
from sfv.bench.inputs import read_motions
from sfv.console import bar
from sfv.rows import Row, show

GOALS = {"draft_completed": 1.0, "penetration_p95_mm": 20.0, "draft_wall_seconds": 60.0}
UNITS = {"seconds": "s", "mm": "mm", "frame": "mm"}
NOTES = {"draft_seconds": "processor time", "draft_wall_seconds": "wall clock"}
HELD_OUT_KINDS = ("floor", "acrobatics")
"""Kinds of motion that are hardest to perform."""
PARTS = PrepareConfig(seconds=4.0, track=TrackConfig())
"""How parts of an archive are performed: as a single skill is."""


def bench_draft(
    motion: Path | None = None,
    character: str = "humanoid",
    out: Path | None = None,
    json: bool = False,
    archive: Path | None = None,
    parts: int = 20,
) -> None:
    """Performs a motion file, or each of a folder, by tracking control (iLQG), before any learning.

    With an archive it performs parts of 4 s of the clips of held-out subjects: floor work and acrobatics, as many of
    each. Parts that the gates of `sfv tracker prepare` leave out are counted and replaced by further ones. A note of
    each stays in a folder, so the same command goes on where it was stopped.

    Args:
      motion: motion (.bvh, AMASS .npz, DeepMimic .txt, .npz of a run) or folder of them; default: the shipped backflip.
      character: body that is to perform it.
      out: `.npz` file to write the physical motion to, which can be learnt from; of an archive, the notes' folder
        (default: runs/bench_draft).
      json: one JSON object on standard output instead of a table.
      archive: folder or .tar.xz of the archive cmu24, motion capture of CMU's, to perform parts of instead.
      parts: of the archive's floor work, and as many of its acrobatics.

    Raises:
      InputError: a file cannot be used, `out` is given with a folder of motions, or `motion` with an archive.
    """
    body = load_character(character)
    if archive is not None:
        if motion is not None:
            raise InputError("--archive: its parts are performed instead of a motion; leave out --motion")
        if parts < 1:
            raise InputError(f"--parts {parts}: give 1 or more")
        folder = out or Path("runs/bench_draft")
        show("draft", perform_parts(MocapArchive.open(archive), body, parts, folder), json)
        return
    if motion is not None and motion.is_dir() and out is not None:
        raise InputError(f"{out}: one file for the motions of a folder; give --out with one motion")
    motions = read_motions((motion,) if motion else (), body, ("backflip",))
    if motion is not None and motion.is_dir():
        show("draft", _perform_all(motions, body), json)
        return
    ((name, reference),) = motions.items()
    task = Task(body, reference)
    tracking, seconds = _perform(name, task)
    metrics = {**tracking.metrics, "draft_wall_seconds": seconds}
    if out is not None:
        to_physical_motion(tracking.draft, task).save(out)
    rows = [
        Row(name, value, UNITS.get(name.rsplit("_", 1)[-1], ""), goal=GOALS.get(name), note=NOTES.get(name, ""))
        for name, value in metrics.items()
    ]
    show("draft", rows + _compare_filtered(tracking.draft, body), json)


def _perform(name: str, task: Task) -> tuple[Tracking, float]:
    """The draft of a motion, and how long it took by the wall clock [s]."""
    began = time.monotonic()
    with bar(name) as progress:
        tracking = track_motion(task, TrackConfig(), progress)
    return tracking, time.monotonic() - began


def _perform_all(motions: dict[str, ReferenceMotion], body: Character) -> list[Row]:
    """Four rows for every motion, and what share of them is performed to the end."""
    rows, completed = list[Row](), list[float]()
    for name, reference in motions.items():
        tracking, _ = _perform(name, Task(body, reference))
        found, short = tracking.metrics, name.removeprefix("humanoid3d_")
        completed.append(float(found["draft_completed"]))
        missing = float(tracking.draft.verdict.unsupported.mean())
        rows += [
            Row(f"{short}_completed", found["draft_completed"], goal=1.0),
            Row(f"{short}_return", found["draft_return"]),
            Row(f"{short}_reference_unsupported", missing, note="force that nothing could give [body weights]"),
            Row(f"{short}_draft_seconds", found["draft_seconds"], "s", goal=60.0, note=NOTES["draft_seconds"]),
        ]
    return [*rows, Row.mean_of("completed", completed, "", goal=0.9)]


def perform_parts(archive: MocapArchive, body: Character, count: int, folder: Path) -> list[Row]:
    """Rows for parts of clips of held-out subjects: each part, its kind, and all.

    Args:
      archive: the clips.
      body: performs them.
      count: parts of each of `HELD_OUT_KINDS`.
      folder: of a note for each part; what has one is not performed again.

    Raises:
      InputError: the folder is of another body, or of parts that were performed in another way.
    """
    claim_folder(folder, body, PARTS)
    rows, performed = list[Row](), list[dict[str, Any]]()
    for kind in HELD_OUT_KINDS:
        own, left_out = _perform_kind(archive, body, kind, count, folder)
        rows += [_describe_part(note) for note in own]
        rows.append(Row.mean_of(f"{kind}_completed", [note["draft_completed"] for note in own], "", goal=0.9))
        rows.append(Row(f"{kind}_left_out", left_out, note="refused, or an object carries the person"))
        performed += own
    seconds = [note["draft_seconds"] for note in performed]
    return [
        *rows,
        Row.mean_of("completed", [note["draft_completed"] for note in performed], "", goal=0.9),
        Row.mean_of("draft_seconds", seconds, "s"),
        Row("draft_seconds_most", max(seconds, default=0.0), "s", goal=60.0, note=NOTES["draft_seconds"]),
    ]


def _perform_kind(
    archive: MocapArchive, body: Character, kind: str, count: int, folder: Path
) -> tuple[list[dict[str, Any]], int]:
    """The notes of as many parts of a kind as could be performed, and how many were left out before."""
    performed, left_out = list[dict[str, Any]](), 0
    with bar(kind) as progress:
        for segment in cut_parts(archive.clips.values(), kind, PARTS.seconds):
            if len(performed) == count:
                break
            progress(len(performed), count, segment.name)
            path = folder / "parts" / f"{segment.name}.json"
            if not path.is_file():
                prepare_segment(archive, segment, body, path, PARTS.track)
            note = read_note(path)
            if "draft_completed" in note:
                performed.append(note)
            else:
                left_out += 1
    return performed, left_out


def _describe_part(note: dict[str, Any]) -> Row:
    """The return of a part, and whether it fell."""
    fell = "" if note["draft_completed"] else "; fell"
    return Row(f"{note['name']}_return", note["draft_return"], note=note["description"] + fell)


def _compare_filtered(draft: Draft, body: Character) -> list[Row]:
    """How far the physical motion is from its reference, and what forces each of the two would need."""
    filtered = compute_filter_metrics(draft, body)
    return [
        Row("filter_mpjpe_mm", filtered["filter_mpjpe_mm"], "mm", note="physical motion from the reference, world"),
        Row(
            "filter_unsupported",
            filtered["filter_unsupported"],
            baseline=filtered["reference_unsupported"],
            note="force that nothing could give [body weights]; baseline: of the reference",
        ),
    ]
