"""Which parts of an archive of motion capture a tracker learns from, and which it is tested on."""

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pose.foreign_files import read_text, refuse_damaged
from reconstruct.formats.mocap_archive import MocapClip

KINDS = {
    "acrobatics": r"cartwheel|flip|flp|hand ?stand|handspring|somersault|upright ?sequence|back ?spring|upside down"
    r"|summersault|summersult|hand spring",
    "floor": r"^(?!.*(\bsit\b|chair)).*get(ting)? up|lying|lie |crawl|on (the )?ground|(?<!mop )(?<!sweep )floor"
    r"|push ?up|roll|yoga|on back",
    "martial arts": r"(?<!soccer - )kick|punch|\bboxing|karate|empi|bassai|gedan|heian|sword|attack|defen|fight",
    "dance": r"danc|ballet|salsa|charleston|lindy|pirouette|arabesque|jete|glissade|lambada|whirl",
    "sport": r"basketball|soccer|football|golf|swing|putt|baseball|stroke|swim|free style|skat|throw|pitch|dribble",
    "jump": r"jump|(?<![cs])hop|leap|skip",
    "run": r"(?<![dt])run|jog|sprint",
    "walk": r"walk|march|stride|limp|step|navigate|turn|wander",
}
"""Kinds of motion by words of a clip's description, the first that fits."""
OTHER = "other"
ACROBATS = frozenset({"85", "87", "88", "89", "90"})
"""Subjects whose clips are acrobatics where no word says what else."""
STILL = r"pose|balanc"
"""What is none of theirs."""
SHORTEST = 1.5
"""A clip that is shorter is left out [s]."""


@dataclass(frozen=True)
class Segment:
    """A part of a clip."""

    clip: str
    """Name of the clip."""
    kind: str
    """One of `KINDS`, or `OTHER`."""
    start: float
    """First moment [s]."""
    end: float
    """Last moment [s]."""

    @property
    def name(self) -> str:
        """Clip and start, legal as a file's name: `35_01_0000` begins at 0.00 s."""
        return f"{self.clip}_{round(100 * self.start):04d}"


def find_kind(clip: MocapClip) -> str:
    """The kind of motion that a description speaks of."""
    text = clip.description.lower()
    for kind, words in KINDS.items():
        if re.search(words, text):
            return kind
    return "acrobatics" if clip.subject in ACROBATS and not re.search(STILL, text) else OTHER


def spread_segments(clips: Iterable[MocapClip], held_out: bool, seconds: float) -> list[Segment]:
    """One part of every clip, so ordered that any beginning of the list has all kinds and subjects.

    Kinds take turns. Within a kind the subjects do who have had the fewest clips so far, then clips come in the
    archive's order. A part is taken from the middle of its clip, where people are at it.

    Args:
      clips: of the archive.
      held_out: those of the subjects that are tested on, or those of all others.
      seconds: longest part [s].
    """
    waiting: dict[str, list[MocapClip]] = {kind: [] for kind in (*KINDS, OTHER)}
    for clip in clips:
        if clip.seconds >= SHORTEST and clip.is_sound and clip.is_held_out == held_out:
            waiting[find_kind(clip)].append(clip)
    found, seen = list[Segment](), Counter[tuple[str, str]]()
    while any(waiting.values()):
        for kind, queue in waiting.items():
            if queue:
                clip = min(queue, key=lambda clip: seen[kind, clip.subject])
                queue.remove(clip)
                seen[kind, clip.subject] += 1
                start = round(max(0.0, (clip.seconds - seconds) / 2), 2)
                found.append(Segment(clip.name, kind, start, min(clip.seconds, round(start + seconds, 2))))
    return found


def cut_parts(clips: Iterable[MocapClip], kind: str, seconds: float) -> list[Segment]:
    """All parts of a kind of the subjects that are tested on, the first of every clip before the second of any.

    Args:
      clips: of the archive.
      kind: one of `KINDS`.
      seconds: longest part [s]; a rest of a clip that is shorter than `SHORTEST` is left out.
    """
    own = [clip for clip in clips if clip.is_held_out and clip.is_sound and find_kind(clip) == kind]
    parts = [
        Segment(clip.name, kind, start, min(clip.seconds, start + seconds))
        for clip in own
        for start in np.arange(0.0, clip.seconds - SHORTEST, seconds).tolist()
    ]
    return sorted(parts, key=lambda part: part.start)


def read_list(path: Path) -> dict[str, Segment]:
    """Segments by the names of skills, of a table with the columns skill, clip, start, end and kind.

    Raises:
      InputError: no such table, or a row is not like that.
    """
    with refuse_damaged(path, "a table of clips", "give columns skill, clip, start, end, kind"):
        rows = list(csv.DictReader(read_text(path).splitlines()))
        found = {
            row["skill"]: Segment(row["clip"], row["kind"], float(row["start"]), float(row["end"])) for row in rows
        }
        if not found:
            raise ValueError("no row")
    return found
