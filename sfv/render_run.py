"""`python -m sfv render`: films of a finished run's motions, at any size."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from imitate.rollout import Rollout
from imitate.scene import Scene
from pose.errors import InputError
from reconstruct.character import load_character
from reconstruct.motion import ReferenceMotion
from sfv.console import bar, console
from sfv.render import scenery, write_preview
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
        stage = json.loads((result.parent / "stage.json").read_text(encoding="utf-8"))
        scene, rollout = Scene(**stage["config"]["scene"]), Rollout.load(result)
        simulated = rollout.as_motion(motion)
        if scene.has_box:
            simulated = replace(simulated, qpos=np.concatenate([simulated.qpos, rollout.box_qpos], axis=1))
        grounds = {"reference": (motion, Scene()), "simulation": (simulated, scene)}
        for name, (shown, where) in grounds.items():
            path = out / f"{body}_{name}.mp4"
            backdrop, ground = scenery(where, motion), where.ground(motion)
            with bar(path.name) as progress:
                write_preview(shown, character, path, camera, size, progress, backdrop, ground)
            console.print(str(path))
