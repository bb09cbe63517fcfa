"""Transitions between skills of one body: found once, kept in the cache, printed as a table."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.table import Table

from imitate.env.task import Task
from imitate.scene.scene import CONTROL_HZ
from imitate.tracking.draft import Draft
from imitate.transitions.bridge import Bridge
from imitate.transitions.company import check_in_company
from imitate.transitions.states import ChainableSkill, Pair
from imitate.transitions.transition import Transition, find_bridge, find_transition, list_pairs
from pose.cores import usable_cores
from pose.downloads import cache_folder
from pose.errors import InputError
from pose.files import replace_file, sha256_of
from pose.progress import Progress, silent
from pose.work_pool import finish_in_processes
from reconstruct.motion import ReferenceMotion
from sfv.skill import Skill
from sfv.stages import character_files

VERSION = 5
"""Raise it when transitions are found otherwise."""
COMPANY_VERSION = 3
"""Raise it when they are checked in company otherwise."""

NOTE = "transition.json"
"""File of a way in its folder; without it nothing there counts."""
LEAST_PAIRS = 3
"""Pairs for which another process is worth its start."""

Name = tuple[str, str]
"""(source, target)."""
Ways = dict[Name, Transition]


def to_chainable(skill: Skill) -> ChainableSkill:
    """A skill that others can follow.

    Raises:
      InputError: it has a ground, a box or a bar of its own, or adapts.
    """
    if has_surroundings(skill):
        raise InputError(f"'{skill.name}' has surroundings of its own, so no other skill can follow it")
    return ChainableSkill(skill.name, skill.task, skill.plain_policy)


def has_surroundings(skill: Skill) -> bool:
    """Whether it is performed on a ground of its own, or with things around it."""
    task = skill.task
    return not task.ground.flat or task.scene.has_box or task.scene.kind == "objects"


def load_transitions(skills: Sequence[Skill], progress: Progress = silent, wanted: Collection[Name] = ()) -> Ways:
    """The best way from each skill to each that may follow it; what was found before comes from the cache.

    Bridges by tracking control take long. They are tried where no policy gets across by itself.

    Args:
      skills: of one body.
      progress: called while ways are found.
      wanted: pairs of names that are needed; they come first where not all ways can hold together.

    Raises:
      InputError: a skill has surroundings of its own.
    """
    performers = {skill.name: to_chainable(skill) for skill in skills}
    pairs = [(one.name, other.name) for one, other in list_pairs(list(performers.values()))]
    ways = {(way.source, way.target): way for way in _find_all(pairs, False, skills, performers, progress)}
    bridges = [name for name, way in ways.items() if not way.possible]
    for way in _find_all(bridges, True, skills, performers, progress):
        if way.survived > ways[way.source, way.target].survived:
            ways[way.source, way.target] = way
    key = "".join([*sorted(map(_digest, skills)), *sorted(map(str, wanted))])
    return _check_in_company(ways, performers, key, wanted, progress)


def _find_all(
    pairs: Sequence[Name],
    bridged: bool,
    skills: Sequence[Skill],
    performers: Mapping[str, ChainableSkill],
    progress: Progress,
) -> Iterator[Transition]:
    """The ways of these pairs, from the cache or else found by several processes, a skill that is left in each."""
    digests, named = {skill.name: _digest(skill) for skill in skills}, {skill.name: skill for skill in skills}
    places = {name: _place(digests[name[0]], digests[name[1]], bridged) for name in pairs}
    missing = [name for name in pairs if not (places[name] / NOTE).is_file()]
    sources = dict.fromkeys(source for source, _ in missing)
    count = min(usable_cores(), len(sources), len(missing) if bridged else len(missing) // LEAST_PAIRS)
    if count > 1:
        rows = [(named[one], [named[target] for source, target in missing if source == one]) for one in sources]
        _find_in_processes(rows, bridged, count, progress)
    for k, name in enumerate(pairs):
        progress(k, len(pairs), " -> ".join(name))
        yield _find_or_read(places[name], performers[name[0]], performers[name[1]], bridged)
    progress(len(pairs), len(pairs), "transitions")


def _find_or_read(folder: Path, source: ChainableSkill, target: ChainableSkill, bridged: bool) -> Transition:
    """A way from the cache, or else found and kept there."""
    way = _read(folder, source, target)
    if way is None:
        way = find_bridge(source, target) if bridged else find_transition(source, target)
        _write(folder, way)
    return way


def _find_in_processes(
    rows: Sequence[tuple[Skill, Sequence[Skill]]], bridged: bool, count: int, progress: Progress
) -> None:
    """Finds ways from each skill to some in several processes, and keeps them in the cache."""
    total, done = sum(len(targets) for _, targets in rows), 0
    work = {source.name: partial(find_row, source, targets, bridged) for source, targets in rows}
    counts = {source.name: len(targets) for source, targets in rows}
    progress(0, total, f"transitions, {count} processes")
    for name, _ in finish_in_processes(work, count):
        done += counts[name]
        progress(done, total, f"from {name}")


def find_row(source: Skill, targets: Sequence[Skill], bridged: bool) -> None:
    """Finds the ways from one skill to some and keeps them in the cache: the work of one process."""
    left = to_chainable(source)
    for target in targets:
        _find_or_read(_place(_digest(source), _digest(target), bridged), left, to_chainable(target), bridged)


def _place(source: str, target: str, bridged: bool) -> Path:
    """Folder of a way in the cache, by the digests of its skills."""
    key = hashlib.sha256(f"{VERSION} {source} {target}{' bridged' if bridged else ''}".encode()).hexdigest()
    return cache_folder() / "transitions" / key[:20]


def _check_in_company(
    ways: Ways, performers: dict[str, ChainableSkill], digests: str, wanted: Collection[Name], progress: Progress
) -> Ways:
    """See `check_in_company`; what was found for the same skills comes from the cache."""
    key = hashlib.sha256(f"{COMPANY_VERSION} {VERSION} {digests}".encode()).hexdigest()
    path = cache_folder() / "transitions" / f"company-{key[:20]}.json"
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        return {pair: _take_note(way, **note[" > ".join(pair)]) for pair, way in ways.items()}
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there, or damaged, so found again
    found = check_in_company(ways, performers, wanted, progress)
    note = {
        " > ".join(pair): {
            "pair": vars(way.pair),
            "survived": way.survived,
            "blend": way.blend,
            "bridged": way.bridge is not None,
            "when": way.when,
        }
        for pair, way in found.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as temporary:
        temporary.write_text(json.dumps(note), encoding="utf-8")
    return found


def _take_note(way: Transition, pair: dict[str, Any], bridged: bool, **values: Any) -> Transition:
    """A way as it was found to be in company."""
    return replace(way, pair=Pair(**pair), bridge=way.bridge if bridged else None, **values)


def _digest(skill: Skill) -> str:
    """A hash of all that decides which ways a skill has: its policy, its motion, its scene and its body's files."""
    motion = skill.reference
    files = {role: sha256_of(path) for role, path in character_files(skill.character).items()}
    about = motion.character, motion.height, motion.fps, motion.loop, skill.scene.settings, files
    content = hashlib.sha256(skill.policy_path.read_bytes())
    content.update(motion.qpos.tobytes())
    content.update(repr(about).encode())
    return content.hexdigest()


def _write(folder: Path, way: Transition) -> None:
    """The note goes last: without it nothing of the folder counts."""
    folder.mkdir(parents=True, exist_ok=True)
    note: dict[str, Any] = {"pair": vars(way.pair), "survived": way.survived, "blend": way.blend}
    if way.bridge is not None:
        way.bridge.task.motion.save(folder / "motion.npz")
        way.bridge.draft.save(folder / "draft.npz")
        note["resume"] = way.bridge.resume
    with replace_file(folder / NOTE) as temporary:
        temporary.write_text(json.dumps(note), encoding="utf-8")


def _read(folder: Path, source: ChainableSkill, target: ChainableSkill) -> Transition | None:
    path = folder / NOTE
    if not path.is_file():
        return None
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        bridge = None
        if "resume" in note:
            motion = ReferenceMotion.load(folder / "motion.npz")
            task = Task(target.task.character, motion)
            bridge = Bridge(task, Draft.load(folder / "draft.npz"), int(note["resume"]))
        return Transition(
            source.name, target.name, Pair(**note["pair"]), float(note["survived"]), int(note["blend"]), bridge
        )
    except (InputError, ValueError, KeyError, TypeError):
        return None  # damaged, so found again


def make_table(ways: Ways) -> Table:
    """Who can follow whom, and why not."""
    table = Table(box=None, title_justify="left")
    for column in ("from", "to", "", "left at", "entered at", "go on", "how"):
        table.add_column(column, justify="right" if column in ("left at", "entered at", "go on") else "left")
    for way in ways.values():
        moments = [f"{frame / CONTROL_HZ:.2f} s" for frame in (way.pair.exit, way.pair.entry)]
        table.add_row(way.source, way.target, way.kind, *moments, f"{way.survived:.0%}", way.reason)
    return table
