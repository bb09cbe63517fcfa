"""The pipeline, read from top to bottom: video -> keypoints -> reference -> draft -> policy -> rollout -> report."""

import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

from imitate.env.task import Task
from imitate.scene.scene import Scene
from pose.downloads import cache_folder
from pose.errors import InputError
from pose.estimate import FORMAT_VERSION as POSE_FORMAT
from pose.estimate import estimate_keypoints
from pose.keypoints import Keypoints
from pose.openpose import read_openpose
from pose.overlay import write_overlay
from pose.progress import Progress
from pose.quality import assess_keypoints
from pose.video import probe
from reconstruct.characters.character import Character, load_character
from reconstruct.formats.read_motion import read_motion_with_notes
from reconstruct.formats.write_bvh import write_bvh
from reconstruct.ik_targets import leg_length
from reconstruct.motion import ReferenceMotion
from reconstruct.reconstruct import reconstruct_motion
from reconstruct.retargeting import retarget, same_joints
from sfv import __version__
from sfv.config import ClipConfig
from sfv.console import console
from sfv.rendering import write_preview
from sfv.report import write_report
from sfv.result_video import Filmed, write_result_video
from sfv.run_folder import RUNS, find_camera, open_run, run_name
from sfv.sample import CREDIT, fetch_sample
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
from sfv.stage import Metrics, StageResult, plain, run_stage, write_json


def clip(config: Annotated[ClipConfig, tyro.conf.arg(name="")]) -> None:
    """From a video of a person to a physically simulated character that performs the same motion.

    Leaves a run folder: keypoints, reference motion, draft, policy, rollout, result video and report.html. The same
    command again skips what is done; a changed option redoes exactly what depends on it; Ctrl-C loses nothing.
    """
    config = _with_source(replace(config, imitate=config.imitate.resolve()))
    source = config.motion or config.video
    assert source is not None
    character, person = performer(config)
    files = character_files(character)
    if person is not character:
        files |= {f"person {role}": path for role, path in character_files(person).items()}
    scene, wanted = config.scene.checked(), config.reconstruct.loop
    folder = config.out or RUNS / run_name(source)

    with open_run(folder, source, {"config": plain(config), "version": __version__, "commit": _commit()}):
        console.print(f"[bold]{source}[/bold] -> {folder}")
        pose = None
        if config.motion is None:
            pose = run_stage(
                folder,
                "1_pose",
                partial(_write_pose, config),
                config={"pose": config.pose, "format": POSE_FORMAT},
                inputs={"video": source} | _keypoint_files(config),
            )
            for finding in pose.metrics["findings"]:
                console.print(f"  [yellow]{finding}[/yellow]")
            motion = run_stage(
                folder,
                f"2_motion/{character.name}",
                partial(_write_motion, config, pose.folder, character, person),
                config={"reconstruct": config.reconstruct, "height": person.height},
                inputs={"keypoints": pose.folder / "keypoints.npz"} | files,
            )
        else:
            motion = run_stage(
                folder,
                f"2_motion/{character.name}",
                partial(_write_given_motion, config, character),
                config={"height": character.height, "part": [config.pose.start, config.pose.end], "loop": wanted},
                inputs={"motion": source} | character_files(character),
            )
        if scene.kind == "flat" and config.find_box:
            scene = with_found_box(Task(character, ReferenceMotion.load(motion.folder / "motion.npz"), scene))
        draft = draft_stage(folder, motion, character, scene, config.track)
        policy = policy_stage(folder, motion, character, scene, config.imitate)
        result = run_stage(
            folder,
            f"4_result/{body_name(character, scene)}",
            partial(_write_result, config, pose, motion, policy, character, scene),
            config={"evaluate": config.evaluate, **setting(character, scene)},
            inputs={
                "motion": motion.folder / "motion.npz",
                "policy": policy.folder / "policy.pt",
            }
            | ({"overlay": pose.folder / "overlay.mp4"} if pose else {}),
        )
        report = write_report(folder, source, pose, motion, draft, policy, result)
    console.print(f"[bold]result[/bold]  {result.folder / 'side_by_side.mp4'}\n[bold]report[/bold]  {report}")


def performer(config: ClipConfig) -> tuple[Character, Character]:
    """Who performs the skill, and the body that is fitted to the person in the video: the same if it is built as one.

    The height of a person is no robot's: a robot keeps its own.
    """
    character, person = load_character(config.character), load_character("humanoid", config.height)
    if same_joints(character, person):
        character = load_character(config.character, config.height)
        return character, character
    return character, person


def _write_pose(config: ClipConfig, folder: Path, progress: Progress) -> tuple[str, Metrics]:
    assert config.video is not None
    if config.keypoints is not None:
        info, part = probe(config.video), config.pose
        size = (info.width, info.height)
        keypoints = read_openpose(config.keypoints, info.fps, size, part.start, part.end, part.person)
    else:
        keypoints = estimate_keypoints(config.video, config.pose, progress)
    keypoints.save(folder / "keypoints.npz")
    write_overlay(config.video, keypoints, folder / "overlay.mp4")
    seen, quality = float(keypoints.seen.mean()), assess_keypoints(keypoints)
    metrics = {"frames": len(keypoints), "fps": keypoints.fps, "detected": seen}
    metrics |= {"verdict": quality.verdict, "good": quality.good, "findings": quality.findings}
    summary = f"{len(keypoints)} frames at {keypoints.fps:.4g} fps, the person found in {seen:.0%} of them"
    return f"{summary}. {quality.verdict}", metrics


def _write_motion(
    config: ClipConfig, pose: Path, character: Character, person: Character, folder: Path, progress: Progress
) -> tuple[str, Metrics]:
    keypoints = Keypoints.load(pose / "keypoints.npz")
    found = reconstruct_motion(keypoints, person, config.reconstruct, progress)
    if person is not character:
        carried = retarget(found.motion, person, character).motion
        scale = leg_length(character) / leg_length(person)
        found = replace(found, motion=carried, camera=found.camera.scale(scale))
    found.motion.save(folder / "motion.npz")
    found.camera.save(folder / "camera.npz")
    write_bvh(found.motion, character, folder / "motion.bvh")
    write_preview(found.motion, character, folder / "preview.mp4", found.camera)
    metrics = {**found.metrics, "cost": found.cost, "loop": found.motion.loop, "first_frame": found.first_frame}
    kind = "a cycle" if found.motion.loop else "one pass"
    summary = (
        f"{len(found.motion)} frames, {kind} of {found.motion.duration:.2f} s; "
        f"off by {found.metrics['reprojection_px']:.1f} px, "
        f"feet slide {found.metrics['foot_slide_mm_per_frame']:.1f} mm/frame"
    )
    return summary, metrics


def _write_given_motion(
    config: ClipConfig, character: Character, folder: Path, progress: Progress
) -> tuple[str, Metrics]:
    """A motion that the user brings, in place of a reconstructed one."""
    assert config.motion is not None
    part, wanted = (config.pose.start, config.pose.end), config.reconstruct.loop
    motion, note = read_motion_with_notes(config.motion, character, start=part[0], end=part[1], loop=wanted)
    motion.save(folder / "motion.npz")
    write_bvh(motion, character, folder / "motion.bvh")
    write_preview(motion, character, folder / "preview.mp4")
    kind = "a cycle" if motion.loop else "one pass"
    return f"{len(motion)} frames, {kind} of {motion.duration:.2f} s, {note}", {"loop": motion.loop}


def _write_result(
    config: ClipConfig,
    pose: StageResult | None,
    motion_stage: StageResult,
    policy: StageResult,
    character: Character,
    scene: Scene,
    folder: Path,
    progress: Progress,
) -> tuple[str, Metrics]:
    task = Task(character, ReferenceMotion.load(motion_stage.folder / "motion.npz"), scene)
    evaluation = judged(policy.folder, task, config.evaluate, folder)
    filmed, camera = None, find_camera(motion_stage.folder)
    if pose is not None and camera is not None:
        keypoints = Keypoints.load(pose.folder / "keypoints.npz")
        filmed = Filmed(pose.folder / "overlay.mp4", keypoints, camera, motion_stage.metrics["first_frame"])
    write_result_video(filmed, task, evaluation.rollout, folder / "side_by_side.mp4", progress)
    metrics = {
        **evaluation.figures,
        "reprojection_px": motion_stage.metrics.get("reprojection_px"),
        **training_metrics(policy),
    }
    write_json(folder / "result.json", metrics)
    summary = f"normalised return {metrics['normalised_return']:.3f}, completed {metrics['completed']:.0%}"
    return summary, metrics


def _with_source(config: ClipConfig) -> ClipConfig:
    """The config with something to learn from: the user's file, else the real sample, else the synthetic one.

    Raises:
      InputError: the file is missing or no video, or there are two of them.
    """
    if config.motion is not None:
        if config.video is not None or config.keypoints is not None:
            raise InputError("--motion and --video (or --keypoints) exclude each other: give one of them")
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


def _keypoint_files(config: ClipConfig) -> dict[str, Path]:
    if config.keypoints is None:
        return {}
    return {f"keypoints {path.name}": path for path in sorted(config.keypoints.glob("*.json"))}


def _commit() -> str | None:
    """The checkout's commit, with a plus where files differ from it; None outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
