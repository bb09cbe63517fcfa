"""`python -m sfv retarget`: the skill of a finished run, learnt by another body; its result beside the first one.

2_motion/humanoid -> 2_motion/atlas -> 3_draft/atlas, 3_policy/atlas -> 4_result/atlas -> report_atlas.html
"""

import json
import shutil
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from imitate.env.reference import sampled, unrolled
from imitate.env.task import Task
from imitate.rollout import EvaluateConfig, Rollout
from imitate.scene.scene import Scene
from imitate.tracking.track import TrackConfig
from imitate.training.config import TrainConfig
from pose.errors import InputError
from pose.progress import Progress
from reconstruct.camera import Camera
from reconstruct.characters.character import Character, load_character
from reconstruct.formats.write_bvh import write_bvh
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting import RetargetConfig
from reconstruct.retargeting import retarget as carry_over
from reconstruct.retargeting_metrics import compute_retargeting_metrics
from sfv.console import console
from sfv.rendering import follow, make_scenery, render_motion, write_preview, write_side_by_side
from sfv.report import write_report
from sfv.result_video import LONGEST_S, PANEL_HEIGHT, faded
from sfv.results import run_folder
from sfv.run_folder import find_camera, locked
from sfv.skill_stages import (
    body_name,
    character_files,
    draft_stage,
    judged,
    policy_stage,
    setting,
    training_metrics,
    with_found_box,
)
from sfv.stage import Metrics, StageResult, run_stage, write_json


@dataclass(frozen=True)
class RetargetRunConfig:
    """From a finished run to the same skill on another body."""

    clip: Path
    """The run's folder, or its name in runs/."""
    character: str
    """Body that is to have the skill, a folder in assets/characters."""
    source: str | None = None
    """Body that has it, where a run reconstructed more than one; default: the run's only one."""
    height: float | None = None
    """The new body's standing height [m]; default: the character's own."""
    scene: Scene = field(default_factory=Scene)
    """Ground that the skill is performed on; --scene KIND is short for --scene.kind."""
    find_box: bool = True
    """Put a box before a motion whose hands push against something; only where no other scene is asked for."""
    retarget: RetargetConfig = field(default_factory=RetargetConfig)
    track: TrackConfig = field(default_factory=TrackConfig)
    imitate: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)


def retarget(config: Annotated[RetargetRunConfig, tyro.conf.arg(name="")]) -> None:
    """The skill of a finished run, learnt by another body.

    Carries the reference motion over, trains by the same method as `clip` and leaves the result beside the first one.
    The same command again skips what is done; Ctrl-C loses nothing.
    """
    folder = run_folder(config.clip)
    origin = source_motion(folder, config.source)
    character = load_character(config.character, config.height)
    if origin.name == character.name:
        raise InputError(f"{folder}: the skill is {character.name}'s own already; give another CHARACTER")
    original = ReferenceMotion.load(origin / "motion.npz")
    first = load_character(original.character, original.height)
    scene = config.scene.checked()

    with locked(folder):
        console.print(f"[bold]{origin}[/bold] -> {character.name}")
        motion = run_stage(
            folder,
            f"2_motion/{character.name}",
            partial(_write_motion, config, origin, first, character),
            config={"retarget": config.retarget, "height": character.height, "from": original.character},
            inputs={"motion": origin / "motion.npz"}
            | character_files(character)
            | {f"original {role}": path for role, path in first.files.items()},
        )
        if scene.kind == "flat" and config.find_box:
            scene = with_found_box(Task(character, ReferenceMotion.load(motion.folder / "motion.npz"), scene))
        draft = draft_stage(folder, motion, character, scene, config.track)
        policy = policy_stage(folder, motion, character, scene, config.imitate)
        body = body_name(character, scene)
        result = run_stage(
            folder,
            f"4_result/{body}",
            partial(_write_result, config, original, first, motion.folder, policy, character, scene),
            config={"evaluate": config.evaluate, **setting(character, scene)},
            inputs={
                "motion": motion.folder / "motion.npz",
                "policy": policy.folder / "policy.pt",
                "original": origin / "motion.npz",
            },
        )
        report = write_report(folder, origin, None, motion, draft, policy, result, name=f"report_{body}.html")
    console.print(f"[bold]result[/bold]  {result.folder / 'side_by_side.mp4'}\n[bold]report[/bold]  {report}")


def source_motion(folder: Path, name: str | None) -> Path:
    """The folder of the motion that a run began with.

    Raises:
      InputError: there is none, or several and none was named.
    """
    motions = sorted(path.parent for path in (folder / "2_motion").glob("*/stage.json"))
    first = [path for path in motions if "retarget" not in json.loads((path / "stage.json").read_text())["config"]]
    if name is not None:
        if folder / "2_motion" / name in motions:
            return folder / "2_motion" / name
        raise InputError(f"{folder}: no motion of '{name}'; there are {', '.join(path.name for path in motions)}")
    if len(first) != 1:
        known = ", ".join(path.name for path in first) or "none yet: finish the run with `python -m sfv clip`"
        raise InputError(f"{folder}: which motion is to be carried over? give --source; there are {known}")
    return first[0]


def _write_motion(
    config: RetargetRunConfig, origin: Path, source: Character, character: Character, folder: Path, _: Progress
) -> tuple[str, Metrics]:
    found = carry_over(ReferenceMotion.load(origin / "motion.npz"), source, character, config.retarget)
    motion = found.motion
    motion.save(folder / "motion.npz")
    if (origin / "camera.npz").is_file():  # the same side of the body is shown
        shutil.copy(origin / "camera.npz", folder / "camera.npz")
    write_bvh(motion, character, folder / "motion.bvh")
    write_preview(motion, character, folder / "preview.mp4", find_camera(folder))
    metrics = compute_retargeting_metrics(found, character) | {"loop": motion.loop}
    summary = (
        f"{len(motion)} frames carried over from {source.name}; ankles off by {metrics['ankle_error_mm']:.0f} mm, "
        f"feet slide {metrics['foot_slide_mm_per_frame']:.1f} mm/frame"
    )
    return summary, metrics


def _write_result(
    config: RetargetRunConfig,
    original: ReferenceMotion,
    first: Character,
    motion_folder: Path,
    policy: StageResult,
    character: Character,
    scene: Scene,
    folder: Path,
    progress: Progress,
) -> tuple[str, Metrics]:
    task = Task(character, ReferenceMotion.load(motion_folder / "motion.npz"), scene)
    evaluation = judged(policy.folder, task, config.evaluate, folder)
    camera, out = find_camera(motion_folder), folder / "side_by_side.mp4"
    write_comparison(Task(first, original), task, evaluation.rollout, camera, out, progress)
    metrics = evaluation.figures | training_metrics(policy)
    write_json(folder / "result.json", metrics)
    return f"normalised return {metrics['normalised_return']:.3f}, completed {metrics['completed']:.0%}", metrics


def write_comparison(
    source: Task, task: Task, rollout: Rollout, camera: Camera | None, out: Path, progress: Progress
) -> None:
    """Writes original | carried over | simulation, in the new body's time: all three show the same phase.

    Args:
      source: the motion that was carried over, and its body.
      task: what became of it, the new body, and where the rollout took place.
      rollout: the simulated motion, from the first frame on.
      camera: seen from its side; None from the body's right.
      out: the video.
      progress: told after each image.
    """
    fps, motion, character = rollout.fps, task.motion, task.character
    original, first = source.motion, source.character
    seconds = min(len(rollout.qpos) / fps, LONGEST_S) if motion.loop else motion.duration
    times = np.arange(max(1, round(seconds * fps))) / fps
    pace = motion.fps / original.fps
    before, after = (
        sampled(body.model, unrolled(part, seconds * speed) if part.loop else part.qpos, part.fps, times * speed)
        for part, body, speed in ((original, first, pace), (motion, character, 1.0))
    )
    ground = task.ground
    if not ground.flat:
        after[:, 2] += ground.support(after[:, :2])
    simulated = rollout.qpos
    if task.scene.has_box:
        simulated = np.concatenate([simulated, rollout.box_qpos], axis=1)
    simulated = simulated[np.minimum(np.arange(len(times)), len(simulated) - 1)]
    size = (PANEL_HEIGHT, PANEL_HEIGHT)
    track = follow(after, fps, character.height, camera, ground)
    beside = follow(before, fps, first.height, camera)
    panels = {
        first.name: render_motion(first, before, fps, beside, size),
        f"{character.name}, reference": render_motion(
            character, after, fps, track, size, make_scenery(task.without_box)
        ),
        f"{character.name}, simulation": faded(
            render_motion(character, simulated, fps, track, size, make_scenery(task)), len(rollout.qpos)
        ),
    }
    write_side_by_side(list(panels.values()), list(panels), fps, out, PANEL_HEIGHT, progress, len(times))
