"""The pipeline, read from top to bottom: video -> keypoints -> reference -> draft -> policy -> rollout -> report."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from imitate.env.task import Task
from imitate.scene.scene import Scene, find_box_scene, make_found_scene
from pose.downloads import cache_folder
from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.quality import assess_keypoints
from pose.video import probe
from reconstruct.characters.character import Character, load_character
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.ik_targets import leg_length
from reconstruct.retargeting.retargeting import same_joints
from reconstruct.scene_objects import SceneObject, find_slope, load_objects, split_pushed
from sfv import __version__, stages
from sfv.config import USUAL_BODY, ClipConfig, RetargetRunConfig
from sfv.console import console
from sfv.drawing.renderer import check_drawing
from sfv.forecast import announce
from sfv.live.libraries import load_libraries
from sfv.live.page_file import write_page
from sfv.motion_files import SCENE_FILE, find_scene_file, load_scene
from sfv.report import RunStages, write_report
from sfv.run import Run, find_run_folder, read_record, refuse_people
from sfv.run_folder import RUNS, lock_folder, open_run, run_name
from sfv.sample import CREDIT, fetch_sample
from sfv.skill import to_skill
from sfv.stage import Stage, StageResult, list_finished, plain, run_stage
from sfv.stages_train import train
from sfv.trackers import choose_tracker


def run_clip(
    config: ClipConfig,
    command: str | None = None,
    find: Stage[Any] | None = None,
    fit: Callable[[StageResult], Stage[Any]] | None = None,
    before: tuple[StageResult, ...] = (),
) -> Run:
    """From a video, or a motion file, to a skill in a run folder; what is done already is skipped.

    Args:
      config: all options; without a video or motion the sample is taken.
      command: what the user typed or called, noted in the run.
      find: the stage that finds the person, in place of the usual one.
      fit: makes the stage that gives the motion of the keypoints, in place of the usual one.
      before: stages of another folder that `find` and `fit` take from; their time counts as well.

    Raises:
      InputError: the source, an option or the folder cannot be used.
      WorkError: this machine cannot draw, or training ended against its will; the same call goes on.
    """
    check_drawing()
    config = choose_source(config.check())
    character, person = choose_bodies(config)
    config = resolve(config)
    source, folder = config.motion or config.video, config.out
    assert source is not None and folder is not None
    record = {"config": plain(config), "version": __version__, "commit": find_commit(), "command": command}
    with open_run(folder, source, record):
        console.print(f"[bold]{source}[/bold] -> {folder}")
        run = partial(run_stage, folder, command=command)
        pose, carrying = None, tuple[SceneObject, ...]()
        if config.motion is None:
            if find is None and config.keypoints is None:
                announce(folder, config, character, person)
            pose = run(find or stages.estimate(source, config.pose, config.keypoints))
            print_findings(pose)
            check_keypoints(pose, source, config)
            things = read_scene_file(folder) if config.scene.kind == "found" else ()
            usual = stages.reconstruct(
                pose, character, person, config.reconstruct, things, config.upper_body, config.finds_height(person.name)
            )
            motion = run(usual if fit is None else fit(pose))
            print_scene(motion, folder)
            character = print_height(motion)
            check_worth(motion, source, "preview.mp4", config.anyway)
            carrying, _ = load_objects(motion[SCENE_FILE])
        else:
            part, loop = (config.pose.start, config.pose.end), config.reconstruct.loop
            motion = run(stages.import_motion(source, character, part, loop, config.file))
            print_findings(motion)
        task = choose_task(motion, character, config.scene, config.find_box, carrying)
        draft = run(stages.track(motion, task, config.track))
        tracker = choose_tracker(config.tracker, config.imitate, character.name)
        policy = run(train(motion, draft, task, config.imitate, tracker))
        policy = note_time_to_skill(policy, *before, *([pose] if pose else []), motion, draft)
        result = run(stages.evaluate(motion, policy, task, config.evaluate, source=pose))
        page = write_run_page(Run(folder, result.folder.name), "live.html")
        report = write_report(folder, source, RunStages(pose, motion, draft, policy, result), live=page)
    console.print(f"[bold]result[/bold]  {result['side_by_side.mp4']}\n[bold]report[/bold]  {report}")
    return Run(folder, result.folder.name)


def run_retarget(config: RetargetRunConfig, command: str | None = None) -> Run:
    """The skill of a finished run, learnt by another body; its result lies next to the first one.

    2_motion/humanoid -> 2_motion/atlas -> 3_draft/atlas -> 3_policy/atlas -> 4_result/atlas -> report_atlas.html

    Raises:
      InputError: the run or an option cannot be used.
      WorkError: this machine cannot draw, or training ended against its will; the same call goes on.
    """
    check_drawing()
    folder = find_run_folder(config.check().clip)
    original = find_source_motion(folder, config.source)
    character = load_character(config.character, config.height)
    if original.parent.name == character.name:
        raise InputError(f"{folder}: the skill is {character.name}'s own already; give another CHARACTER")
    asked, training = config.scene, config.imitate.resolve()
    first = ReferenceMotion.load(original)
    source, camera = load_character(first.character, first.height), original.with_name("camera.npz")
    carrying = scale_objects(original, source, character, asked)

    with lock_folder(folder):
        console.print(f"[bold]{original.parent}[/bold] -> {character.name}")
        run = partial(run_stage, folder, command=command)
        motion = run(
            stages.retarget(original, camera if camera.is_file() else None, source, character, config.retarget)
        )
        task = choose_task(motion, character, asked, config.find_box, carrying)
        draft = run(stages.track(motion, task, config.track))
        tracker = choose_tracker(config.tracker, training, character.name)
        policy = run(train(motion, draft, task, training, tracker))
        policy = note_time_to_skill(policy, motion, draft)
        result = run(stages.evaluate(motion, policy, task, config.evaluate, source=original))
        name = f"report_{result.folder.name}.html"
        page = write_run_page(Run(folder, result.folder.name), f"live_{result.folder.name}.html")
        stages_done = RunStages(None, motion, draft, policy, result)
        report = write_report(folder, original.parent, stages_done, name, page)
    console.print(f"[bold]result[/bold]  {result['side_by_side.mp4']}\n[bold]report[/bold]  {report}")
    return Run(folder, result.folder.name)


def write_run_page(run: Run, name: str) -> Path | None:
    """The run's skill as a page to play with, beside the report; None, and a line that says why, where it cannot be."""
    try:
        return write_page([to_skill(run)], run.folder / name, load_libraries(), title=run.folder.resolve().name)
    except InputError as error:
        console.print(f"[dim]no live page: {error}[/dim]", soft_wrap=True)
        return None


def note_time_to_skill(policy: StageResult, *before: StageResult) -> StageResult:
    """The policy with `time_to_skill_seconds` and `time_to_skill_cpu_seconds` among its metrics; None without a skill.

    Wall clock, and processor time of all processes: of the stages `before` it, and of the training, evaluations
    included, to the first of the evaluations in a row whose mean is at criterion; without the start of the program, the
    result's evaluation and its video.
    """
    found = dict[str, float | None]()
    for name in ("seconds", "cpu_seconds"):
        parts = [policy.metrics.get(f"skill_{name}"), *(getattr(stage, name) for stage in before)]
        found[f"time_to_skill_{name}"] = None if None in parts else sum(parts)
    return replace(policy, metrics=policy.metrics | found)


def choose_source(config: ClipConfig) -> ClipConfig:
    """The config with something to learn from: the user's file, else the real sample, else the synthetic one.

    Raises:
      InputError: the file is missing or no video.
    """
    if config.motion is not None:
        if not config.motion.is_file():
            raise InputError(f"{config.motion}: no such file; check the name of the motion")
        return config
    if config.video is not None:
        probe(config.video)
        return config
    sample = fetch_sample()
    if sample is not None:
        console.print(f"no VIDEO given: {CREDIT}")
        part_chosen = config.pose.start > 0 or config.pose.end is not None
        pose = config.pose if part_chosen else replace(config.pose, start=sample.start, end=sample.end)
        return replace(config, video=sample.video, pose=pose)
    from sfv.demo.demo import make_demo

    console.print("[yellow]no VIDEO given, and the real sample cannot be had now: a synthetic walk instead[/yellow]")
    path = cache_folder() / "synthetic_walk.mp4"
    if not path.is_file():
        make_demo("walk", path)
    return replace(config, video=path)


def choose_bodies(config: ClipConfig) -> tuple[Character, Character]:
    """Who performs the skill, and the body that is fitted to the person in the video: the same if it is built as one.

    The height of a person is no robot's: a robot keeps its own.
    """
    character, person = load_character(config.character), load_character(USUAL_BODY, config.height)
    if same_joints(character, person):
        character = load_character(config.character, config.height)
        return character, character
    return character, person


def resolve(config: ClipConfig) -> ClipConfig:
    """The config as it runs: no option left open or to a preset but the height, which the film may show."""
    source = config.motion or config.video
    assert source is not None
    return replace(
        config,
        out=config.out or RUNS / run_name(source),
        imitate=config.imitate.resolve(),
    )


def choose_task(
    motion: StageResult, character: Character, scene: Scene, find_box: bool, objects: tuple[SceneObject, ...] = ()
) -> Task:
    """The motion in the scene asked for; the one found has the objects that carry the person, or a box that both hands
    push, unless none is to be found."""
    task = Task(character, ReferenceMotion.load(motion["motion.npz"]), scene)
    if scene.kind != "found":
        return task
    standing, pushed = split_pushed(objects)
    if standing or (pushed is not None and find_box):
        if standing and pushed is not None:
            console.print("  [yellow]the pushed box is left out: other things carry the person as well[/yellow]")
        return replace(task, scene=make_found_scene(standing or objects))
    task = replace(task, scene=Scene())
    found = find_box_scene(character, task.motion) if find_box else None
    if found is None:
        return task
    task = replace(task, scene=found)
    console.print(
        f"both hands push against something: a box of {2.0 * task.box_half[2]:.2f} m and {found.box_mass:.0f} kg is "
        "put there (--no-find-box leaves it out)"
    )
    return task


def scale_objects(original: Path, source: Character, character: Character, asked: Scene) -> tuple[SceneObject, ...]:
    """What carries the source's motion in the file `original`, as large for the character as its legs are.

    Raises:
      InputError: the motion is made for a slope, and another ground is asked for.
    """
    objects = load_scene(find_scene_file(original).get("scene"))
    slope = find_slope(objects)
    if slope is not None and asked.kind != "found":
        raise InputError(
            f"{original.parent}: walks on {slope.describe()}, not on the ground of --scene {asked.kind}; leave it out"
        )
    factor = leg_length(character) / leg_length(source)
    return tuple(thing.scale(factor) for thing in objects)


def read_scene_file(folder: Path) -> tuple[SceneObject, ...] | None:
    """The objects of a run's scene file if somebody has changed them; None to find them.

    Raises:
      InputError: the file holds nonsense.
    """
    path = folder / SCENE_FILE
    if not path.is_file():
        return None
    objects, changed = load_objects(path)
    return objects if changed else None


def print_scene(motion: StageResult, folder: Path) -> None:
    """Prints what carries the person, things or a slope, and leaves it in the run's folder to be changed."""
    found = motion[SCENE_FILE]
    objects, path = motion.metrics["objects"], folder / SCENE_FILE
    if not path.is_file() or not load_objects(path)[1]:
        if objects:
            shutil.copyfile(found, path)
        elif path.is_file():
            path.unlink()
    if objects:
        console.print(f"  scene: {'; '.join(objects)} ({path} can be changed; --scene flat leaves it out)")
        if motion.metrics["scene"]:
            console.print(f"  [dim]{motion.metrics['scene']}[/dim]", soft_wrap=True)
    elif motion.metrics["scene"]:
        console.print(f"  [yellow]scene: flat, {motion.metrics['scene']}[/yellow]")


def print_height(motion: StageResult) -> Character:
    """Prints how tall the person is, if that was not known; returns the body of the motion, which is as tall."""
    if motion.metrics.get("height"):
        console.print(f"  [dim]{motion.metrics['height']}[/dim]", soft_wrap=True)
    performed = ReferenceMotion.load(motion["motion.npz"])
    return load_character(performed.character, performed.height)


def find_source_motion(folder: Path, name: str | None) -> Path:
    """The file of the motion that a run began with, or of the named body's.

    Raises:
      InputError: there is none, or several and none was named.
    """
    motions = list_finished(folder / "2_motion")
    if name is not None:
        if folder / "2_motion" / name in motions:
            return folder / "2_motion" / name / "motion.npz"
        raise InputError(f"{folder}: no motion of '{name}'; there are {', '.join(path.name for path in motions)}")
    if not motions:
        refuse_people(folder)
    first = [path for path in motions if "retarget" not in read_record(path / "stage.json").get("config", {})]
    if len(first) != 1:
        known = ", ".join(path.name for path in first) or "none yet: finish the run with `python -m sfv clip`"
        raise InputError(f"{folder}: which motion is to be retargeted? give --source; there are {known}")
    return first[0] / "motion.npz"


def check_keypoints(pose: StageResult, source: Path, config: ClipConfig) -> None:
    """Raises `InputError` for keypoints that are called poor; of the upper body alone if the legs are to be guessed."""
    if config.upper_body == "no":
        return check_worth(pose, source, "overlay.mp4", config.anyway)
    quality = assess_keypoints(Keypoints.load(pose["keypoints.npz"]), upper_body=True)
    console.print(f"  [yellow]legs are guessed ({config.upper_body}), the video does not show them[/yellow]")
    if quality.level == "poor" and not config.anyway:
        raise InputError(
            f"{source}: upper body: {quality.verdict} Look at {pose['overlay.mp4']}; --anyway goes on as it is"
        )


def check_worth(stage: StageResult, source: Path, shown: str, anyway: bool) -> None:
    """Raises `InputError` for keypoints or a motion that are called poor, before anything is learnt from them.

    Args:
      stage: that found them.
      source: the video.
      shown: video of the stage to look at.
      anyway: goes on all the same.
    """
    if stage.metrics["level"] == "poor" and not anyway:
        raise InputError(f"{source}: {stage.metrics['verdict']} Look at {stage[shown]}; --anyway goes on as it is")


def print_findings(stage: StageResult) -> None:
    """Prints what is wrong with the video or the motion file, so that it is known before an hour of training."""
    for finding in stage.metrics["findings"]:
        if isinstance(finding, str):
            console.print(f"  [yellow]{finding}[/yellow]")
        elif finding["doubtful"]:
            console.print(f"  [yellow]{finding['text']}[/yellow]")


def find_commit() -> str | None:
    """The checkout's commit, with a plus where files differ from it; None outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
