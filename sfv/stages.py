"""The stages of a run, from a video or a motion file to an evaluated policy: what each reads, and how it is made.

Each function describes one stage (`sfv.stage.Stage`); `sfv.pipeline` puts them in order. A maker, `_make_...`, is given
the stage's config and the files that it declares, and nothing else.
"""

import importlib.metadata
import shutil
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from imitate.adapt.adapt import AdaptConfig
from imitate.adapt.evaluation import evaluate_adaptation
from imitate.adapt.in_use import load_performer
from imitate.env.task import Task
from imitate.robustness import evaluate_skill
from imitate.rollout import EvaluateConfig
from imitate.scene.scene import Scene, make_found_scene
from imitate.tracking.feasibility import explain
from imitate.tracking.track import TrackConfig, track_motion
from pose.estimate import FORMAT_VERSION as ESTIMATE_VERSION
from pose.estimate import PoseConfig, estimate_keypoints
from pose.formats.keypoint_json import list_keypoint_files
from pose.keypoints import Keypoints
from reconstruct.characters.character import Character, load_character
from reconstruct.formats.asf_amc import find_asf
from reconstruct.formats.options import MotionFileConfig
from reconstruct.formats.read_motion import Loop, load_motion
from reconstruct.formats.write_bvh import write_bvh
from reconstruct.guess_legs import UpperBody, guess_legs
from reconstruct.lifting.lifter import WEIGHTS
from reconstruct.motion import ReferenceMotion
from reconstruct.reconstruct import ReconstructConfig, reconstruct_motion
from reconstruct.retargeting.config import RetargetConfig
from reconstruct.retargeting.ik_targets import leg_length
from reconstruct.retargeting.retarget_on_slope import retarget_on
from reconstruct.retargeting.retargeting_metrics import compute_retargeting_metrics
from reconstruct.scene_objects import SceneObject, find_slope, save_objects, split_pushed
from sfv.describe_keypoints import describe_keypoints
from sfv.drawing.rendering import make_scenery, write_preview
from sfv.drawing.result_video import Original, SourceFilm, write_result_video
from sfv.motion_files import (
    OF_MOTION,
    SCENE_FILE,
    describe_motion,
    find_scene_file,
    load_camera,
    load_scene,
    retarget_found,
    write_motion,
)
from sfv.other_keypoints import read_other_keypoints
from sfv.stage import Made, Metrics, Stage, StageResult, Work, write_json

ADAPTIVE = "@adaptive"
"""End of the names of what adapts: `humanoid@adaptive`."""
RECONSTRUCT_VERSION = 13
"""Version of the reconstruction: raised whenever the same keypoints give another motion."""
IMPORT_VERSION = 10
"""Version of the readers of motion files: raised whenever the same file gives another motion."""
KEYPOINTS_VERSION = 1005
"""Of reading other detectors' files, counted from 1000: a film's detection is counted apart."""
RETARGET_VERSION = 2
"""Version of retargeting: raised whenever the same motion gives another one on the new body."""
TRACK_VERSION = 6
"""Version of tracking control: raised whenever the same motion gives another draft."""
EVALUATE_VERSION = 4
"""Version of the evaluation: raised whenever the same policy gets other metrics, or another video."""
TIMES = ("train_seconds", "env_steps_per_second", "time_to_skill_seconds", "time_to_skill_cpu_seconds")
"""Metrics of training that differ each time that the same is made; the result repeats them."""
TRAINED = (*TIMES, "samples", "seed", "outlook", "fall_time", "ended_by_itself")
"""What the result repeats of the policy's metrics."""


@dataclass(frozen=True)
class MotionSetting:
    """Whose motion is made."""

    character: str
    height: float
    """Standing height [m]."""

    def load_character(self) -> Character:
        """The body, read from its files."""
        return load_character(self.character, self.height)


@dataclass(frozen=True)
class ReconstructSetting(MotionSetting):
    """How keypoints become a motion of the character, by way of a body of the person's build."""

    person: str
    """Body that is fitted to the person in the video."""
    person_height: float
    reconstruct: ReconstructConfig
    objects: tuple[SceneObject, ...] | None
    """What carries the person, things or a slope; None to find it."""
    upper_body: UpperBody = "no"
    """How legs that were not filmed are guessed."""
    find_height: bool = False
    """The person's height is not known, and to be estimated."""


@dataclass(frozen=True)
class ImportSetting(MotionSetting):
    """Which part of a motion file is taken."""

    start: float
    """First moment [s]."""
    end: float | None
    """Last moment [s]; None for the end of the file."""
    loop: Loop
    file: MotionFileConfig


@dataclass(frozen=True)
class RetargetSetting(MotionSetting):
    """How the motion of one body becomes another's."""

    retarget: RetargetConfig


@dataclass(frozen=True)
class TaskSetting(MotionSetting):
    """Who performs a motion, and where."""

    scene: Scene

    def load_task(self, motion: Path) -> Task:
        """The task of performing a motion."""
        return Task(self.load_character(), ReferenceMotion.load(motion), self.scene)


@dataclass(frozen=True)
class TrackSetting(TaskSetting):
    """How the draft is made."""

    track: TrackConfig


@dataclass(frozen=True)
class EvaluateSetting(TaskSetting):
    """How the policy is evaluated, and what the result repeats of earlier stages."""

    evaluate: EvaluateConfig
    first_frame: int
    """Frame of the keypoints that is the motion's first."""
    earlier: Metrics
    """Metrics of earlier stages that stand in `result.json` as well."""
    adapt: AdaptConfig | None = None
    """What the skill has learnt to adapt to, if it has."""

    @property
    def identity(self) -> dict[str, Any]:
        """All but measured times: an earlier stage that is made again as it was does not make the result again."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return own | {"earlier": {name: value for name, value in self.earlier.items() if name not in TIMES}}


def estimate(video: Path, config: PoseConfig, keypoints: Path | None = None) -> Stage[PoseConfig]:
    """Video -> keypoints, or the keypoints of another detector's file or folder in place of our own."""
    files = list_keypoint_files(keypoints) if keypoints is not None else []
    inputs = {"video": video} | {f"keypoints {path.name}": path for path in files}
    version = ESTIMATE_VERSION if keypoints is None else KEYPOINTS_VERSION
    return Stage("1_pose", version, config, inputs, _make_keypoints)


def reconstruct(
    pose: StageResult,
    character: Character,
    person: Character,
    config: ReconstructConfig,
    objects: tuple[SceneObject, ...] | None = None,
    upper_body: UpperBody = "no",
    find_height: bool = False,
) -> Stage[ReconstructSetting]:
    """Keypoints -> reference motion of the character, and what carries it, unless that is given."""
    inputs = {"keypoints": pose["keypoints.npz"]} | character_files(character)
    if person.name != character.name:
        inputs |= character_files(person, "person")
    if config.depth == "lifter" and WEIGHTS.is_file():  # other weights, and none, give another motion
        inputs["lifter"] = WEIGHTS
    setting = ReconstructSetting(
        character=character.name,
        height=character.height,
        person=person.name,
        person_height=person.height,
        reconstruct=config,
        objects=objects,
        upper_body=upper_body,
        find_height=find_height,
    )
    return Stage(f"2_motion/{character.name}", RECONSTRUCT_VERSION, setting, inputs, _make_motion)


def import_motion(
    motion: Path, character: Character, part: tuple[float, float | None], loop: Loop, file: MotionFileConfig
) -> Stage[ImportSetting]:
    """Motion file -> reference motion of the character, from the part between two moments [s]."""
    setting = ImportSetting(character.name, character.height, start=part[0], end=part[1], loop=loop, file=file)
    inputs = {"motion": motion} | character_files(character)
    if motion.suffix.lower() == ".amc" and motion.is_file():
        inputs["skeleton"] = find_asf(motion)
    return Stage(f"2_motion/{character.name}", IMPORT_VERSION, setting, inputs, _import_motion)


def retarget(
    original: Path, camera: Path | None, source: Character, character: Character, config: RetargetConfig
) -> Stage[RetargetSetting]:
    """Reference motion of `source` -> of `character`; the camera only keeps the side that videos are seen from."""
    inputs = {"motion": original} | ({"camera": camera} if camera else {}) | find_scene_file(original)
    inputs |= character_files(character) | character_files(source, "original")
    setting = RetargetSetting(character.name, character.height, config)
    return Stage(f"2_motion/{character.name}", RETARGET_VERSION, setting, inputs, _retarget_motion)


def track(motion: StageResult, task: Task, config: TrackConfig) -> Stage[TrackSetting]:
    """Reference motion -> draft: the motion as tracking control performs it, with a verdict, before any learning."""
    setting = TrackSetting(task.character.name, task.character.height, task.scene, config)
    inputs = {"motion": motion["motion.npz"]} | motion.find("camera.npz") | character_files(task.character)
    return Stage(f"3_draft/{name_body(task)}", TRACK_VERSION, setting, inputs, _make_draft)


def evaluate(
    motion: StageResult,
    policy: StageResult,
    task: Task,
    config: EvaluateConfig,
    source: StageResult | Path | None,
    adapt: AdaptConfig | None = None,
) -> Stage[EvaluateSetting]:
    """Policy -> rollout, metrics and the result video.

    Args:
      motion: stage of the reference motion.
      policy: stage of the policy.
      task: what is performed, by whom and where.
      config: how it is evaluated.
      source: what the video shows beside the result: the stage of the keypoints, or the motion that was retargeted.
      adapt: what the skill has learnt to adapt to, if it has; its result has a name of its own.
    """
    inputs = {"motion": motion["motion.npz"], "policy": policy["policy.pt"]} | motion.find("camera.npz")
    inputs |= character_files(task.character)
    earlier = {name: policy.metrics[name] for name in TRAINED if name in policy.metrics}
    if isinstance(source, StageResult):
        inputs |= {"keypoints": source["keypoints.npz"], "overlay": source["overlay.mp4"]}
    elif source is not None:
        original = ReferenceMotion.load(source)
        inputs |= {"original": source} | character_files(load_character(original.character), "original")
        inputs |= find_scene_file(source)
    earlier |= {} if isinstance(source, Path) else {name: motion.metrics.get(name) for name in OF_MOTION}
    body, first, ending = task.character, motion.metrics.get("first_frame", 0), ADAPTIVE if adapt else ""
    setting = EvaluateSetting(body.name, body.height, task.scene, config, first, earlier, adapt)
    return Stage(f"4_result/{name_body(task)}{ending}", EVALUATE_VERSION, setting, inputs, _make_result)


def name_body(task: Task) -> str:
    """Name of the folders of what a body learns on a ground: `humanoid`, `humanoid@slope`."""
    name, kind = task.character.name, task.scene.kind
    return name if kind == "flat" else f"{name}@{kind}"


def character_files(character: Character, role: str = "character") -> dict[str, Path]:
    """The body's files as inputs of a stage."""
    return {f"{role} {name}": path for name, path in character.files.items()}


def _make_keypoints(work: Work[PoseConfig]) -> Made:
    video, config = work.inputs["video"], work.config
    files = [path for role, path in work.inputs.items() if role.startswith("keypoints ")]
    if files:
        keypoints, findings = read_other_keypoints(files, video, config)
    else:
        keypoints, findings = estimate_keypoints(video, config, work.progress, work.folder / "people.jpg"), ()
    return describe_keypoints(keypoints, findings, video, work.folder, work.progress)


def _make_motion(work: Work[ReconstructSetting]) -> Made:
    config, character = work.config, work.config.load_character()
    person = character
    if config.person != config.character:
        person = load_character(config.person, config.person_height)
    keypoints = guess_legs(Keypoints.load(work.inputs["keypoints"]), person, config.upper_body, config.reconstruct.fov)
    found = reconstruct_motion(
        keypoints, person, config.reconstruct, work.progress, config.objects, find_height=config.find_height
    )
    fitted = load_character(person.name, found.motion.height)
    if person is not character:
        found = retarget_found(found, fitted, character)
    return describe_motion(found, load_character(config.character, found.motion.height), work.folder, work.progress)


def _import_motion(work: Work[ImportSetting]) -> Made:
    config, character = work.config, work.config.load_character()
    found = load_motion(
        work.inputs["motion"], character, start=config.start, end=config.end, loop=config.loop, config=config.file
    )
    length = write_motion(found.motion, character, None, work.folder, progress=work.progress)
    metrics = {"loop": found.motion.loop, "findings": [asdict(finding) for finding in found.findings]}
    return Made(f"{length}, {found.summary}", metrics)


def _retarget_motion(work: Work[RetargetSetting]) -> Made:
    original, character = ReferenceMotion.load(work.inputs["motion"]), work.config.load_character()
    source = load_character(original.character, original.height)
    things = load_scene(work.inputs.get("scene"))
    motion, found = retarget_on(original, source, character, find_slope(things), work.config.retarget)
    if "camera" in work.inputs:
        shutil.copy(work.inputs["camera"], work.folder / "camera.npz")
    shown = tuple(thing.scale(leg_length(character) / leg_length(source)) for thing in things)
    save_objects(shown, work.folder / SCENE_FILE)
    write_motion(motion, character, load_camera(work.inputs.get("camera")), work.folder, shown, work.progress)
    metrics = compute_retargeting_metrics(found, character) | {"loop": motion.loop}
    summary = (
        f"{len(motion)} frames retargeted from {source.name}; ankles off by {metrics['ankle_error_mm']:.0f} mm, "
        f"feet slide {metrics['foot_slide_mm_per_frame']:.1f} mm/frame"
    )
    return Made(summary, metrics)


def _make_draft(work: Work[TrackSetting]) -> Made:
    task = work.config.load_task(work.inputs["motion"]).drafted
    tracking = track_motion(task, work.config.track, work.progress)
    draft, metrics = tracking.draft, tracking.metrics
    draft.save(work.folder / "draft.npz")
    simulated, camera = draft.rollout.as_motion(task.motion), load_camera(work.inputs.get("camera"))
    write_bvh(simulated, task.character, work.folder / "draft.bvh")
    backdrop, film = make_scenery(task), work.folder / "draft.mp4"
    shown = draft.rollout.as_motion(task.motion, with_box=True)
    write_preview(shown, task.character, film, camera, backdrop=backdrop, ground=task.ground)
    problems = explain(draft.verdict, draft.rollout.fps)
    end = "to the end" if metrics["draft_completed"] else f"until a fall after {draft.rollout.duration:.2f} s"
    share = f"{metrics['feasible']:.0%} of the frames followed"
    summary = f"performed by tracking control {end}, return {metrics['draft_return']:.3f}, {share}"
    if problems:
        summary += f"; worst: {problems[0]}"
    return Made(summary, {**metrics, "problems": problems})


def _make_result(work: Work[EvaluateSetting]) -> Made:
    config, task = work.config, work.config.load_task(work.inputs["motion"])
    policy = load_performer(work.inputs["policy"])
    evaluation, adapted = evaluate_skill(policy, task, config.evaluate), dict[str, float]()
    if config.adapt:
        trials, seconds = config.adapt.trials, config.evaluate.loop_seconds
        adapted = evaluate_adaptation(policy, task, config.adapt.dynamics, trials, seconds)
    evaluation.rollout.save(work.folder / "rollout.npz")
    write_bvh(evaluation.rollout.as_motion(task.motion), task.character, work.folder / "rollout.bvh")
    out, source = work.folder / "side_by_side.mp4", _read_source(work)
    write_result_video(task, evaluation.rollout, source, out, work.progress)
    versions = {name: importlib.metadata.version(name) for name in ("mujoco", "torch", "mediapipe", "scipy")}
    metrics = {**evaluation.metrics, **adapted, **config.earlier, "versions": versions}
    write_json(work.folder / "result.json", metrics)
    varied = f"; in varied dynamics {adapted['adapt_success']:.0%} do not fall" if adapted else ""
    summary = f"normalised return {metrics['normalised_return']:.3f}, completed {metrics['completed']:.0%}{varied}"
    return Made(summary, metrics)


def _read_source(work: Work[EvaluateSetting]) -> SourceFilm | Original | None:
    """What the result video shows beside the result."""
    inputs, camera = work.inputs, load_camera(work.inputs.get("camera"))
    if "original" in inputs:
        original = ReferenceMotion.load(inputs["original"])
        scene = make_found_scene(split_pushed(load_scene(inputs.get("scene")))[0])
        return Original(Task(load_character(original.character, original.height), original, scene), camera)
    if camera is None or "overlay" not in inputs:
        return None
    objects = work.config.scene.objects
    return SourceFilm(inputs["overlay"], Keypoints.load(inputs["keypoints"]), camera, work.config.first_frame, objects)
