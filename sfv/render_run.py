"""`python -m sfv render`: films of a finished run's motions, at any size."""

from pathlib import Path

from imitate.rollout import Rollout
from pose.errors import InputError
from reconstruct.character import load_character
from reconstruct.motion import ReferenceMotion
from sfv.console import bar, console
from sfv.render import write_preview
from sfv.rundir import find_camera


def render(clip: Path, size: tuple[int, int] = (1280, 720), out: Path | None = None) -> None:
    """Draws the reference and every simulated motion of a run as films of their own.

    Args:
      clip: the run's folder, or its name in runs/.
      size: width and height [px].
      out: folder for the films; default render/ in the run.
    """
    folder = clip if clip.is_dir() else Path("runs") / clip
    if not (folder / "config.json").is_file():
        raise InputError(f"{clip}: no run there; give a folder that `python -m sfv clip` made")
    results = sorted(folder.glob("4_result/*/rollout.npz"))
    if not results:
        raise InputError(f"{folder}: no finished result yet; finish it with `python -m sfv clip`")
    out = out or folder / "render"
    for result in results:
        body = result.parent.name
        motion_folder = folder / "2_motion" / body.split("@")[0]
        motion = ReferenceMotion.load(motion_folder / "motion.npz")
        camera = find_camera(motion_folder)
        character = load_character(motion.character, motion.height)
        simulated = Rollout.load(result).as_motion(motion)
        for name, shown in (("reference", motion), ("simulation", simulated)):
            path = out / f"{body}_{name}.mp4"
            with bar(path.name) as progress:
                write_preview(shown, character, path, camera, size, progress)
            console.print(str(path))
