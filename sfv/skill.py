"""Skills: a reference, the policy that performs it and where; those that are shipped and those of finished runs.

A shipped skill is three files, assets/skills/<skill>/<body>.npz (the reference), .pt (the actor) and .json (licence,
the command that makes it again, metrics), where <body> is a character, or character@scene.
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from imitate.adapt.in_use import load_performer
from imitate.env.task import Task
from imitate.policy import Performer, Policy
from imitate.rollout import EvaluateConfig, evaluate_policy
from imitate.scene.scene import Scene
from pose.errors import InputError
from reconstruct.characters.assets_folder import ASSETS
from reconstruct.characters.character import Character, load_character
from reconstruct.motion import ReferenceMotion
from sfv.library import library_skills
from sfv.run import Run, find_results, find_run_folder
from sfv.run_folder import RUNS
from sfv.stage import write_json
from sfv.stages import ADAPTIVE

SHIPPED = ASSETS / "skills"
LARGEST = 1_000_000
"""Largest size of a shipped skill's files [bytes]."""
LEAST_LOSS = 0.005
"""A smaller loss of return by rounding the weights to half precision is accepted."""
METRICS = (
    "normalised_return",
    "normalised_return_spread",
    "completed",
    "tracking_mpjpe_mm",
    "foot_slide_mm_per_frame",
    "adapt_success",
    "push_survival",
)
"""Metrics that stand in the note of a shipped skill."""


@dataclass(frozen=True)
class Skill:
    """A motion that a body has learnt to perform."""

    name: str
    """Name of the skill, e.g. `backflip`; of the run where it is not shipped."""
    body: str
    """Character that has it, or character@scene."""
    reference: ReferenceMotion
    policy_path: Path
    scene: Scene
    metrics: dict[str, Any]
    """Metrics of the evaluation: `normalised_return`, `completed` and more."""
    licence: str | None
    """Whose motion it is and under what licence; None for a run's own."""

    @property
    def character(self) -> Character:
        """The body itself."""
        return load_character(self.reference.character, self.reference.height)

    @property
    def task(self) -> Task:
        """What has been learnt."""
        return Task(self.character, self.reference, self.scene)

    @property
    def policy(self) -> Performer:
        """The policy, read from its file."""
        return load_performer(self.policy_path)

    @property
    def performer(self) -> Performer:
        """What performs it: its policy."""
        return self.policy

    @property
    def plain_policy(self) -> Policy:
        """The policy of a skill that does not adapt.

        Raises:
          InputError: it does.
        """
        policy = self.policy
        if not isinstance(policy, Policy):
            raise InputError(f"'{self.name}' adapts to what it feels, which only sfv play and sfv export can do yet")
        return policy

    @property
    def adaptive(self) -> bool:
        """It adapts to its load, its strength and the ground."""
        return self.body.endswith(ADAPTIVE)


def shipped_skills(folder: Path = SHIPPED) -> Iterator[Skill]:
    """The skills that come with the program, by name and body."""
    for note_path in sorted(folder.glob("*/*.json")):
        note = json.loads(note_path.read_text(encoding="utf-8"))
        yield Skill(
            name=note_path.parent.name,
            body=note_path.stem,
            reference=ReferenceMotion.load(note_path.with_suffix(".npz")),
            policy_path=note_path.with_suffix(".pt"),
            scene=Scene(**note["scene"]),
            metrics=note["metrics"],
            licence=note["licence"],
        )


def run_skills(folder: Path) -> Iterator[Skill]:
    """The skills of a finished run.

    Raises:
      InputError: it has no result yet, or its files are damaged.
    """
    for run in find_results(folder):
        yield to_skill(run)


def to_skill(run: Run) -> Skill:
    """A result of a run as a skill, with its policy."""
    return Skill(
        name=run.folder.resolve().name,
        body=run.body,
        reference=run.motion,
        policy_path=run.policy_path,
        scene=run.scene,
        metrics=run.metrics,
        licence=None,
    )


def known_skills(runs: Path = RUNS) -> Iterator[Skill]:
    """Every skill there is: the shipped ones, then those of the runs; runs without a result are passed over."""
    yield from shipped_skills()
    for config in sorted(runs.glob("*/config.json")):
        try:
            yield from run_skills(config.parent)
        except InputError:
            continue


def skills_named(name: str) -> list[Skill]:
    """The skills of that name: shipped ones, else those of the run of that name or in that folder.

    Raises:
      InputError: there are none.
    """
    found = [skill for skill in shipped_skills() if skill.name == name]
    if found:
        return found
    if not is_run(name):
        listed = [skill.name for skill in library_skills()]
        if name in listed:
            raise InputError(
                f"'{name}' is of the library, without a policy: only sfv play, alone, and sfv complete perform it"
            )
        known = ", ".join(dict.fromkeys(skill.name for skill in known_skills())) or "none yet"
        nearest = get_close_matches(name, listed, 5, 0.3) or listed[:5]
        alone = f"; for sfv play alone {len(listed)}, such as {', '.join(nearest)}" if listed else ""
        raise InputError(f"no skill '{name}', shipped or in {RUNS}/; there are: {known}{alone}")
    return list(run_skills(find_run_folder(Path(name))))


def is_run(name: str) -> bool:
    """Whether a name is a folder's or a run's: that comes before a skill of the library of the same name."""
    return Path(name).is_dir() or (RUNS / name).is_dir()


def ship(skill: Skill, name: str, licence: str, command: str, folder: Path = SHIPPED) -> tuple[Path, dict[str, Any]]:
    """Writes a skill as a shipped one: the actor alone, in half precision where that keeps what it can do.

    Args:
      skill: a finished run's.
      name: that it will have.
      licence: whose motion it is and under what licence.
      command: that makes it again.
      folder: of shipped skills.

    Returns:
      The note that lies next to the files, and what it says.

    Raises:
      InputError: the files would be too large.
    """
    note_path = folder / name / f"{skill.body}.json"
    reference_path, policy_path = note_path.with_suffix(".npz"), note_path.with_suffix(".pt")
    policy, task = skill.policy, skill.task
    skill.reference.save(reference_path)

    def evaluate(policy: Performer) -> dict[str, float]:
        return evaluate_policy(policy, task, EvaluateConfig()).metrics

    before = skill.metrics.get("normalised_return")  # as the run has it: evaluating a cycle takes a minute
    if before is None:
        before = evaluate(policy)["normalised_return"]
    for half in (True, False):
        policy.save_actor(policy_path, half)
        after = evaluate(load_performer(policy_path))
        if after["normalised_return"] >= before - LEAST_LOSS:
            break
    size = reference_path.stat().st_size + policy_path.stat().st_size
    if size > LARGEST:
        reference_path.unlink()
        policy_path.unlink()
        raise InputError(f"{note_path.parent}: {size / 1e6:.1f} MB for '{skill.body}'; at most 1 MB is shipped")
    known = skill.metrics | after
    note = {
        "licence": licence,
        "command": command,
        "scene": skill.scene.settings,
        "weights": "float16" if half else "float32",
        "metrics": {row: round(known[row], 4) for row in METRICS if row in known}
        | {"normalised_return_in_training_precision": round(before, 4)}
        | {row: round(skill.metrics[row]) for row in ("samples", "train_seconds", "seed") if row in skill.metrics},
    }
    write_json(note_path, note)
    return note_path, note


def to_shareable(command: str) -> str:
    """A noted command for others: without this machine's paths, of which the names remain, and without --out."""
    return " && ".join(_without_paths(part) for part in command.split(" && "))


def _without_paths(command: str) -> str:
    if command.startswith("sfv."):  # a call from Python: paths are whole strings
        return re.sub(r"'(?:/|\w:)[^']*?([^'/\\]+)'", r"'\1'", command)
    words: list[str] = []
    dropped = False
    for word in shlex.split(command):
        flag, equals, value = word.partition("=")
        if dropped or flag == "--out":
            dropped = word == "--out"
            continue
        if not equals:
            flag, value = "", word
        words.append(flag + equals + (Path(value).name if Path(value).is_absolute() else value))
    return shlex.join(words)
