"""A segment of a clip on a body, and whether anybody could perform it there."""

from dataclasses import dataclass
from pathlib import Path

from imitate.env.task import Task
from imitate.scene.scene import CONTROL_HZ
from imitate.tracker.segments import Segment
from imitate.tracking.feasibility import (
    SUPPORT_HEIGHT,
    SUPPORT_TOLERANCE,
    compute_unsupported_force,
    find_off_balance,
)
from reconstruct.characters.character import Character
from reconstruct.contacts import find_runs
from reconstruct.formats.mocap_archive import MocapArchive
from reconstruct.formats.options import MotionFileConfig
from reconstruct.formats.read_motion import import_skeleton
from reconstruct.motion import ReferenceMotion

LEVEL = MotionFileConfig(up="y")
"""How the archive is read: in a laboratory the floor is level, and nothing is asked of the soles."""
CARRIED, REFUSED = "object", "refused"
"""Why a segment is left out: something that is not there carries the person; it is no person's motion."""
DOUBTFUL_CARRIED = 0.8
"""Time that nothing has carried a person for beyond which an object is missing if tracking control falls too [s]."""
# Alone it would not do: of cartwheels and of people who get up from the floor, whose hands and trunks the fit leaves
# some centimetres above it, half are beyond it.
WELL_ABOVE, LONGEST_CARRIED = 0.15, 1.2
"""Height of what the ground surely does not carry [m], and the time that nothing lower may carry a person for [s]."""
# A leap lasts .7 s at most. Of 131 segments in which nothing below 5 cm carries somebody for .4 s (November 2026), 12
# of the 35 that fall, or whose object is known, are beyond it, and one of the 89 that tracking control follows.


@dataclass(frozen=True)
class Retargeted:
    """A segment on a body."""

    motion: ReferenceMotion
    longest_carried: float
    """The longest time in which the ground cannot bear the person, apart from flights [s]."""
    fault: str
    """`REFUSED` or `CARRIED`; '' if it may be performed."""
    why: str
    """What is doubtful about it, in words."""


def retarget_segment(archive: MocapArchive, segment: Segment, character: Character) -> Retargeted:
    """Carries a segment over to a body, at the control rate.

    Args:
      archive: has the clip.
      segment: part of the clip.
      character: who is to perform it.

    Raises:
      InputError: the clip cannot be read, or has no motion of a person there.
    """
    part = segment.start, segment.end
    found = import_skeleton(archive.read(segment.clip), Path(segment.clip), character, CONTROL_HZ, part, "no", LEVEL)
    doubtful = [finding.text for finding in found.findings if finding.doubtful]
    task = Task(character, found.motion)
    carried = find_longest_carried(task, WELL_ABOVE) > LONGEST_CARRIED
    fault = REFUSED if doubtful else CARRIED if carried else ""
    return Retargeted(found.motion, find_longest_carried(task), fault, "; ".join(doubtful))


def find_longest_carried(task: Task, near: float = SUPPORT_HEIGHT) -> float:
    """The longest time in which the ground cannot bear the person of a reference, apart from flights [s].

    Frames count that need a force where nothing supports the body, or whose zero-moment point is outside all that is
    near the ground; gaps of a tenth of a second are closed.

    Args:
      task: the reference on its body.
      near: largest height of a part of the body that the ground may carry [m].
    """
    reference = task.reference(0.0)
    missing = compute_unsupported_force(task.body, reference.qpos, reference.com, near) > SUPPORT_TOLERANCE
    bad = missing | find_off_balance(task.body, reference.qpos, reference.com, near)
    gap = round(0.1 * CONTROL_HZ)
    closed = bad.copy()
    for first, last in find_runs(~bad):
        closed[first:last] |= last - first <= gap and first > 0 and last < len(bad)
    return max((last - first for first, last in find_runs(closed)), default=0) / CONTROL_HZ
