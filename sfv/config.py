"""All options of `clip` and `retarget`, composed from the stages' own."""

from dataclasses import dataclass, field, fields
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
from reconstruct.retargeting import RetargetConfig


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
    character: str = "humanoid"
    """Body that is to perform the skill, a folder in assets/characters."""
    height: float | None = None
    """The person's standing height [m]; default: the character's own."""
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
    imitate: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)

    def check(self) -> "ClipConfig":
        """The config itself.

        Raises:
          InputError: an option is out of its range, or has no meaning for what is learnt from.
        """
        self._check_source()
        self.scene.check()
        self.pose.check()
        self.reconstruct.check()
        self.track.check()
        self.imitate.resolve().check()
        self.evaluate.check()
        return self

    def _check_source(self) -> None:
        """Raises `InputError` for options that would be passed over: a motion file's for a video, and the reverse."""
        if self.motion is not None:
            if self.video is not None or self.keypoints is not None:
                raise InputError("--motion and --video (or --keypoints) exclude each other: give one of them")
            for_videos = {
                "speed (of a motion file: --fps)": self.pose.speed is not None,
                "person": self.pose.person != "",
                "rotate": self.pose.rotate != 0,
                "upper-body": self.upper_body != "no",
            }
            given = next((option for option, is_given in for_videos.items() if is_given), None)
            if given is not None:
                raise InputError(f"--{given} is for videos; leave it out with --motion")
            return
        if self.keypoints is not None and self.video is None:
            raise InputError(
                "--keypoints needs the video that they were found in, for its frame rate and size: --video"
            )
        usual = MotionFileConfig()
        given = next((o.name for o in fields(usual) if getattr(self.file, o.name) != getattr(usual, o.name)), None)
        if given is not None:
            instead = "; of a video in slow motion say --speed" if given == "fps" else ""
            raise InputError(f"--{given} is for motion files (--motion); leave it out for a video{instead}")


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
    imitate: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)

    def check(self) -> "RetargetRunConfig":
        """The config itself; raises `InputError` if an option is out of its range."""
        self.scene.check()
        self.retarget.check()
        self.track.check()
        self.imitate.resolve().check()
        self.evaluate.check()
        return self
