"""The pipeline from Python: the whole of it, and each stage alone. Import it as `sfv`: `sfv.clip`, `sfv.train` ...

Bodies are given by name or as a `Character`, scenes by kind or as a `Scene`. What cannot be used raises `InputError`,
with the line that the command line prints.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypedDict, Unpack, overload

from imitate.env.task import Task
from imitate.policy import Policy
from imitate.robustness import evaluate_skill
from imitate.rollout import EvaluateConfig, Evaluation
from imitate.scene.scene import Scene, make_found_scene
from imitate.tracker.evaluation import load_tracker
from imitate.tracker.tune import train_from_tracker
from imitate.tracking.draft import Draft
from imitate.tracking.track import TrackConfig, track_motion
from imitate.training.config import TrainConfig
from imitate.training.train import Training, train_policy
from pose.errors import InputError
from pose.estimate import PoseConfig, estimate_keypoints
from pose.files import CHECKPOINT
from pose.keypoints import Keypoints
from reconstruct.characters.character import Character, load_character
from reconstruct.motion import ReferenceMotion
from reconstruct.reconstruct import ReconstructConfig, Reconstruction, reconstruct_motion
from reconstruct.retargeting.config import RetargetConfig
from reconstruct.retargeting.retarget_on_slope import retarget_on
from reconstruct.retargeting.retargeting import same_joints
from reconstruct.scene_objects import SceneObject, find_slope
from sfv.commands.character_new import NewCharacterConfig, choose_folder
from sfv.commands.character_new import new_character as make_character
from sfv.config import ClipConfig, RetargetRunConfig
from sfv.console import bar
from sfv.motion_files import find_scene_file, load_scene
from sfv.picture_motion import Candidate, CompleteConfig, complete_picture
from sfv.pipeline import run_clip, run_retarget
from sfv.run import Run
from sfv.trackers import choose_tracker


class SkillOptions(TypedDict, total=False):
    """Options of everything that trains, named as on the command line."""

    scene: str | Scene
    """Ground: its kind (`"slope"`), or a `Scene` with its own measures."""
    height: float
    """Standing height [m]: the person's for `clip`, the new body's for `retarget`."""
    minutes: float
    """Training budget of wall-clock time [min]; the same call with more goes on."""
    samples: int
    """Training budget of control steps."""
    workers: int
    """Processes that train; 0 for one a core."""
    seed: int
    """Seed of weights, starts and noise."""


class ClipOptions(SkillOptions, total=False):
    """Options of `clip`, named as on the command line."""

    motion: str | Path
    """A motion file to learn instead of a video."""
    out: str | Path
    """The run's folder; `runs/<name of the source>` if left out."""
    character: str
    """Body that learns the skill."""
    start: float
    """First moment of the video that is used [s]."""
    end: float
    """Last moment [s]."""
    person: str
    """Who: 1 is the most prominent person, or "x,y@t" for who is at pixel x,y at second t."""


def clip(video: str | Path | None = None, config: ClipConfig | None = None, **options: Unpack[ClipOptions]) -> Run:
    """From a video of a person, or a motion file, to a simulated skill in a run folder.

    What is done already is skipped, so the same call opens a finished run.

    Args:
      video: the video; without it and without `motion`, a sample is fetched.
      config: every option there is; the others are put on top.
      options: the main options.

    Returns:
      The finished run: `run.motion`, `run.draft`, `run.policy`, `run.rollout`, `run.metrics`, `run.report` ...

    Raises:
      InputError: the source, an option or the folder cannot be used.
      WorkError: training ended against its will; the same call goes on.
    """
    given = {"video": video} if video is not None else {}
    chosen: ClipConfig = apply_options(config or ClipConfig(), {**given, **options})
    if chosen.people != "one" or chosen.split:
        raise InputError("people='all' and split=True give several runs: sfv.clip makes one, the command line all")
    return run_clip(chosen, format_call("clip", video, options))


def estimate(video: str | Path, config: PoseConfig = PoseConfig()) -> Keypoints:  # noqa: B008  frozen
    """Video -> keypoints of one person.

    Raises:
      InputError: the video cannot be used, or shows nobody.
    """
    with bar("estimate") as progress:
        return estimate_keypoints(Path(video), config, progress)


def reconstruct(
    keypoints: Keypoints,
    character: str | Character = "humanoid",
    config: ReconstructConfig = ReconstructConfig(),  # noqa: B008  frozen
    objects: Sequence[SceneObject] | None = None,
) -> Reconstruction:
    """Keypoints -> the motion of a body built as a person (`.motion`), the camera and how good both are (`.metrics`).

    What carries the person is found (`.objects`): a slope, things that stand, a box that is pushed. The motion is made
    for them, so it is tracked and learnt in `sfv.make_found_scene(objects)`; on level ground alone it hangs in the air.

    Args:
      keypoints: of one person.
      character: by name, or a `Character`.
      config: weights and options.
      objects: things or the slope, if they are known, in the world of the motion; `()` for level ground alone.

    Raises:
      InputError: the clip is too short, the person is hardly seen, or the body is not built as people are.
    """
    body = to_character(character)
    if not same_joints(body, load_character("humanoid")):
        raise InputError(
            f"'{body.name}' is not built as people are: reconstruct a person, then sfv.retarget(motion, '{body.name}')"
        )
    with bar("reconstruct") as progress:
        return reconstruct_motion(keypoints, body, config, progress, objects)


@overload
def retarget(
    skill: ReferenceMotion,
    character: str,
    config: RetargetConfig | None = None,
    *,
    objects: Sequence[SceneObject] = (),
) -> ReferenceMotion: ...


@overload
def retarget(
    skill: Run | str | Path,
    character: str,
    config: RetargetRunConfig | None = None,
    **options: Unpack[SkillOptions],
) -> Run: ...


def retarget(
    skill: ReferenceMotion | Run | str | Path, character: str, config: Any = None, **options: Any
) -> ReferenceMotion | Run:
    """A motion on another body, or the skill of a run learnt by another body.

    What a run is retargeted from is the motion that its source shows, also where the run is one of a retargeted body:
    what is done twice is twice as far from the source. The scene of a `Run` is the new body's, too, unless another is
    given; for a folder it is what the motion shows.

    Args:
      skill: a motion, which is retargeted only; or a run, its folder or its name in runs/, whose skill is learnt.
      character: the new body.
      config: `RetargetConfig` for a motion, `RetargetRunConfig` for a run; every option there is.
      options: of training, for a run; for a motion `objects`, what carries it: without them its ground is level.

    Raises:
      InputError: the run or an option cannot be used, or one of the bodies lacks a landmark that is needed.
      WorkError: training ended against its will; the same call goes on.
    """
    if isinstance(skill, ReferenceMotion):
        slope = find_slope(options.pop("objects", ()))
        if options:
            raise InputError(f"{', '.join(options)}: a motion is retargeted only; train it with sfv.train")
        return retarget_on(skill, load_body(skill), to_character(character), slope, config)[0]
    folder = skill.folder if isinstance(skill, Run) else Path(skill)
    config = replace(config, clip=folder, character=character) if config else RetargetRunConfig(folder, character)
    if isinstance(skill, Run):
        left_out = RetargetRunConfig(folder, character)
        own = choose_own(skill).items()
        options = {name: value for name, value in own if getattr(config, name) == getattr(left_out, name)} | options
    command = format_call("retarget", folder, {"character": character, **options})
    return run_retarget(apply_options(config, options), command)


def choose_own(run: Run) -> dict[str, Any]:
    """The options of retargeting that a run decides: whose motion, if its own is of the source, and the scene.

    What was found in its video is found for the new body, too, and is as large as that needs.
    """
    is_retargeted = "retarget" in run.read_record("2_motion").get("config", {})
    found, scene = load_scene(find_scene_file(run.motion_path).get("scene")), run.scene
    if found and scene.kind == make_found_scene(found).kind:
        scene = Scene("found")
    source = {} if is_retargeted else {"source": run.motion.character}
    return source | {"scene": scene.kind if scene == Scene(scene.kind) else scene}


def track(
    motion: ReferenceMotion | Task,
    scene: str | Scene = "flat",
    config: TrackConfig = TrackConfig(),  # noqa: B008  frozen
) -> Draft:
    """Motion -> draft: the motion as tracking control performs it, without learning, and a verdict on each frame."""
    with bar("track") as progress:
        return track_motion(to_task(motion, scene).drafted, config, progress).draft


def train(
    motion: ReferenceMotion | Task,
    draft: Draft | None = None,
    minutes: float | None = None,
    scene: str | Scene = "flat",
    config: TrainConfig = TrainConfig(),  # noqa: B008  frozen
    out: str | Path | None = None,
    tracker: str | Path | None = None,
) -> Training:
    """Motion -> policy (`.policy`) and what its training took (`.metrics`).

    Args:
      motion: what to learn, which names the body that learns it; or a `Task`, whose scene counts then.
      draft: what to begin from; made first, within the budget, where it is left out and the config wants one.
      minutes: budget of wall-clock time [min], in place of the config's.
      scene: where.
      config: every option there is.
      out: folder of the checkpoints, from which the same call goes on. If left out, it is a temporary one, which stays
        only where training ends without a policy and has left a checkpoint.
      tracker: file of a tracker, for `warm_start="tracker"`; the shipped one, if any, where it is left out.

    Raises:
      InputError: there is no such tracker, or it is for another body.
      WorkError: training ended against its will; the message names the folder, which as `out` lets the same call go on.
    """
    if minutes is not None:
        config = replace(config, minutes=minutes)
    task = to_task(motion, scene)
    file = choose_tracker(None if tracker is None else Path(tracker), config, task.character.name)
    with open_training(out) as folder, bar("train") as progress:
        if file is None:
            return train_policy(task, config, folder, progress, draft)
        return train_from_tracker(task, config.resolve(), folder, draft, load_tracker(file), progress)


@contextmanager
def open_training(out: str | Path | None) -> Iterator[Path]:
    """The folder of a training: `out`, or a temporary one that stays if it is left with an error and a checkpoint."""
    if out is not None:
        yield Path(out)
        return
    folder = Path(tempfile.mkdtemp(prefix="sfv-"))
    try:
        yield folder
    except BaseException as error:
        if any(folder.rglob(CHECKPOINT)):
            error.add_note(f"the last checkpoint is kept: the same call with out='{folder}' goes on from it")
        else:
            shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)


def evaluate(
    policy: Policy,
    motion: ReferenceMotion | Task,
    scene: str | Scene = "flat",
    config: EvaluateConfig = EvaluateConfig(),  # noqa: B008  frozen
) -> Evaluation:
    """Policy -> its metrics over many rollouts (`.metrics`), and one rollout (`.rollout`).

    Raises:
      InputError: the policy is for another body or scene.
    """
    return evaluate_skill(policy, to_task(motion, scene), config)


def complete(picture: str | Path, config: CompleteConfig = CompleteConfig()) -> list[Candidate]:  # noqa: B008  frozen
    """Picture of a person -> motions of known skills that pass through its pose, the most plausible first.

    Raises:
      InputError: the picture shows nobody, or no known skill is near its pose.
    """
    return complete_picture(Path(picture), config)


def new_character(config: NewCharacterConfig) -> Character:
    """Makes a character of a model of one's own, which can be loaded by its name from then on.

    Raises:
      InputError: the model cannot be read, or is no body that could perform what a person does.
    """
    name = choose_folder(config).name
    make_character(config)
    return load_character(name)


def to_character(character: str | Character) -> Character:
    """A body by its name, at its own height; a `Character` remains as it is."""
    return load_character(character) if isinstance(character, str) else character


def to_scene(scene: str | Scene) -> Scene:
    """A scene by its kind; raises `InputError` if there is none of that kind."""
    return (Scene(scene) if isinstance(scene, str) else scene).check()


def load_body(motion: ReferenceMotion) -> Character:
    """The body that a motion is for."""
    return load_character(motion.character, motion.height)


def to_task(motion: ReferenceMotion | Task, scene: str | Scene) -> Task:
    """The task of performing a motion in a scene with the motion's own body; a `Task` remains as it is."""
    return motion if isinstance(motion, Task) else Task(load_body(motion), motion, to_scene(scene))


def apply_options(config: Any, options: Any) -> Any:
    """A config with options put on top, wherever in it their names stand: at the top, in `pose` or in `imitate`.

    Raises:
      InputError: there is no such option.
    """
    for name, value in options.items():
        if name in ("video", "keypoints", "motion", "out", "tracker"):
            value = None if value is None else Path(value)
        elif name == "scene":
            value = to_scene(value)
        groups = [None, *(group for group in ("pose", "imitate") if hasattr(config, group))]
        group = next((g for g in groups if name in _option_names(getattr(config, g) if g else config)), "nowhere")
        if group == "nowhere":
            known = [n for g in groups for n in _option_names(getattr(config, g) if g else config)]
            raise InputError(f"no option '{name}'; there are {', '.join(known)}")
        change = {name: value} if group is None else {group: replace(getattr(config, group), **{name: value})}
        config = replace(config, **change)
    return config


def format_call(function: str, source: Any, options: Any) -> str:
    """A call as a run notes it: `sfv.clip('flip.mp4', minutes=3)`."""
    words = [repr(str(source))] if source is not None else []
    words += [f"{name}={str(value) if isinstance(value, Path) else value!r}" for name, value in options.items()]
    return f"sfv.{function}({', '.join(words)})"


def _option_names(config: Any) -> list[str]:
    return [field.name for field in fields(config)]
