"""`python -m sfv export`: a finished run's motions for other programs."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from reconstruct.character import Character
from reconstruct.export import write_bvh, write_csv
from reconstruct.export_glb import write_glb
from reconstruct.motion import ReferenceMotion
from sfv.console import console
from sfv.finished import results, run_folder

Format = Literal["glb", "bvh", "csv", "npz"]
WRITERS: dict[Format, Callable[[ReferenceMotion, Character, Path], None]] = {
    "glb": write_glb,
    "bvh": write_bvh,
    "csv": write_csv,
    "npz": lambda motion, character, path: motion.save(path),
}


def export(clip: Path, formats: tuple[Format, ...] = ("glb", "bvh", "csv", "npz"), out: Path | None = None) -> None:
    """Writes the reference and every simulated motion of a run in other formats, with root motion.

    Args:
      clip: the run's folder, or its name in runs/.
      formats: glb (skinned, animated: Blender, three.js), bvh (animation tools), csv (qpos by joint: robots), npz (qpos
        as this program reads it: `clip --motion`).
      out: folder for the files; default export/ in the run.
    """
    folder = run_folder(clip)
    out = out or folder / "export"
    out.mkdir(parents=True, exist_ok=True)
    for result in results(folder):
        for name, motion in {"reference": result.reference, "simulation": result.simulated}.items():
            for kind in formats:
                path = out / f"{result.name}_{name}.{kind}"
                WRITERS[kind](motion, result.character, path)
                console.print(str(path))
