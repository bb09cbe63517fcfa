"""What a finished run holds: its motion, policy, rollout, metrics and report, read from its folder when asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from imitate.adapt.in_use import load_performer
from imitate.env.task import Task
from imitate.policy import Performer
from imitate.rollout import Rollout
from imitate.scene.scene import Scene
from imitate.tracking.draft import Draft
from pose.errors import InputError
from pose.foreign_files import read_table, refuse_damaged
from reconstruct.camera import Camera
from reconstruct.characters.character import Character, load_character
from reconstruct.motion import ReferenceMotion
from sfv.motion_files import load_camera
from sfv.run_folder import RUNS
from sfv.stage import Metrics, list_finished

AGAIN = "the command that made the run makes it again"


@dataclass(frozen=True)
class Run:
    """One body's result on one ground in a run's folder. Each property reads its file at the first use.

    Every property raises `InputError` if its file is missing or damaged.
    """

    folder: Path
    """The run's folder, e.g. `runs/flip`."""
    body: str
    """Name of the result in it: a character, or character@scene."""

    @cached_property
    def motion(self) -> ReferenceMotion:
        """The reference motion, the character's own."""
        return ReferenceMotion.load(self.motion_path)

    @cached_property
    def character(self) -> Character:
        """The body."""
        return load_character(self.motion.character, self.motion.height)

    @cached_property
    def scene(self) -> Scene:
        """The ground, and the box if there is one."""
        known, path = {field.name for field in fields(Scene)}, self.folder / "4_result" / self.body / "stage.json"
        with refuse_damaged(path, "a run's note", AGAIN):
            recorded = self.read_record("4_result")["config"]["scene"]
            return Scene(**{name: value for name, value in recorded.items() if name in known}).check()

    @cached_property
    def task(self) -> Task:
        """What was learnt, by whom and where."""
        width, path = self.character.model.nq, self.motion_path
        if self.motion.qpos.shape[1] != width:
            raise InputError(
                f"{path}: {self.motion.qpos.shape[1]} coordinates, {self.character.name} has {width}; {AGAIN}"
            )
        return Task(self.character, self.motion, self.scene)

    @cached_property
    def camera(self) -> Camera | None:
        """The camera that the video was filmed with; None where the motion came as a file."""
        return load_camera(self._motion_folder / "camera.npz")

    @cached_property
    def draft(self) -> Draft:
        """The motion as tracking control performs it."""
        return Draft.load(self.folder / "3_draft" / self.body / "draft.npz")

    @property
    def motion_path(self) -> Path:
        """File of the reference motion."""
        return self._motion_folder / "motion.npz"

    @property
    def policy_path(self) -> Path:
        """File of the policy."""
        return self.folder / "3_policy" / self.body / "policy.pt"

    @cached_property
    def policy(self) -> Performer:
        """The policy with the best return by the evaluations during training."""
        return load_performer(self.policy_path)

    @cached_property
    def rollout(self) -> Rollout:
        """The policy's performance in simulation, from the first frame on and without noise."""
        return Rollout.load(self.folder / "4_result" / self.body / "rollout.npz")

    @cached_property
    def metrics(self) -> Metrics:
        """The rows of `result.json`: `normalised_return`, `completed` and more."""
        return read_record(self.folder / "4_result" / self.body / "result.json")

    @property
    def video(self) -> Path:
        """The video | reference | simulation."""
        return self.folder / "4_result" / self.body / "side_by_side.mp4"

    @property
    def report(self) -> Path:
        """The page to look at; a retargeted body has its own."""
        own = self.folder / f"report_{self.body}.html"
        return own if own.is_file() else self.folder / "report.html"

    @property
    def command(self) -> str | None:
        """What was typed or called to get this result; None where the run does not say."""
        own = self.read_record("4_result").get("command")
        motion = self.read_record("2_motion")
        if "retarget" not in motion.get("config", {}) or own is None:
            return own
        first = read_record(self.folder / "config.json").get("command")
        return None if first is None else f"{first} && {own}"

    def read_record(self, stage: str) -> dict[str, Any]:
        """The `stage.json` of a stage of this result, e.g. of `4_result`."""
        folder = self._motion_folder if stage == "2_motion" else self.folder / stage / self.body
        return read_record(folder / "stage.json")

    @property
    def _motion_folder(self) -> Path:
        return self.folder / "2_motion" / self.body.split("@")[0]


def find_run_folder(clip: Path) -> Path:
    """The folder of a run that is given by its folder or by its name in runs/.

    Raises:
      InputError: there is no run.
    """
    folder = clip if clip.is_dir() else RUNS / clip
    if not (folder / "config.json").is_file():
        raise InputError(f"{clip}: no run there; give a folder that `python -m sfv clip` made")
    return folder


def find_results(folder: Path) -> Iterator[Run]:
    """Every finished result in a run's folder, by name.

    Raises:
      InputError: there is none yet.
    """
    found = list_finished(folder / "4_result", "rollout.npz")
    if not found:
        refuse_people(folder)
        raise InputError(f"{folder}: no finished result yet; finish it with `python -m sfv clip`")
    for result in found:
        yield Run(folder, result.name)


def refuse_people(folder: Path) -> None:
    """Raises `InputError` for a run of several people, where one of theirs is meant."""
    if people := sorted(folder.glob("person*/config.json")):
        known = ", ".join(str(path.parent) for path in people)
        raise InputError(f"{folder}: holds the runs of several people; give one of {known}")


def read_record(path: Path) -> dict[str, Any]:
    """A note in JSON that a run left.

    Raises:
      InputError: it is missing or damaged.
    """
    if not path.is_file():
        raise InputError(f"{path}: missing; {AGAIN}")
    return read_table(path, "a run's note", AGAIN)
