"""How long keypoints and motion of a long video will take on this machine, measured on a few seconds of it."""

import math
import time
from dataclasses import dataclass, replace
from itertools import islice, repeat
from pathlib import Path
from tempfile import TemporaryDirectory

from pose.blazepose import QUEUED_PER_WORKER, BlazePose
from pose.errors import InputError
from pose.estimate import estimate_keypoints_with
from pose.people.person import PointInVideo, parse_person
from pose.progress import Progress
from pose.video import probe, read_frames
from pose.weights import find_or_fetch
from reconstruct.characters.character import Character
from sfv import stages
from sfv.config import ClipConfig
from sfv.console import bar, console
from sfv.stage import StageResult, Work, is_done

LONG = 60.0
"""Length of the part of a video from which its time is forecast [s]."""
EXCERPT = 6.0
"""Length of what is measured, in the middle of that part [s]."""


@dataclass(frozen=True)
class Forecast:
    """How long a video will take, if the machine stays as busy as it is."""

    length: float
    """Of the part of the video that is used [s]."""
    start: float
    """Time until the first image is searched [s]."""
    pose: float
    """Time of each second of the video for its keypoints, and for the film that shows them [s]."""
    motion: float
    """The same for the motion, and for the film that shows it [s]."""

    @property
    def pose_seconds(self) -> float:
        """Time of the keypoints [s]."""
        return self.start + self.length * self.pose

    @property
    def motion_seconds(self) -> float:
        """Time of the motion [s]."""
        return self.length * self.motion

    def describe(self) -> str:
        """One line for the user."""
        pose, motion = (math.ceil(seconds / 60.0) for seconds in (self.pose_seconds, self.motion_seconds))
        return (
            f"a long video, {self.length / 60.0:.1f} minutes: its keypoints will take about {pose} minutes and its "
            f"motion {motion} on this machine, as {EXCERPT:g} s of it did; --start and --end take a part"
        )


def announce(folder: Path, config: ClipConfig, character: Character, person: Character) -> None:
    """Prints how long a long video will take, before anything of it is made.

    Args:
      folder: of the run; nothing is measured once its keypoints are there.
      config: of the run, with a video.
      character: who performs the skill.
      person: body that is fitted to the person in the video.
    """
    assert config.video is not None
    if find_length(config) < LONG or is_done(folder, stages.estimate(config.video, config.pose)):
        return
    try:
        with bar("forecast") as progress:
            found = forecast(config, character, person, progress)
    except InputError as error:  # it may be its middle alone that cannot be used
        console.print(f"  [dim]a long video; its time cannot be forecast by its middle: {error}[/dim]", soft_wrap=True)
        return
    console.print(f"  {found.describe()}", soft_wrap=True)


def find_length(config: ClipConfig) -> float:
    """Length of the part of the video that is used [s]."""
    assert config.video is not None
    duration = probe(config.video).duration
    return max(0.0, min(duration, config.pose.end or duration) - config.pose.start)


def forecast(config: ClipConfig, character: Character, person: Character, progress: Progress) -> Forecast:
    """Makes keypoints and motion of the video's middle as a run does, and multiplies.

    Exact where the film is like its middle. Of a film of several shots only one is followed: it takes less.

    Args:
      config: of the run, with a video.
      character: who performs the skill.
      person: body that is fitted to the person in the video.
      progress: called while that is done.

    Raises:
      InputError: the middle of the video cannot be used.
    """
    video, length = config.video, find_length(config)
    assert video is not None
    share = min(EXCERPT, length)
    start = config.pose.start + 0.5 * (length - share)
    part = replace(config.pose, start=start, end=start + share, min_frames=1)
    if isinstance(parse_person(part.person), PointInVideo):  # somewhere else
        part = replace(part, person="")
    began = time.monotonic()
    bundle = find_or_fetch(None, part.model_size, progress)
    with BlazePose(bundle, workers=part.processes) as estimator, TemporaryDirectory(prefix="sfv") as temporary:
        folder = Path(temporary)
        _, image = next(read_frames(video, start))
        progress(0, 3, "starting")
        for _ in estimator.detect(islice(repeat(image), QUEUED_PER_WORKER * estimator.workers)):
            pass
        times = [time.monotonic()]
        progress(1, 3, "keypoints of the middle")
        keypoints = estimate_keypoints_with(estimator, video, probe(video), part)
        stages.describe_keypoints(keypoints, (), video, folder)
        times.append(time.monotonic())
        progress(2, 3, "motion of the middle")
        pose = StageResult(folder, "", {}, 0.0)
        objects = () if config.scene.kind != "found" else None
        motion = stages.reconstruct(
            pose, character, person, config.reconstruct, objects, config.upper_body, config.finds_height(person.name)
        )
        motion.make(Work(motion.config, motion.inputs, folder, lambda done, total, note="": None))
        times.append(time.monotonic())
    return Forecast(length, times[0] - began, (times[1] - times[0]) / share, (times[2] - times[1]) / share)
