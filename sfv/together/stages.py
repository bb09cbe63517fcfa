"""The stages of a run of several people: their keypoints, their world, and what they do together."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imitate.adapt.in_use import load_performer
from imitate.env.task import Task
from imitate.together.perform import FALLEN, Performance, Player, perform_together
from pose.estimate import FORMAT_VERSION as ESTIMATE_VERSION
from pose.estimate import PoseConfig
from pose.everyone import FORMAT_VERSION as EVERYONE_VERSION
from pose.everyone import estimate_everyone
from pose.keypoints import Keypoints
from pose.overlay import write_overlay
from pose.quality import assess_keypoints
from pose.timeline.seen_part import cut_to_seen
from reconstruct.camera import Camera
from reconstruct.characters.character import Character, load_character
from reconstruct.formats.write_bvh import write_bvh
from reconstruct.motion import ReferenceMotion
from reconstruct.reconstruct import ReconstructConfig
from reconstruct.together.keep_apart import TOUCH, Cast, keep_apart
from reconstruct.together.shared_world import Place, find_shared_world, reconstruct_in_world
from sfv.describe_keypoints import describe_keypoints
from sfv.motion_files import describe_motion
from sfv.stage import Made, Metrics, Stage, StageResult, Work, write_json
from sfv.stages import MotionSetting, character_files
from sfv.together.film import write_group_film
from sfv.together.people import FILE, Person, load_people, save_people

WORLD_VERSION = 3
"""Version of the shared world: raised whenever the same keypoints give other motions."""
SELECT_VERSION = 1
"""Version of what a person's own run takes from the film's."""
PERFORM_VERSION = 2
"""Version of the common simulation: raised whenever the same policies give another one, or another film."""
MADE = "made.json"
"""What was said of a person's motion when the world was made."""


@dataclass(frozen=True)
class WorldSetting(MotionSetting):
    """How everybody's motion is found: the body, of the height that people have on average, and the fit."""

    reconstruct: ReconstructConfig


@dataclass(frozen=True)
class PersonSetting:
    """Whose part of the film is taken."""

    number: int


@dataclass(frozen=True)
class TogetherSetting:
    """Who performs together."""

    numbers: tuple[int, ...]
    fps: float
    """Frames a second of the film, in the motion's time."""


def estimate(video: Path, config: PoseConfig) -> Stage[PoseConfig]:
    """Video -> keypoints of everybody over the same frames."""
    return Stage("1_pose", 1000 * EVERYONE_VERSION + ESTIMATE_VERSION, config, {"video": video}, _make_keypoints)


def reconstruct(
    pose: StageResult, numbers: Sequence[int], character: Character, config: ReconstructConfig
) -> Stage[WorldSetting]:
    """Keypoints of some people -> their motions in one world, before one camera."""
    inputs = {f"person{number}": pose[f"person{number}.npz"] for number in numbers} | character_files(character)
    return Stage("2_world", WORLD_VERSION, WorldSetting(character.name, character.height, config), inputs, _make_world)


def select_person(video: Path, pose: StageResult, number: int) -> Stage[PersonSetting]:
    """Keypoints of everybody -> those of one person, from where it appears to where it leaves."""
    inputs = {"video": video, "film": pose[f"person{number}.npz"]}
    return Stage("1_pose", SELECT_VERSION, PersonSetting(number), inputs, _select_person)


def take_motion(world: StageResult, number: int, character: Character) -> Stage[PersonSetting]:
    """Motions of everybody -> that of one person, in a world of its own."""
    folder = world[f"person{number}"]
    inputs = {path.name: path for path in sorted(folder.iterdir())}
    return Stage(f"2_motion/{character.name}", SELECT_VERSION, PersonSetting(number), inputs, _take_motion)


def perform(
    pose: StageResult, world: StageResult, runs: dict[int, tuple[Path, Path]], fps: float
) -> Stage[TogetherSetting]:
    """Policies -> what they do together in one simulation, and its film.

    Args:
      pose: stage of the keypoints.
      world: stage of the motions.
      runs: person's number -> its motion and its policy.
      fps: frames a second of the film, in the motion's time.
    """
    inputs = {"people": world[FILE], "camera": world["camera.npz"], "overlay": pose["overlay.mp4"]}
    for number, (motion, policy) in runs.items():
        inputs |= {f"motion {number}": motion, f"policy {number}": policy}
    return Stage("3_together", PERFORM_VERSION, TogetherSetting(tuple(runs), fps), inputs, _perform)


def _make_keypoints(work: Work[PoseConfig]) -> Made:
    video = work.inputs["video"]
    everyone = estimate_everyone(video, work.config, work.progress, work.folder / "people.jpg")
    people = list[Metrics]()
    for number, person in enumerate(everyone, start=1):
        person.save(work.folder / f"person{number}.npz")
        seen, first = cut_to_seen(person)
        quality = assess_keypoints(seen)
        times = {"start": seen.start, "end": seen.start + len(seen) / seen.video_fps, "first_frame": first}
        people.append({"level": quality.level, "verdict": quality.verdict, "findings": quality.findings, **times})
    write_overlay(video, everyone[0], work.folder / "overlay.mp4", work.progress, everyone[1:])
    frames, fps = len(everyone[0]), everyone[0].fps
    metrics = {"frames": frames, "fps": fps, "people": people}
    return Made(f"{len(everyone)} people in {frames} frames at {fps:.4g} fps", metrics)


def _make_world(work: Work[WorldSetting]) -> Made:
    config = work.config
    films = {int(role[6:]): Keypoints.load(path) for role, path in work.inputs.items() if role.startswith("person")}
    numbers, steps = sorted(films), 3 * len(films)
    world = find_shared_world(
        [films[n] for n in numbers],
        config.load_character(),
        config.reconstruct,
        lambda done, total, note="": work.progress(done, steps, note),
    )
    bodies, motions, places, metrics = list[Character](), list[ReferenceMotion](), list[Place](), dict[str, Metrics]()
    for count, (number, height) in enumerate(zip(numbers, world.heights, strict=True)):
        work.progress(len(films) + 2 * count, steps, f"person {number} in the shared world")
        body = load_character(config.character, height)
        found, place = reconstruct_in_world(films[number], body, config.reconstruct, world.camera)
        folder = work.folder / f"person{number}"
        folder.mkdir(exist_ok=True)
        made = describe_motion(found, body, folder)
        write_json(folder / MADE, {"summary": made.summary, "metrics": made.metrics})
        metrics[f"person{number}"] = {"height": height, **made.metrics}
        bodies, motions, places = [*bodies, body], [*motions, found.motion], [*places, place]
    apart, depth = keep_apart(Cast(bodies, motions, places), world.camera)
    moved = max(float(np.hypot(a.x - b.x, a.y - b.y)) for a, b in zip(places, apart, strict=True))
    world.camera.save(work.folder / "camera.npz")
    people = [Person(*row, config.character) for row in zip(numbers, world.heights, apart, strict=True)]
    save_people(people, work.folder / FILE)
    for one, body, motion in zip(people, bodies, motions, strict=True):
        _write_placed(motion, body, one, work.folder)
    return Made(describe_world(people, moved, depth), {**metrics, "moved_mm": 1e3 * moved, "depth_mm": 1e3 * depth})


def describe_world(people: Sequence[Person], moved: float, depth: float) -> str:
    """One line for the user.

    Args:
      people: those who are in the world.
      moved: greatest distance by which one of them was moved [m].
      depth: to which they are in each other all the same [m].
    """
    parts = [", ".join(f"person {one.number} is {one.height:.2f} m tall" for one in people)]
    if moved:
        parts.append(f"moved by up to {100 * moved:.0f} cm" + " so that they are not in each other" * (depth <= TOUCH))
    if depth > TOUCH:
        parts.append(f"still up to {100 * depth:.0f} cm in each other")
    return "; ".join(parts)


def _write_placed(motion: ReferenceMotion, body: Character, one: Person, folder: Path) -> None:
    """Writes a motion as it is in the shared world, `person1.npz` and `.bvh`."""
    placed = replace(motion, qpos=one.place.put(motion.qpos))
    placed.save(folder / f"{one.name}.npz")
    write_bvh(placed, body, folder / f"{one.name}.bvh")


def _select_person(work: Work[PersonSetting]) -> Made:
    keypoints, _ = cut_to_seen(Keypoints.load(work.inputs["film"]))
    return describe_keypoints(keypoints, (), work.inputs["video"], work.folder, work.progress)


def _take_motion(work: Work[PersonSetting]) -> Made:
    for name, path in work.inputs.items():
        if name != MADE:
            shutil.copyfile(path, work.folder / name)
    made = json.loads(work.inputs[MADE].read_text(encoding="utf-8"))
    return Made(made["summary"], made["metrics"])


def load_player(person: Person, motion: Path, policy: Path) -> Player:
    """Somebody who takes part, by the files of a run."""
    reference = ReferenceMotion.load(motion)
    task = Task(load_character(reference.character, reference.height), reference)
    return Player(task, load_performer(policy), person.place)


def _perform(work: Work[TogetherSetting]) -> Made:
    inputs, config = work.inputs, work.config
    people = [one for one in load_people(inputs["people"]) if one.number in config.numbers]
    players = [load_player(one, inputs[f"motion {one.number}"], inputs[f"policy {one.number}"]) for one in people]
    done = perform_together(players, work.progress)
    done.save(work.folder / "performance.npz")
    bodies = [player.task.character for player in players]
    for one, player, qpos in zip(people, players, done.qpos, strict=True):
        motion = player.task.motion
        none = np.zeros((len(qpos), len(motion.contact_names)), dtype=bool)
        simulated = replace(motion, qpos=qpos, fps=done.fps, contacts=none, loop=False)
        write_bvh(simulated, player.task.character, work.folder / f"{one.name}.bvh")
    camera = Camera.load(inputs["camera"])
    write_group_film(bodies, done, camera, config.fps, inputs["overlay"], work.folder / "together.mp4", work.progress)
    numbers = [one.number for one in people]
    metrics = measure_performance(done, numbers)
    write_json(work.folder / "result.json", metrics)
    return Made(describe_performance(metrics, numbers), metrics)


def measure_performance(done: Performance, numbers: Sequence[int]) -> Metrics:
    """Who reached the end, how well, who touched whom, and how far apart they were from where they should be."""
    fell = (done.state == FALLEN).any(axis=1)
    metrics: Metrics = {"completed": float(np.mean(~fell))}
    for row, number in enumerate(numbers):
        at = float(done.times[int((done.state[row] == FALLEN).argmax())]) if fell[row] else None
        metrics[f"person{number}_return"] = float(done.reward[row].sum() / done.steps[row])
        metrics[f"person{number}_falls_at"] = at
    metrics["relative_place_mm"] = 1e3 * done.relative_error()
    metrics["touching_s"] = float(done.touching.sum() / done.fps)
    metrics["deepest_contact_mm"] = 1e3 * float(done.depth.max())
    return metrics


def describe_performance(metrics: Metrics, numbers: Sequence[int]) -> str:
    """One line for the user."""
    upright = round(metrics["completed"] * len(numbers))
    times = {number: metrics[f"person{number}_falls_at"] for number in numbers}
    falls = [f"person {number} falls at {at:.1f} s" for number, at in times.items() if at is not None]
    contact = f"they touch for {metrics['touching_s']:.1f} s" if metrics["touching_s"] else "nobody touches another"
    return "; ".join([f"{upright} of {len(numbers)} reach the end together", *falls, contact])
