"""Commands that the campaign of kills runs, with inputs and budgets as small as all their stages allow."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2

from imitate.env.task import Task
from imitate.tracker.prepare import FOLLOWED, Prepared
from imitate.tracker.prepare import TRAINING as TRAINING_PART
from imitate.tracking.track import TrackConfig, track_motion
from pose.video import read_frames
from reconstruct.characters.character import load_character
from reconstruct.motion import ReferenceMotion
from sfv.demo.motions import load_demo_motion
from sfv.stage import write_json

FRAMES = 16
TRAINING = (
    "--workers=1", "--minutes=60", "--samples=2048", "--seed=0", "--num-envs=16", "--num-steps=8",
    "--hidden-sizes", "16", "16", "--evaluation-interval=1024", "--checkpoint-seconds=0.5", "--no-early-stop",
    "--evaluate.rollouts=2",
)  # fmt: skip
"""A training of seconds, saved twice a second."""
TRACKING = (
    "--track.horizon=8", "--track.short-horizon=6", "--track.first-iterations=2", "--track.iterations=1",
    "--track.final-iterations=1",
)  # fmt: skip
"""Tracking control of seconds: the stages before it are to be hit."""
ADAPT = (
    "adapt", "--skill=walk", "--out=adapted", "--workers=1", "--minutes=60", "--samples=4096", "--trials=2",
    "--regression.steps=48", "--regression.num-envs=16", "--regression.buffer=512",
    "--evaluate.rollouts=2", "--evaluate.loop-seconds=1",
)  # fmt: skip
"""A skill learns to adapt, in seconds."""
CLONING = (
    "--minutes=0.05", "--hidden", "16", "--envs=4", "--steps=8", "--buffer=64", "--batches=4", "--batch-size=32",
    "--checkpoint-seconds=0.1",
)  # fmt: skip
"""A tracker's training of three seconds, saved ten times a second."""
UNFINISHED = ".*.pt.*.tmp"
"""Names of checkpoints and policies that are being written, see `pose.files.replace_file`."""
CLOCK = ("seconds", "per_second", "memory")
"""Parts of the names of metrics that the clock decides."""


@dataclass(frozen=True)
class Job:
    """A command whose result no kill may change."""

    name: str
    prepare: Callable[[Path], None]
    """Puts into a folder what the command needs."""
    words: tuple[str, ...]
    """Of the command, in that folder."""
    results: str
    """Pattern of the files that are compared: of JSON its content, of films number and size of the frames."""
    exact: bool = True
    """The same numbers; else, as where the budget is time, the same files."""
    within: float = 1.0
    """Share of its processor time, from its beginning, in which kills come."""
    module: str = "sfv"
    """Of Python, that has the command."""
    writing: str = ""
    """Pattern of the path of a temporary file or an unfinished stage: kills wait until there is one."""


def plan_jobs(names: tuple[str, ...] = ()) -> list[Job]:
    """The jobs of these names, or all."""
    clip = ("clip", "--motion=walk.npz", "--out=run", "--character=humanoid", *TRAINING)
    film = ("clip", "--video=films/walk.mp4", "--out=run", "--model-size=full", "--anyway", *TRAINING)
    pose = (*film, *TRACKING)
    often = (*clip, "--checkpoint-seconds=0.1")
    tracker = ("tracker", "train", "--out=tracker", *CLONING)
    retarget = ("retarget", "--clip=run", "--character=child", *TRAINING)
    table = ("table", "films", "--out=table", "--seeds=2", "--minutes=0.03")
    complete = ("complete", "walk.png", "--out=done", "--model-size=full")
    see = "sfv.bench.campaign.learn_to_see"
    play, page = ("play", "walk", "--seconds=1", "--out=walk.mp4"), "sfv.bench.campaign.use_page"
    jobs = [
        Job("clip", put_motion, clip, "run/4_result/*/result.json"),
        Job("film", put_film, film, "run/4_result/*/result.json"),
        Job("film_early", put_film, (*film, *TRACKING), "run/4_result/*/result.json", within=0.27),
        Job("pose", put_film, pose, "run/4_result/*/result.json", within=0.15, writing="run/1_pose.partial"),
        Job("checkpoint", put_motion, often, "run/4_result/*/result.json", writing=f"run/3_policy/*/{UNFINISHED}"),
        Job("see", put_nothing, ("eyes",), "eyes/*.pt", exact=False, module=see, writing=f"eyes/{UNFINISHED}"),
        Job("tracker", put_clip, tracker, "tracker/*.pt", exact=False, writing=f"tracker/{UNFINISHED}"),
        Job("retarget", put_run, retarget, "run/4_result/*/result.json"),
        Job("table", put_film, table, "table/*/4_result/*/result.json", exact=False),
        Job("complete", put_picture, complete, "done/complete.json"),
        Job("adapt", put_nothing, ADAPT, "adapted/4_result/*/result.json"),
        Job("play", put_nothing, play, "walk.mp4"),
        Job("page", put_motion, ("walk.npz",), "runs/walk/4_result/*/result.json", exact=False, module=page),
    ]
    return [job for job in jobs if not names or job.name in names]


def put_nothing(folder: Path) -> None:
    """What is shipped is enough."""


def put_motion(folder: Path) -> None:
    """Half a second of a walk."""
    cut_walk().save(folder / "walk.npz")


def cut_walk() -> ReferenceMotion:
    """The beginning of the demo's walk."""
    walk = load_demo_motion("walk", load_character("humanoid"))
    return replace(walk, qpos=walk.qpos[:FRAMES], contacts=walk.contacts[:FRAMES], loop=False)


def put_clip(folder: Path) -> None:
    """The same, as a tracker learns from it, with tracking control's performance."""
    clip, training = make_clip(), folder / "tracker" / TRAINING_PART
    clip.save(training / f"{clip.name}.npz")
    write_json(training / f"{clip.name}.json", {"result": FOLLOWED, "order": 0, "kind": clip.kind})


@cache
def make_clip() -> Prepared:
    """Half a second of a walk with the controller along it; made once."""
    character = load_character("humanoid")
    walk = cut_walk()
    track = TrackConfig(horizon=8, short_horizon=6, first_iterations=2, iterations=1, final_iterations=1)
    return Prepared("walk", "walk", walk, track_motion(Task(character, walk), track).draft)


def put_run(folder: Path) -> None:
    """The beginning of a run, which is all that `retarget` asks for."""
    put_motion(folder)
    motion = folder / "run" / "2_motion" / "humanoid"
    motion.mkdir(parents=True)
    shutil.copy(folder / "walk.npz", motion / "motion.npz")
    (motion / "stage.json").write_text('{"config": {}}\n')
    (folder / "run" / "config.json").write_text("{}\n")
    assert len(ReferenceMotion.load(motion / "motion.npz")) == FRAMES


def put_film(folder: Path) -> None:
    """The same walk, filmed from the side."""
    from sfv.bench.films import VIEWPOINTS, Film, render_film
    from sfv.demo.motions import load_demo_take

    qpos, contacts = load_demo_take("walk", load_character("humanoid"))
    made = render_film(
        Film("synthetic", "walk", VIEWPOINTS[0], "humanoid", False), qpos[:FRAMES], contacts[:FRAMES], folder / "made"
    )
    (folder / "films").mkdir()
    shutil.copy(made, folder / "films" / "walk.mp4")


def put_picture(folder: Path) -> None:
    """One picture of that film."""
    put_film(folder)
    _, image = next(read_frames(folder / "films" / "walk.mp4", start=0.2))
    cv2.imwrite(str(folder / "walk.png"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def drop_clock(content: Any) -> Any:
    """A result without what the clock decides."""
    if isinstance(content, dict):
        kept = {name: value for name, value in content.items() if not any(part in name for part in CLOCK)}
        return {name: drop_clock(value) for name, value in kept.items()}
    return [drop_clock(value) for value in content] if isinstance(content, list) else content
