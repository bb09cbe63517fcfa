"""The stages from a reference motion to a policy, and how it is judged: the same for every way to come to a motion."""

import importlib.metadata
from dataclasses import replace
from functools import partial
from pathlib import Path

from imitate.env.task import Task
from imitate.policy import Policy
from imitate.robustness import end_meets_start, in_a_row
from imitate.rollout import EvaluateConfig, Evaluation, evaluate_policy
from imitate.scene.scene import Scene, scene_with_box
from imitate.tracking.draft import Draft
from imitate.tracking.feasibility import explained
from imitate.tracking.track import TrackConfig, track_motion
from imitate.training.config import TrainConfig
from imitate.training.train import train_policy
from pose.progress import Progress
from reconstruct.characters.character import Character
from reconstruct.formats.write_bvh import write_bvh
from reconstruct.motion import ReferenceMotion
from sfv.console import console
from sfv.rendering import make_scenery, write_preview
from sfv.run_folder import find_camera
from sfv.stage import Metrics, StageResult, run_stage


def body_name(character: Character, scene: Scene) -> str:
    """Name of the folders of what a body learns on a ground: `humanoid`, `humanoid@slope`."""
    return character.name if scene.kind == "flat" else f"{character.name}@{scene.kind}"


def setting(character: Character, scene: Scene) -> dict[str, object]:
    """What every stage after the motion depends on, beside its own config."""
    return {"scene": scene.identity, "height": character.height}


def character_files(character: Character) -> dict[str, Path]:
    """The body's files as inputs of a stage."""
    return {f"character {role}": path for role, path in character.files.items()}


def with_found_box(task: Task) -> Scene:
    """The scene with a box where both hands push against something that is not there."""
    found = scene_with_box(task.character, task.motion)
    if found is None:
        return task.scene
    height = 2.0 * task.box_half[2]
    console.print(
        f"both hands push against something: a box of {height:.2f} m and {found.box_mass:.0f} kg is put there "
        "(--no-find-box leaves it out)"
    )
    return found


def draft_stage(run: Path, motion: StageResult, character: Character, scene: Scene, config: TrackConfig) -> StageResult:
    """The motion as tracking control performs it: something to look at before any learning, and a verdict."""
    return run_stage(
        run,
        f"3_draft/{body_name(character, scene)}",
        partial(_write_draft, config, motion.folder, character, scene),
        config={"track": config, **setting(character, scene)},
        inputs={"motion": motion.folder / "motion.npz"} | character_files(character),
    )


def policy_stage(
    run: Path, motion: StageResult, character: Character, scene: Scene, config: TrainConfig
) -> StageResult:
    """The policy that learns it, from the draft on if it wants that; more minutes go on from where fewer ended."""
    body, config = body_name(character, scene), config.resolve()
    draft = run / f"3_draft/{body}/draft.npz" if config.warm_start == "draft" else None
    return run_stage(
        run,
        f"3_policy/{body}",
        partial(_write_policy, config, motion.folder, draft, character, scene),
        config={"imitate": config.without_budget(), **setting(character, scene)},
        inputs={"motion": motion.folder / "motion.npz"}
        | character_files(character)
        | ({"draft": draft} if draft else {}),
        budget=config.budget(),
    )


def judged(policy: Path, task: Task, config: EvaluateConfig, folder: Path) -> Evaluation:
    """Judges the policy in the folder `policy` and leaves its rollout in `folder`.

    A motion that is no loop but ends as it began is done many times in a row, too.
    """
    performer = Policy.load(policy / "policy.pt")
    evaluation = evaluate_policy(performer, task, config)
    evaluation.rollout.save(folder / "rollout.npz")
    write_bvh(evaluation.rollout.as_motion(task.motion), task.character, folder / "rollout.bvh")
    if task.motion.loop or task.scene.kind != "flat" or not end_meets_start(task):
        return evaluation
    scores = in_a_row(performer, task, rollouts=config.rollouts)
    repeated = {
        "in_a_row_return": float(scores.normalised_return.mean()),
        "in_a_row_completed": float(scores.completed.mean()),
    }
    return replace(evaluation, figures=evaluation.figures | repeated)


def training_metrics(policy: StageResult) -> Metrics:
    """What the training took and with what, for the result's metrics."""
    return {
        **{key: policy.metrics[key] for key in ("samples", "train_seconds", "env_steps_per_second", "seed")},
        "versions": {name: importlib.metadata.version(name) for name in ("mujoco", "torch", "mediapipe", "scipy")},
    }


def _write_draft(
    config: TrackConfig, motion_folder: Path, character: Character, scene: Scene, folder: Path, progress: Progress
) -> tuple[str, Metrics]:
    task = Task(character, ReferenceMotion.load(motion_folder / "motion.npz"), scene).drafted
    draft = track_motion(task, config, progress)
    draft.save(folder / "draft.npz")
    simulated = draft.rollout.as_motion(task.motion)
    write_bvh(simulated, character, folder / "draft.bvh")
    camera = find_camera(motion_folder)
    write_preview(simulated, character, folder / "draft.mp4", camera, backdrop=make_scenery(task), ground=task.ground)
    problems = explained(draft.verdict, draft.rollout.fps)
    end = "to the end" if draft.figures["draft_completed"] else f"until a fall after {draft.rollout.duration:.2f} s"
    share = f"{draft.figures['feasible']:.0%} of the frames followed"
    summary = f"performed by tracking control {end}, return {draft.figures['draft_return']:.3f}, {share}"
    if problems:
        summary += f"; worst: {problems[0]}"
    return summary, {**draft.figures, "problems": problems}


def _write_policy(
    config: TrainConfig,
    motion_folder: Path,
    draft: Path | None,
    character: Character,
    scene: Scene,
    folder: Path,
    progress: Progress,
) -> tuple[str, Metrics]:
    task = Task(character, ReferenceMotion.load(motion_folder / "motion.npz"), scene)
    expert = Draft.load(draft) if draft else None
    training = train_policy(task, config, folder, progress, expert)
    return training.summary, training.metrics
