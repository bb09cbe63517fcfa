"""`python -m sfv export`: a finished run's motions and policies for other programs, or as a skill to ship."""

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from imitate.export_onnx import write_onnx
from pose.errors import InputError
from reconstruct.characters.character import Character
from reconstruct.formats.write_bvh import write_bvh
from reconstruct.formats.write_csv import write_csv
from reconstruct.formats.write_glb import write_glb
from reconstruct.motion import ReferenceMotion
from sfv.commands.retarget import RetargetRunConfig
from sfv.config import ClipConfig
from sfv.console import console
from sfv.results import Result, results, run_folder
from sfv.skill import ship, skill_of
from sfv.stage import plain

MotionFormat = Literal["glb", "bvh", "csv", "npz"]
Format = Literal["glb", "bvh", "csv", "npz", "onnx"]
WRITERS: dict[MotionFormat, Callable[[ReferenceMotion, Character, Path], None]] = {
    "glb": write_glb,
    "bvh": write_bvh,
    "csv": write_csv,
    "npz": lambda motion, character, path: motion.save(path),
}
UNPREFIXED = ("pose", "imitate")
"""Groups of options whose flags, and those of groups within, stand without the group's name."""


def export(
    clip: Path,
    formats: tuple[Format, ...] = ("glb", "bvh", "csv", "npz", "onnx"),
    out: Path | None = None,
    body: tuple[str, ...] = (),
    skill: str | None = None,
    licence: str | None = None,
    command: str | None = None,
) -> None:
    """Writes the reference, every simulated motion and every policy of a run in other formats; or ships its skill.

    Args:
      clip: the run's folder, or its name in runs/.
      formats: glb (skinned, animated: Blender, three.js), bvh (animation tools), csv (qpos by joint: robots), npz (qpos
        as this program reads it: `clip --motion`), onnx (the policy, with policy.json that says what goes in and out).
      out: folder for the files; default export/ in the run.
      body: results to take, e.g. `atlas humanoid@slope`; default all.
      skill: instead of all that, write the skill to assets/skills under this name, for `python -m sfv play`.
      licence: whose motion the skill is, and under what licence; needed with --skill.
      command: that makes the skill again; default as the run says.

    Raises:
      InputError: there is no such run or result, or a skill without a licence.
    """
    folder = run_folder(clip)
    chosen = [result for result in results(folder) if not body or result.name in body]
    if not chosen:
        raise InputError(f"{folder}: no result of {', '.join(body)}; see {folder / '4_result'}")
    if skill is not None:
        if not licence:
            raise InputError("--skill needs --licence 'TEXT': whose motion it is, and under what licence")
        for result in chosen:
            note_path, note = ship(skill_of(result, folder), skill, licence, command or made_by(folder, result))
            found = note["metrics"]
            console.print(
                f"{note_path.with_suffix('')}.*: {note['weights']}, return {found['normalised_return']:.3f} (before "
                f"{found['normalised_return_in_training_precision']:.3f}), completed {found['completed']:.0%}"
            )
        return
    out = out or folder / "export"
    out.mkdir(parents=True, exist_ok=True)
    for result in chosen:
        for name, motion in {"reference": result.reference, "simulation": result.simulated}.items():
            for kind, write in WRITERS.items():
                if kind in formats:
                    path = out / f"{result.name}_{name}.{kind}"
                    write(motion, result.character, path)
                    console.print(str(path))
        if "onnx" in formats:
            path = out / f"{result.name}_policy.onnx"
            write_onnx(skill_of(result, folder).policy, result.task, path)
            console.print(f"{path}, {path.with_suffix('.json').name}")


def made_by(folder: Path, result: Result) -> str:
    """The commands that make a result of a run again: its options as far as they are not the defaults."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))["config"]
    policy = json.loads((folder / "3_policy" / result.name / "stage.json").read_text(encoding="utf-8"))
    motion = json.loads((folder / "2_motion" / result.reference.character / "stage.json").read_text(encoding="utf-8"))
    learnt = {"imitate": policy["config"]["imitate"] | policy["budget"], "scene": policy["config"]["scene"]}
    if "retarget" not in motion["config"]:
        return "python -m sfv clip" + flags(config | learnt, plain(_resolve(ClipConfig())))
    carried = {"clip": folder.name, "character": result.reference.character, "retarget": motion["config"]["retarget"]}
    default = plain(_resolve(RetargetRunConfig(clip=Path(), character="")))
    first = "python -m sfv clip" + flags(config, plain(_resolve(ClipConfig())))
    return f"{first}; python -m sfv retarget{flags(carried | learnt, default)}"


def _resolve(config: ClipConfig | RetargetRunConfig) -> ClipConfig | RetargetRunConfig:
    """The same with the options of training that a run records."""
    return replace(config, imitate=config.imitate.resolve())


def flags(options: dict[str, Any], default: dict[str, Any], prefix: str = "", bare: bool = False) -> str:
    """Options that differ from the defaults as words of a command line, each with a space before it.

    Args:
      options: by name, groups within groups.
      default: the same of the defaults.
      prefix: of the flags.
      bare: groups within add nothing to it.
    """
    words = ""
    for name, value in options.items():
        if value == default.get(name) or (name == "out" and not prefix):
            continue
        flag = name.replace("_", "-")
        if isinstance(value, dict):
            within = bare or name in UNPREFIXED
            words += flags(value, default.get(name, {}), prefix if within else f"{prefix}{flag}.", within)
        elif isinstance(value, bool):
            words += f" --{prefix}{'' if value else 'no-'}{flag}"
        elif isinstance(value, list):
            words += f" --{prefix}{flag} {' '.join(map(str, value))}"
        elif value is not None:
            # Where a file lies is a matter of this machine; what it is called may help.
            text = Path(value).name if isinstance(value, str) and Path(value).is_absolute() else str(value)
            words += f" --{prefix}{flag} {shlex.quote(text)}"
    return words
