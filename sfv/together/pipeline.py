"""From a video of several people to skills that are performed together: read `run_together` from top to bottom."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from pose.errors import InputError
from reconstruct.characters.character import load_character
from sfv import __version__
from sfv.config import ClipConfig
from sfv.console import console
from sfv.pipeline import choose_bodies, choose_source, find_commit, resolve, run_clip
from sfv.run import Run
from sfv.run_folder import RUNS, open_run, run_name
from sfv.split import OTHER_MINUTES
from sfv.stage import StageResult, plain, run_stage
from sfv.together import stages
from sfv.together.page import write_page
from sfv.together.people import FILE, Person, load_people, save_people


def run_together(config: ClipConfig, command: str | None = None) -> list[Run]:
    """From a video to a skill of everybody in it, reconstructed in one world and performed in one simulation.

    Who is seen too badly, or cannot be learnt, is reported, and the others go on. The same call again skips what is
    done.

    Args:
      config: all options; `out` is the folder of the film's run, with each person's run in it: `person1`, `person2` ...
      command: what the user typed or called, noted in the runs.

    Raises:
      InputError: the video or an option cannot be used, or fewer than two people are left.
    """
    config = prepare(config)
    source, folder = config.video, config.out
    assert source is not None and folder is not None
    record = {"config": plain(config), "version": __version__, "commit": find_commit(), "command": command}
    with open_run(folder, source, record):
        console.print(f"[bold]{source}[/bold] -> {folder}")
        run = partial(run_stage, folder, command=command)
        pose = run(stages.estimate(source, config.pose))
        numbers = choose_people(pose, source, config.anyway)
        body = load_character(config.character, config.height)
        world = run(stages.reconstruct(pose, numbers, body, config.reconstruct))
        people = load_people(world[FILE])
        save_people(people, folder / FILE)
        total = len(people) * (config.imitate.minutes + OTHER_MINUTES)
        console.print(
            f"  {len(people)} skills of up to {config.imitate.minutes:g} min of training each: {total:.0f} min at most"
        )
        runs = {one.number: learn(one, pose, world, config, command) for one in people}
        learnt = {number: own for number, own in runs.items() if own is not None}
        if len(learnt) < 2:
            raise InputError(f"{source}: only {len(learnt)} of {len(people)} people could be learnt, see above")
        files = {number: (done.motion_path, done.policy_path) for number, done in learnt.items()}
        result = run(stages.perform(pose, world, files, pose.metrics["fps"]))
        report = write_page(folder, source, (pose, world, result), [one for one in people if one.number in learnt])
    console.print(f"[bold]result[/bold]  {result['together.mp4']}\n[bold]report[/bold]  {report}")
    return list(learnt.values())


def prepare(config: ClipConfig) -> ClipConfig:
    """The config as it runs: on flat ground, each motion once, no option left open.

    Raises:
      InputError: an option does not go with several people.
    """
    refused = {
        "--motion": config.motion is not None,
        "--keypoints": config.keypoints is not None,
        "--split": config.split,
        "--upper-body": config.upper_body != "no",
        "--person": config.pose.person != "",
        "--scene": config.scene.kind not in ("found", "flat"),
        "--reconstruct.loop yes": config.reconstruct.loop == "yes",
    }
    found = [option for option, given in refused.items() if given]
    if found:
        raise InputError(f"--people all does not go with {found[0]}; leave one of them out")
    if config.video is None:
        raise InputError("--people all needs a video of several people: give --video")
    config = choose_source(config.check())
    character, person = choose_bodies(config)
    if character is not person:
        raise InputError(
            f"--people all: {character.name} is not built as people are; learn with humanoid, then retarget each run"
        )
    assert config.video is not None
    out = config.out or RUNS / f"{run_name(config.video)}_people"
    flat, once = replace(config.scene, kind="flat"), replace(config.reconstruct, loop="no")
    return resolve(replace(config, out=out, scene=flat, reconstruct=once, height=person.height))


def choose_people(pose: StageResult, source: Path, anyway: bool) -> list[int]:
    """Numbers of the people who are seen well enough; prints what is wrong with the others.

    Raises:
      InputError: fewer than two are.
    """
    chosen = list[int]()
    for number, found in enumerate(pose.metrics["people"], start=1):
        times = f"{found['start']:.2f} to {found['end']:.2f} s"
        console.print(f"  person {number}: {times}. {found['verdict']}")
        for finding in found["findings"]:
            console.print(f"  [yellow]  {finding}[/yellow]")
        if found["level"] != "poor" or anyway:
            chosen.append(number)
        else:
            console.print(f"  [yellow]person {number} is left out (--anyway takes everybody)[/yellow]")
    if len(chosen) < 2:
        raise InputError(
            f"{source}: --people all: {len(chosen)} of {len(pose.metrics['people'])} people are seen well enough. Look "
            f"at {pose['overlay.mp4']}; --anyway goes on as it is"
        )
    return chosen


def learn(person: Person, pose: StageResult, world: StageResult, config: ClipConfig, command: str | None) -> Run | None:
    """The run of one person; None if it cannot be learnt, which is printed."""
    assert config.video is not None and config.out is not None
    console.print(f"\n[bold]person {person.number}[/bold], {person.height:.2f} m tall")
    body = load_character(config.character, person.height)
    own = replace(config, out=config.out / person.name, height=person.height, people="one")
    try:
        return run_clip(
            own,
            command,
            stages.select_person(config.video, pose, person.number),
            lambda _: stages.take_motion(world, person.number, body),
            before=(pose, world),
        )
    except InputError as error:
        console.print(f"  [yellow]person {person.number} is left out: {error}[/yellow]")
        return None
