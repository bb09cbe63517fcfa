"""`python -m sfv export`: a finished run's motions and policies for other programs, or as a skill to ship."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from imitate.adapt.export import write_adaptive_onnx
from imitate.adapt.in_use import AdaptingPolicy
from imitate.export_onnx import write_onnx
from imitate.policy import Policy
from pose.errors import InputError
from reconstruct.characters.character import Character
from reconstruct.formats.write_amass import write_amass
from reconstruct.formats.write_bvh import write_bvh
from reconstruct.formats.write_csv import write_csv
from reconstruct.formats.write_glb import write_glb
from reconstruct.formats.write_trc import write_trc
from reconstruct.motion import ReferenceMotion
from sfv.console import console
from sfv.run import Run, find_results, find_run_folder
from sfv.skill import ship, to_shareable, to_skill

MotionFormat = Literal["glb", "bvh", "csv", "npz", "trc", "amass"]
Format = Literal["glb", "bvh", "csv", "npz", "trc", "amass", "onnx"]
WRITERS: dict[str, Callable[[ReferenceMotion, Character, Path], None]] = {
    "bvh": write_bvh,
    "csv": write_csv,
    "npz": lambda motion, character, path: motion.save(path),
    "trc": write_trc,
    "amass": write_amass,
}
SUFFIXES = {"amass": "_amass.npz"}
"""Ends of the file names that are not the format's name."""


def export(
    clip: Path,
    formats: tuple[Format, ...] = ("glb", "bvh", "csv", "npz", "trc", "amass", "onnx"),
    out: Path | None = None,
    body: tuple[str, ...] = (),
    skill: str | None = None,
    licence: str | None = None,
    command: str | None = None,
) -> None:
    """Writes the reference, every simulated motion and every policy of a run in other formats; or ships its skill.

    Args:
      clip: the run's folder, or its name in runs/.
      formats: glb (skinned), bvh, csv (qpos by joint), npz (for `clip --motion`), trc (OpenSim), amass (SMPL angles),
        onnx (the policy, described in policy.json).
      out: folder for the files; default export/ in the run.
      body: results to take, e.g. `atlas humanoid@slope`; default all.
      skill: instead of all that, write the skill to assets/skills under this name, for `python -m sfv play`.
      licence: whose motion the skill is, and under what licence; needed with --skill.
      command: command that makes the skill again; default: the one noted in the run.

    Raises:
      InputError: there is no such run or result, or a skill without a licence.
    """
    folder = find_run_folder(clip)
    chosen = [run for run in find_results(folder) if not body or run.body in body]
    if not chosen:
        raise InputError(f"{folder}: no result of {', '.join(body)}; see {folder / '4_result'}")
    if skill is not None:
        if not licence:
            raise InputError("--skill needs --licence 'TEXT': whose motion it is, and under what licence")
        if not re.fullmatch(r"\w[\w-]*", skill):
            raise InputError(f"--skill {skill}: give a name of letters, digits, _ and -, such as front_flip")
        for run in chosen:
            ship_run(run, skill, licence, command)
        return
    out = out or folder / "export"
    out.mkdir(parents=True, exist_ok=True)
    for run in chosen:
        write_formats(run, formats, out)


def write_formats(run: Run, formats: tuple[Format, ...], out: Path) -> None:
    """Writes the motions and the policy of a result into the folder `out`."""
    for name, motion in {"reference": run.motion, "simulation": run.rollout.as_motion(run.motion)}.items():
        for kind in get_args(MotionFormat):
            if kind in formats:
                path = out / f"{run.body}_{name}{SUFFIXES.get(kind, f'.{kind}')}"
                if kind == "glb":
                    write_glb(motion, run.character, path, run.scene.objects)
                else:
                    WRITERS[kind](motion, run.character, path)
                console.print(str(path))
    if "onnx" in formats:
        path = out / f"{run.body}_policy.onnx"
        write_policy(run, path)
        console.print(f"{path}, {path.with_suffix('.json').name}")


def write_policy(run: Run, path: Path) -> None:
    """Writes a policy as ONNX; one that adapts as two files."""
    policy = run.policy
    if isinstance(policy, AdaptingPolicy):
        write_adaptive_onnx(policy, run.task, path)
    elif isinstance(policy, Policy):
        write_onnx(policy, run.task, path)


def ship_run(run: Run, skill: str, licence: str, command: str | None) -> None:
    """Writes a result as a shipped skill.

    Raises:
      InputError: the files would be too large, or nothing says which command made the run.
    """
    made_by = command or run.command
    if made_by is None:
        raise InputError(f"{run.folder}: does not say which command made it; give --command 'TEXT'")
    note_path, note = ship(to_skill(run), skill, licence, command or to_shareable(made_by))
    found = note["metrics"]
    console.print(
        f"{note_path.with_suffix('')}.*: {note['weights']}, return {found['normalised_return']:.3f} (before "
        f"{found['normalised_return_in_training_precision']:.3f}), completed {found['completed']:.0%}"
    )
