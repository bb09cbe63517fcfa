"""`python -m sfv play`: a skill performed in simulation, as a video."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro
from rich.table import Table
from tyro.conf import OmitArgPrefixes

from imitate.env.env import ImitationEnv
from imitate.env.task import Task
from imitate.robustness import end_meets_start
from imitate.rollout import Rollout, RolloutMetrics, run_episodes
from imitate.scene.scene import CONTROL_HZ, Scene
from imitate.transitions.sequence import perform_sequence
from pose.errors import InputError
from pose.video import check_film
from sfv.commands.play_motion import FilePart, play_motion
from sfv.commands.play_walks import play_go1, play_go1_by_sight, play_walk_by_sight
from sfv.console import bar, console
from sfv.drawing.rendering import make_scenery, write_preview
from sfv.drawing.transition_chart import save_transitions
from sfv.library import LibrarySkill, find_library_skill, library_skills
from sfv.skill import SHIPPED, Skill, is_run, known_skills, skills_named
from sfv.together.play import find_group, perform_group, write_group
from sfv.together.stages import describe_performance, measure_performance
from sfv.transitions import load_transitions, make_table, to_chainable

LOOP_SECONDS = 8.0
"""Default length of a cycle's performance [s]."""
LAST_SECONDS = 4.0
"""Default length of a cycle that is the last of several skills [s]."""
SIGHT_SECONDS = 12.0
"""Default length of a walk by sight on each course [s]."""

Event = Literal["payload", "ice", "weak"]


def play(
    skills: tyro.conf.Positional[tuple[str, ...]] = (),
    character: str | None = None,
    scene: Scene = Scene(),  # noqa: B008  frozen
    seconds: float | None = None,
    size: tuple[int, int] = (854, 480),
    transitions: Path | None = None,
    eyes: bool = False,
    event: Event | None = None,
    motion: Path | None = None,
    file: OmitArgPrefixes[FilePart] = FilePart(),  # noqa: B008  frozen
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
) -> None:
    """Performs a shipped or learnt skill, several in turn, or a motion file, as a video; without any, lists skills.

    Args:
      skills: shipped skills, runs or their folders, go1 that adapts; several follow each other without a pause, several
        people of one run perform together.
      character: body that performs it, or an entry of the list, such as humanoid@adaptive; default the humanoid, else
        the first that has the skill.
      scene: ground that it is performed on; --scene KIND is short for --scene.kind. Default the flat, or where the
        skill was learnt if that was elsewhere.
      seconds: length [s]; default 8 for a cycle, one pass for what is none.
      size: width and height of the video [px].
      transitions: of several skills: draws which of them can follow which, as an SVG file.
      eyes: go1, or a walk that learnt it (shipped, or in runs/SKILL_sight), walks by a depth camera, its view beside.
      event: of a skill that adapts: what happens on the way, a load, ice or a weak knee; what it believes is drawn.
      motion: any motion file, performed at once by a tracker or tracking control, the file beside it; --seconds of it.
      file: of a motion file: where it begins, by whom, how it is read. With -o A.mp4 the motion made is A_simulated.
      out: the video; default SKILL_performed, _eyes or _EVENT.mp4, of several FIRST_and_more.mp4, of a file likewise.
    """
    check_options(seconds, size, out)
    file.check(motion is not None)
    asked = Asked(skills, character, scene, seconds, size, transitions, eyes, event, motion, file, out)
    player = choose_player(asked)
    if asked.options - set(player.takes.split()):
        raise InputError(player.refusal)
    player.play()


@dataclass(frozen=True)
class Asked:
    """What `play` is asked for: its arguments."""

    skills: tuple[str, ...]
    character: str | None
    scene: Scene
    seconds: float | None
    size: tuple[int, int]
    transitions: Path | None
    eyes: bool
    event: Event | None
    motion: Path | None
    file: FilePart
    out: Path | None

    @property
    def options(self) -> set[str]:
        """Which options were given, of those that not every player takes: `skill`, `several` of them, `scene` ..."""
        names = ("character", "seconds", "transitions", "event", "out")
        others = {"skill": self.skills, "several": self.skills[1:], "scene": self.scene != Scene(), "eyes": self.eyes}
        found = {name for name in names if getattr(self, name) is not None}
        return found | {name for name, is_given in others.items() if is_given}


@dataclass(frozen=True)
class Player:
    """One of the things that can be performed, each in its own way."""

    takes: str
    """Options that it takes, see `Asked.options`."""
    refusal: str
    """What is said where others are given."""
    play: Callable[[], None]


def choose_player(asked: Asked) -> Player:
    """What is to be performed, and which options that takes.

    Raises:
      InputError: there is no such skill, or what adapts is asked to do what it cannot.
    """
    skills, seconds, size, out = asked.skills, asked.seconds, asked.size, asked.out
    if (path := asked.motion) is not None:
        refusal = "--motion: a file is performed alone and on the plane; leave skills and other options out"
        body = asked.character or "humanoid"
        return Player("character seconds out", refusal, lambda: play_motion(path, body, seconds, size, out, asked.file))
    if not skills:
        return Player("", "name a skill for these options, or leave them out for the list: sfv play", show_skills)
    first = skills[0]
    if asked.event is not None and ("go1" in skills or {"eyes", "transitions"} & asked.options):
        raise InputError("--event is for a skill that adapts, alone; leave go1, --eyes and --transitions out")
    if "go1" in skills:
        refusal = "'go1' is a robot with ground of its own; play it alone, without other options"
        play_robot = play_go1_by_sight if asked.eyes else play_go1
        film = out or Path("go1.mp4")
        return Player("skill eyes seconds out", refusal, lambda: play_robot(seconds or LOOP_SECONDS, size, film))
    if asked.eyes:
        refusal = "--eyes: one skill alone walks over courses of its own; leave the other options out"
        film = out or name_film(Path(first).name, "eyes")
        return Player(
            "skill eyes seconds out", refusal, lambda: play_walk_by_sight(first, seconds or SIGHT_SECONDS, size, film)
        )
    if (listed := choose_from_library(skills, asked.character, asked.scene)) is not None:
        refusal = f"'{listed.name}' is performed once, as it is; leave the other options out"
        return Player("skill character scene out", refusal, lambda: play_from_library(listed, size, out))
    if len(skills) == 1 and (group := find_group(first)) is not None:
        refusal = f"'{group}' is several people in a world of theirs; play it without other options"
        return Player("skill out", refusal, lambda: play_group(group, size[1], out))
    every = "skill several character scene seconds transitions event out"
    return Player(every, "", lambda: play_skills(asked))


def check_options(seconds: float | None, size: tuple[int, int], out: Path | None) -> None:
    """Raises `InputError` for a length, a size or a name that no film can have."""
    check_film(out, size)
    if seconds is not None and not 0.1 <= seconds <= 600.0:
        raise InputError(f"--seconds {seconds:g} is out of range; give 0.1 to 600")


def name_film(skill: str, ending: str = "performed") -> Path:
    """Name of a film that has none: not the skill's alone, for a run is called as its video, which may lie beside."""
    return Path(f"{skill}_{ending}.mp4")


def play_skills(asked: Asked) -> None:
    """Films one skill, also while something happens to it, or several one after another."""
    skills = choose_each(asked.skills, asked.character, asked.scene.check())
    first, *others = skills
    if asked.event is not None:
        play_event(first, asked.event, asked.seconds, asked.size, others, asked.out)
        return
    if asked.transitions is not None and not others:
        raise InputError("--transitions draws which of several skills can follow which; name more than one")
    rollout = perform_in_turn(skills, asked.seconds, asked.transitions) if others else perform(first, asked.seconds)
    path = asked.out or name_film(first.name, "and_more" if others else "performed")
    write_film(rollout, first.task, asked.size, path)
    report_film(rollout, ", ".join(skill.name for skill in skills), first.body, path)


def choose_from_library(skills: Sequence[str], character: str | None, scene: Scene) -> LibrarySkill | None:
    """The skill of the library that is named; None where a skill with a policy, or a run, has the name.

    Raises:
      InputError: it is one of several, or for another body or ground.
    """
    found = [find_library_skill(name) for name in skills if not is_run(name)]
    listed = next((skill for skill in found if skill is not None), None)
    if listed is None:
        return None
    if len(skills) > 1:
        raise InputError(f"'{listed.name}' is of the library, without a policy that others could follow; play it alone")
    if scene != Scene() or character not in (None, "humanoid"):
        raise InputError(f"'{listed.name}' of the library is the humanoid's, on the plane; leave the options out")
    return listed


def play_from_library(skill: LibrarySkill, size: tuple[int, int], out: Path | None) -> None:
    """Films a skill of the library, performed by tracking control."""
    rollout, task = skill.perform()
    out = out or name_film(skill.name)
    write_film(rollout, task, size, out)
    report_film(rollout, skill.name, task.character.name, out)


def write_film(rollout: Rollout, task: Task, size: tuple[int, int], path: Path) -> None:
    """Draws a performance."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = rollout.as_motion(task.motion, with_box=True)
    with bar(path.name) as progress:
        write_preview(shown, task.character, path, None, size, progress, make_scenery(task), task.ground)


def report_film(rollout: Rollout, names: str, body: str, path: Path) -> None:
    """Prints how a performance went that was drawn."""
    end = "falls" if rollout.terminated else "to the end"
    steps = max(1, len(rollout.qpos) - 1)
    console.print(
        f"{path}: {names} by {body}, {rollout.duration:.1f} s {end}, mean reward {rollout.reward.sum() / steps:.3f}"
    )


def play_event(
    skill: Skill, event: str, seconds: float | None, size: tuple[int, int], others: list[Skill], out: Path | None
) -> None:
    """Films a skill that adapts while something happens to it, beside it what it believes.

    Raises:
      InputError: it does not adapt, or is one of several.
    """
    if others or skill.scene != Scene():
        raise InputError("--event is for one skill on the plane; leave the others and --scene out")
    from sfv.commands.event_film import write_event_film

    out = out or name_film(skill.name, event)
    with bar(out.name) as progress:
        record = write_event_film(skill, event, seconds or LOOP_SECONDS, out, size, progress)
    end = "falls" if record.fell else "to the end"
    console.print(f"{out}: {skill.name} by {skill.body}, {len(record.qpos) / CONTROL_HZ:.1f} s {end}")


def play_group(folder: Path, height: int, out: Path | None) -> None:
    """Films everybody of a run of several people in one simulation."""
    out = out or name_film(folder.resolve().name)
    with bar(out.name) as progress:
        people, done = perform_group(folder, progress)
        out.parent.mkdir(parents=True, exist_ok=True)
        write_group(folder, people, done, out, height, progress)
    numbers = [person.number for person in people]
    console.print(f"{out}: {describe_performance(measure_performance(done, numbers), numbers)}")


def choose(skills: list[Skill], character: str | None, scene: Scene) -> Skill:
    """The skill of that body on that ground.

    `character` names a character or, exactly, a body of the list (`humanoid@adaptive`); the exact one comes first.
    Grounds that the policy does not see (slippery, wind) may be tried with what was learnt on the flat.

    Raises:
      InputError: no such body has it, or it was not learnt on that ground.
    """
    bodies = list(dict.fromkeys(skill.reference.character for skill in skills))
    wanted = character or ("humanoid" if "humanoid" in bodies else bodies[0])
    candidates = [skill for skill in skills if wanted in (skill.body, skill.reference.character)]
    own = sorted(candidates, key=lambda skill: skill.body != wanted)
    if not own:
        known = ", ".join(dict.fromkeys(skill.body for skill in skills))
        raise InputError(f"'{skills[0].name}' has been learnt by {known}, not by '{wanted}'")
    for skill in own:
        if skill.scene.kind == scene.kind:
            # Options of the ground that were given are tried; else it is the ground that it was learnt on.
            return skill if scene == Scene(kind=scene.kind) else replace(skill, scene=scene)
    flat = [skill for skill in own if skill.scene.kind == "flat"]
    if not flat and scene == Scene():
        return own[0]
    if flat and not scene.has_box and replace(flat[0], scene=scene).task.ground.flat:
        return replace(flat[0], body=f"{flat[0].body}@{scene.kind}", scene=scene)
    known = ", ".join(skill.body for skill in own)
    raise InputError(
        f"'{skills[0].name}' has not been learnt on '{scene.kind}'; there are {known}. "
        f"Learn it: python -m sfv clip --scene {scene.kind} ..."
    )


def choose_each(names: Sequence[str], character: str | None, scene: Scene) -> list[Skill]:
    """The named skills in turn, all of one body: that of the first if none is asked for."""
    chosen = list[Skill]()
    for name in names:
        chosen.append(choose(skills_named(name), character, scene))
        character = character or chosen[0].reference.character
    return chosen


def perform_in_turn(skills: Sequence[Skill], seconds: float | None = None, chart: Path | None = None) -> Rollout:
    """Several skills one after another, by transitions; prints the table of those.

    Args:
      skills: of one body.
      seconds: how long the last one goes on if it is a cycle [s].
      chart: the table as an SVG file as well; None for none.

    Raises:
      InputError: one skill cannot follow another; the table says why.
    """
    different = list({skill.name: skill for skill in skills}.values())
    wanted = list(pairwise(skill.name for skill in skills))
    with bar("transitions") as progress:
        ways = load_transitions(different, progress, wanted)
    console.print(make_table(ways))
    if chart is not None:
        console.print(f"{save_transitions(ways, chart)}: which skill can follow which")
    performers = {skill.name: to_chainable(skill) for skill in different}
    return perform_sequence([performers[skill.name] for skill in skills], ways, seconds or LAST_SECONDS).rollout


def perform(skill: Skill, seconds: float | None = None) -> Rollout:
    """The policy's mean actions from the reference's first frame on, to the end or a fall.

    Args:
      skill: what, by whom, where.
      seconds: length [s]; a clip that is no cycle is passed once, or again and again if its end meets its start.

    Raises:
      InputError: the policy is for another body or version, or the clip cannot be repeated for so long.
    """
    task, motion = skill.task, skill.reference
    if seconds is not None and not motion.loop and seconds > motion.duration + 1e-6:
        if not end_meets_start(task):
            raise InputError(
                f"'{skill.name}' lasts {motion.duration:.2f} s and its end does not meet its start, so it cannot be "
                f"repeated for {seconds:g} s; leave --seconds out"
            )
        task = task.repeated
    policy = skill.policy
    env = ImitationEnv.for_policy(policy, task, 1, seconds or LOOP_SECONDS)
    start = np.zeros(1, dtype=np.int64)
    recorder = RolloutMetrics()
    completed = run_episodes(env, policy, start, recorder=recorder).completed[0]
    rollout = recorder.rollout(terminated=not completed)
    if seconds is None or len(rollout.qpos) <= seconds * rollout.fps + 1:
        return rollout
    kept = round(seconds * rollout.fps) + 1
    return replace(
        rollout,
        qpos=rollout.qpos[:kept],
        reference_qpos=rollout.reference_qpos[:kept],
        reward_terms={name: term[:kept] for name, term in rollout.reward_terms.items()},
        box_qpos=rollout.box_qpos[:kept],
        terminated=False,
    )


def show_skills() -> None:
    """Prints a table of what there is to play."""
    table = Table(box=None, title_justify="left")
    for column in ("skill", "body", "length", "return", "completed", "from", "licence"):
        table.add_column(column, justify="right" if column in ("length", "return", "completed") else "left")
    for skill in known_skills():
        motion, metrics = skill.reference, skill.metrics
        shipped = skill.policy_path.is_relative_to(SHIPPED)
        table.add_row(
            skill.name,
            skill.body,
            "cycle" if motion.loop else f"{motion.duration:.1f} s",
            _text(metrics.get("normalised_return"), ".3f"),
            _text(metrics.get("completed"), ".0%"),
            "shipped" if shipped else "a run",
            skill.licence or "",
        )
    for listed in library_skills():
        length, note = f"{listed.note['seconds']:.1f} s", listed.note
        measured = _text(note["normalised_return"], ".3f"), _text(note["completed"], ".0%")
        table.add_row(listed.name, "humanoid", length, *measured, f"library, {listed.kind}", "CMU, free for all uses")
    if table.row_count:
        console.print(table)
        console.print("\n[cyan]python -m sfv play SKILL --character BODY -o out.mp4[/cyan]")
    else:
        console.print("no skill yet; learn one: [cyan]python -m sfv clip --video FILE[/cyan]")


def _text(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
