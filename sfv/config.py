"""All options of `clip` and `retarget`, composed from the stages' own."""

from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import OmitArgPrefixes

from imitate.rollout import EvaluateConfig
from imitate.scene.scene import Scene
from imitate.tracking.track import TrackConfig
from imitate.training.config import TrainConfig
from pose.errors import InputError
from pose.estimate import PoseConfig
from reconstruct.formats.options import MotionFileConfig
from reconstruct.guess_legs import UpperBody
from reconstruct.reconstruct import ReconstructConfig
from reconstruct.retargeting.config import RetargetConfig
from sfv.trackers import choose_tracker

USUAL_BODY = "humanoid"
"""Body that is fitted to a person in a video, unless another one is built as it is."""


@dataclass(frozen=True)
class ClipConfig:
    """From a video to a simulated skill."""

    video: Path | None = None
    """The video of a person; without one, a real sample is fetched."""
    keypoints: Path | None = None
    """JSON file, folder or .npy of another detector (OpenPose, RTMPose, AlphaPose ...); VIDEO is then only shown."""
    motion: Path | None = None
    """A motion file to learn instead of a video: .bvh, .npz, .npy, .csv, .trc, .c3d, .amc, .glb and others."""
    # --start, --end and --reconstruct.loop hold for it, too.
    out: Path | None = None
    """Folder of the run; default runs/<name of the video or motion file>."""
    character: str = USUAL_BODY
    """Body that is to perform the skill, a folder in assets/characters."""
    height: float | None = None
    """The person's standing height [m]; default: the humanoid's as far as the film does not show another."""
    upper_body: UpperBody = "no"
    """Guess legs that are out of the picture: they stand in one place, or walk along the path of the hips."""
    people: Literal["one", "all"] = "one"
    """Learn one person's skill, or everybody's: reconstructed in one world and performed in one simulation."""
    split: bool = False
    """Learn every cycle and action of a longer video as a skill of its own, in runs beside each other."""
    anyway: bool = False
    """Train on keypoints and motions that are called poor, too."""
    scene: Scene = field(default_factory=partial(Scene, "found"))
    """Ground that the skill is performed on, found: what the motion shows; --scene KIND is short for --scene.kind."""
    find_box: bool = True
    """Put a box before a motion whose hands push against something; only for --scene found."""
    pose: OmitArgPrefixes[PoseConfig] = field(default_factory=PoseConfig)
    file: OmitArgPrefixes[MotionFileConfig] = field(default_factory=MotionFileConfig)
    reconstruct: ReconstructConfig = field(default_factory=ReconstructConfig)
    track: TrackConfig = field(default_factory=TrackConfig)
    tracker: Path | None = None
    """A tracker, as sfv tracker train makes them, for --warm-start tracker; default the shipped one, if any."""
    imitate: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)

    def finds_height(self, person: str) -> bool:
        """Whether the height of the body with this name, which is fitted to the person, is looked for in the film.

        Other bodies than the usual one, a child's say, have heights of their own, and perform at those.
        """
        return self.height is None and person == USUAL_BODY

    def check(self) -> "ClipConfig":
        """The config itself.

        Raises:
          InputError: an option is out of its range, or has no meaning for what is learnt from.
        """
        self._check_source()
        check_scene(self.scene)
        self.pose.check()
        self.reconstruct.check()
        self.track.check()
        self.imitate.resolve().check()
        choose_tracker(self.tracker, self.imitate, self.character)
        self.evaluate.check()
        return self

    def _check_source(self) -> None:
        """Raises `InputError` for options that would be passed over: a motion file's for a video, and the reverse."""
        if self.motion is not None:
            if self.video is not None or self.keypoints is not None:
                raise InputError("--motion and --video (or --keypoints) exclude each other: give one of them")
            if (given := self._find_for_videos()) is not None:
                raise InputError(f"--{given} is for videos; leave it out with --motion")
            return
        if self.keypoints is None and self.pose.keypoint_order != "auto":
            raise InputError("--keypoint-order is for --keypoints; leave it out without them")
        if self.keypoints is not None and self.pose.model_size != PoseConfig().model_size:
            raise InputError("--model-size is for the search in the video; leave it out with --keypoints")
        if self.keypoints is not None and self.video is None:
            raise InputError(
                "--keypoints needs the video that they were found in, for its frame rate and size: --video"
            )
        given = next(iter(list_changed(self.file, MotionFileConfig())), None)
        if given is not None:
            instead = "; of a video in slow motion say --speed" if given == "fps" else ""
            raise InputError(f"--{given} is for motion files (--motion); leave it out for a video{instead}")

    def _find_for_videos(self) -> str | None:
        """An option that is given and has no meaning for a motion file, without its dashes; None if there is none."""
        pose = replace(self.pose, start=0.0, end=None)
        fit = replace(self.reconstruct, loop="auto")
        given = [name.replace("_", "-") for name in list_changed(pose, PoseConfig())]
        given += ["upper-body"] if self.upper_body != "no" else []
        given += ["camera" if name == "camera" else f"reconstruct.{name}" for name in list_changed(fit, type(fit)())]
        first = next(iter(given), None)
        return "speed (of a motion file: --fps)" if first == "speed" else first


def check_scene(scene: Scene) -> None:
    """Raises `InputError` if an option of a scene is out of its range, or is passed over by a found one."""
    scene.check()
    given = list_changed(scene, Scene("found")) if scene.kind == "found" else []
    if given:
        option = given[0].replace("_", "-")
        raise InputError(
            f"--scene.{option} is not for --scene found, which has what the motion shows; choose a --scene"
        )


def list_changed(config: PoseConfig | ReconstructConfig | MotionFileConfig | Scene, usual: object) -> list[str]:
    """Names of the fields in which a config differs from another one of its kind."""
    return [one.name for one in fields(config) if getattr(config, one.name) != getattr(usual, one.name)]


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
    scene: Scene = field(default_factory=partial(Scene, "found"))
    """Ground that the skill is performed on, found: what the motion shows; --scene KIND is short for --scene.kind."""
    find_box: bool = True
    """Put a box before a motion whose hands push against something; only for --scene found."""
    retarget: RetargetConfig = field(default_factory=RetargetConfig)
    track: TrackConfig = field(default_factory=TrackConfig)
    tracker: Path | None = None
    """A tracker, as sfv tracker train makes them, for --warm-start tracker; default the shipped one, if any."""
    imitate: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)

    def check(self) -> "RetargetRunConfig":
        """The config itself; raises `InputError` if an option is out of its range."""
        check_scene(self.scene)
        self.retarget.check()
        self.track.check()
        self.imitate.resolve().check()
        choose_tracker(self.tracker, self.imitate, self.character)
        self.evaluate.check()
        return self
