"""A segment of a clip on a body, and whether anybody could perform it there."""

from dataclasses import dataclass
from pathlib import Path

from imitate.env.task import Task
from imitate.scene.scene import CONTROL_HZ
from imitate.tracker.segments import Segment
from imitate.tracking.feasibility import SUPPORT_TOLERANCE, compute_unsupported_force, find_off_balance
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
DOUBTFUL_CARRIED, LONGEST_CARRIED = 0.8, 2.5
"""Times that nothing has carried a person for [s]: beyond the first an object is missing if tracking control cannot
follow either; beyond the second in any case."""
# A leap lasts .7 s at most. Alone the first would not do: of cartwheels and of people who get up from the floor, whose
# hands and trunks the fit leaves some centimetres above it, half are beyond it; of stools that people sit on, most.


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
    carried = find_longest_carried(Task(character, found.motion))
    fault = REFUSED if doubtful else CARRIED if carried > LONGEST_CARRIED else ""
    return Retargeted(found.motion, carried, fault, "; ".join(doubtful))


def find_longest_carried(task: Task) -> float:
    """The longest time in which the ground cannot bear the person of a reference, apart from flights [s].

    Frames count that need a force where nothing supports the body, or whose zero-moment point is outside all that is
    near the ground; gaps of a tenth of a second are closed.
    """
    reference = task.reference(0.0)
    missing = compute_unsupported_force(task.body, reference.qpos, reference.com) > SUPPORT_TOLERANCE
    bad = missing | find_off_balance(task.body, reference.qpos, reference.com)
    gap = round(0.1 * CONTROL_HZ)
    closed = bad.copy()
    for first, last in find_runs(~bad):
        closed[first:last] |= last - first <= gap and first > 0 and last < len(bad)
    return max((last - first for first, last in find_runs(closed)), default=0) / CONTROL_HZ
