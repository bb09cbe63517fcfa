"""Transitions between skills of one body: found once, kept in the cache, printed as a table."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.table import Table

from imitate.env.task import Task
from imitate.scene.scene import CONTROL_HZ
from imitate.tracking.draft import Draft
from imitate.transitions.bridge import Bridge
from imitate.transitions.company import check_in_company
from imitate.transitions.states import ChainableSkill, Pair, States, collect_states
from imitate.transitions.transition import Transition, find_transition, list_pairs
from pose.cores import usable_cores
from pose.downloads import cache_folder
from pose.errors import InputError
from pose.files import replace_file
from pose.progress import Progress, silent
from reconstruct.motion import ReferenceMotion
from sfv.backend import prepare_process
from sfv.skill import Skill

VERSION = 3
"""Raise it when transitions are found otherwise."""
COMPANY_VERSION = 2
"""Raise it when they are checked in company otherwise."""

NOTE = "transition.json"
"""File of a way in its folder; without it nothing there counts."""
LEAST_PAIRS = 3
"""Pairs for which another process is worth its start."""

Ways = dict[tuple[str, str], Transition]
"""(source, target) -> transition."""


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


def load_transitions(skills: Sequence[Skill], progress: Progress = silent) -> Ways:
    """The best way from each skill to each that may follow it; what was found before comes from the cache.

    Skills that are left are shared out among the cores.

    Raises:
      InputError: a skill has surroundings of its own.
    """
    performers = {skill.name: to_chainable(skill) for skill in skills}
    digests, pairs = {skill.name: _digest(skill) for skill in skills}, list_pairs(list(performers.values()))
    places = {(one.name, other.name): _place(digests[one.name], digests[other.name]) for one, other in pairs}
    missing = [name for name, folder in places.items() if not (folder / NOTE).is_file()]
    count = min(usable_cores(), len({source for source, _ in missing}), len(missing) // LEAST_PAIRS)
    if count > 1:
        _find_in_processes(skills, missing, count, progress)
    states, ways = dict[str, States](), Ways()
    for k, (source, target) in enumerate(pairs):
        progress(k, len(pairs), f"{source.name} -> {target.name}")
        ways[source.name, target.name] = _find_or_read(places[source.name, target.name], source, target, states)
    progress(len(pairs), len(pairs), "transitions")
    return _check_in_company(ways, performers, "".join(sorted(digests.values())), progress)


def _find_or_read(
    folder: Path, source: ChainableSkill, target: ChainableSkill, states: dict[str, States]
) -> Transition:
    """A way from the cache, or else found and kept there; `states` of skills that are left are collected once."""
    way = _read(folder, source, target)
    if way is None:
        if source.name not in states:
            states[source.name] = collect_states(source)
        way = find_transition(source, target, states[source.name])
        _write(folder, way)
    return way


def _find_in_processes(
    skills: Sequence[Skill], missing: Sequence[tuple[str, str]], count: int, progress: Progress
) -> None:
    """Finds ways in several processes, a skill that is left in each, and keeps them in the cache."""
    rows = {source: [target for one, target in missing if one == source] for source, _ in missing}
    named, context = {skill.name: skill for skill in skills}, get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=prepare_process) as pool:
        work = {
            pool.submit(find_row, named[source], [named[target] for target in targets]): source
            for source, targets in rows.items()
        }
        done = 0
        progress(0, len(missing), f"transitions by {count} processes")
        try:
            for future in as_completed(work):
                future.result()
                done += len(rows[work[future]])
                progress(done, len(missing), f"from {work[future]}")
        except BaseException:
            # Whoever stops does not want to wait; what was found is kept (`terminate_workers` of Python 3.14).
            for worker in list(pool._processes.values()):
                worker.terminate()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def find_row(source: Skill, targets: Sequence[Skill]) -> None:
    """Finds the ways from one skill to some and keeps them in the cache: the work of one process."""
    left, states = to_chainable(source), dict[str, States]()
    for target in targets:
        _find_or_read(_place(_digest(source), _digest(target)), left, to_chainable(target), states)


def _place(source: str, target: str) -> Path:
    """Folder of a way in the cache, by the digests of its skills."""
    key = hashlib.sha256(f"{VERSION} {source} {target}".encode()).hexdigest()
    return cache_folder() / "transitions" / key[:20]


def _check_in_company(ways: Ways, performers: dict[str, ChainableSkill], digests: str, progress: Progress) -> Ways:
    """See `check_in_company`; what was found for the same skills comes from the cache."""
    key = hashlib.sha256(f"{COMPANY_VERSION} {VERSION} {digests}".encode()).hexdigest()
    path = cache_folder() / "transitions" / f"company-{key[:20]}.json"
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        return {pair: replace(way, **note[" > ".join(pair)]) for pair, way in ways.items()}
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there, or damaged, so found again
    found = check_in_company(ways, performers, progress)
    note = {" > ".join(pair): {"survived": way.survived, "when": way.when} for pair, way in found.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as temporary:
        temporary.write_text(json.dumps(note), encoding="utf-8")
    return found


def _digest(skill: Skill) -> str:
    content = hashlib.sha256(skill.policy_path.read_bytes())
    content.update(skill.reference.qpos.tobytes())
    content.update(repr((skill.reference.character, skill.reference.height, skill.scene.settings)).encode())
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
