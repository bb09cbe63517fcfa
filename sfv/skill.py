"""Skills: a reference, the policy that performs it and where; those that are shipped and those of finished runs.

A shipped skill is three files, assets/skills/<skill>/<body>.npz (the reference), .pt (the actor) and .json (licence,
the command that makes it again, metrics), where <body> is a character, or character@scene.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imitate.env.task import Task
from imitate.policy import Policy
from imitate.rollout import EvaluateConfig, evaluate_policy
from imitate.scene.scene import Scene
from pose.errors import InputError
from reconstruct.characters.assets_folder import ASSETS
from reconstruct.characters.character import Character, load_character
from reconstruct.motion import ReferenceMotion
from sfv.results import Result, results, run_folder
from sfv.run_folder import RUNS
from sfv.stage import write_json

SHIPPED = ASSETS / "skills"
LARGEST = 1_000_000
"""Of a shipped skill [bytes]."""
LEAST_LOSS = 0.005
"""A smaller loss of return by rounding the weights to half precision is accepted."""
METRICS = (
    "normalised_return",
    "normalised_return_spread",
    "completed",
    "tracking_mpjpe_mm",
    "foot_slide_mm_per_frame",
)
"""Of a shipped skill, in its note."""


@dataclass(frozen=True)
class Skill:
    """A motion that a body has learnt to perform."""

    name: str
    """Of the skill, e.g. `backflip`; of the run where it is not shipped."""
    body: str
    """Character that has it, or character@scene."""
    reference: ReferenceMotion
    policy_path: Path
    scene: Scene
    metrics: dict[str, Any]
    """Of the evaluation: `normalised_return`, `completed` and more."""
    licence: str | None
    """Whose motion it is and under what licence; None for a run's, which nobody has asked."""

    @property
    def character(self) -> Character:
        """The body itself."""
        return load_character(self.reference.character, self.reference.height)

    @property
    def task(self) -> Task:
        """What has been learnt."""
        return Task(self.character, self.reference, self.scene)

    @property
    def policy(self) -> Policy:
        """The policy, read from its file."""
        return Policy.load(self.policy_path)


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
    for result in results(folder):
        yield skill_of(result, folder)


def skill_of(result: Result, folder: Path) -> Skill:
    """A result of the run in `folder`, with its policy."""
    stage = json.loads((folder / "4_result" / result.name / "stage.json").read_text(encoding="utf-8"))
    return Skill(
        name=folder.resolve().name,
        body=result.name,
        reference=result.reference,
        policy_path=folder / "3_policy" / result.name / "policy.pt",
        scene=result.scene,
        metrics=stage.get("metrics", stage.get("figures", {})),
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
    if not Path(name).is_dir() and not (RUNS / name).is_dir():
        known = ", ".join(dict.fromkeys(skill.name for skill in known_skills())) or "none yet"
        raise InputError(f"no skill '{name}', shipped or in {RUNS}/; there are: {known}")
    return list(run_skills(run_folder(Path(name))))


def ship(skill: Skill, name: str, licence: str, command: str, folder: Path = SHIPPED) -> tuple[Path, dict[str, Any]]:
    """Writes a skill as a shipped one: the actor alone, in half precision where that keeps what it can do.

    Args:
      skill: a finished run's.
      name: that it will have.
      licence: whose motion it is and under what licence.
      command: that makes it again.
      folder: of shipped skills.

    Returns:
      The note that lies beside the files, and what it says.

    Raises:
      InputError: the files would be too large.
    """
    note_path = folder / name / f"{skill.body}.json"
    reference_path, policy_path = note_path.with_suffix(".npz"), note_path.with_suffix(".pt")
    policy, task = skill.policy, skill.task
    skill.reference.save(reference_path)

    def judged(policy: Policy) -> dict[str, float]:
        return evaluate_policy(policy, task, EvaluateConfig()).figures

    before = skill.metrics.get("normalised_return")  # as the run has judged it; a judgement of a cycle takes a minute
    if before is None:
        before = judged(policy)["normalised_return"]
    for half in (True, False):
        policy.save_actor(policy_path, half)
        after = judged(Policy.load(policy_path))
        if after["normalised_return"] >= before - LEAST_LOSS:
            break
    size = reference_path.stat().st_size + policy_path.stat().st_size
    if size > LARGEST:
        reference_path.unlink()
        policy_path.unlink()
        raise InputError(f"{note_path.parent}: {size / 1e6:.1f} MB for '{skill.body}'; at most 1 MB is shipped")
    note = {
        "licence": licence,
        "command": command,
        "scene": skill.scene.settings,
        "weights": "float16" if half else "float32",
        "metrics": {row: round(after[row], 4) for row in METRICS}
        | {"normalised_return_in_training_precision": round(before, 4)}
        | {row: round(skill.metrics[row]) for row in ("samples", "train_seconds", "seed") if row in skill.metrics},
    }
    write_json(note_path, note)
    return note_path, note
