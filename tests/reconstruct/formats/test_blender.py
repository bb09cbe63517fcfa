"""Blender reads what is exported: joints and skin to the millimetre, in time, upright.

Blender comes as a package of PyPI, `bpy`, for one version of Python (4.5 for 3.11) and of 0.4 GB. So it runs where this
Python has it, or in another one: SFV_BLENDER_PYTHON=/path/to/its/python. SFV_SHOTS keeps the pictures.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from reconstruct.characters.character import load_character
from reconstruct.formats.write_bvh import write_bvh
from reconstruct.formats.write_glb import write_glb
from sfv.demo.motions import load_demo_motion
from tests.blended_skin import place_body

BLENDER_FROM_WORLD = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""Our x forward is Blender's -y, at which a figure looks that faces the viewer there; up is z in both."""
FRAMES = (0, 17, 40, 63)

pytestmark = pytest.mark.slow  # Blender starts and renders: some seconds


def find_blender() -> str:
    """A Python that has Blender; else the test is skipped."""
    named = os.environ.get("SFV_BLENDER_PYTHON")
    if named:
        return named
    if importlib.util.find_spec("bpy") is None:
        pytest.skip("no Blender: pip install bpy into a Python 3.11 and name that in SFV_BLENDER_PYTHON")
    return sys.executable


def read_in_blender(path: Path, seconds: np.ndarray, picture: Path) -> dict[str, Any]:
    """What Blender sees of a file at these times."""
    times = ",".join(f"{t:.6f}" for t in seconds)
    command = [find_blender(), str(Path(__file__).with_name("blender_reader.py")), str(path), times, str(picture)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("SEEN ")]
    assert done.returncode == 0 and lines, done.stderr[-2000:]
    return json.loads(lines[-1].removeprefix("SEEN "))


@pytest.mark.parametrize("kind", ["glb", "bvh"])
@pytest.mark.parametrize("name", ["cartwheel", "backflip"])
def test_blender_sees_joints_skin_and_time(name: str, kind: str, tmp_path: Path) -> None:
    character = load_character("humanoid")
    motion = load_demo_motion(name, character)
    path = tmp_path / f"{name}.{kind}"
    (write_glb if kind == "glb" else write_bvh)(motion, character, path)
    picture = Path(os.environ.get("SFV_SHOTS", tmp_path)) / f"blender_{name}_{kind}.png"
    seen = read_in_blender(path, np.array(FRAMES) / motion.fps, picture)
    assert seen["seconds"] == pytest.approx((len(motion.qpos) - 1) / motion.fps, abs=2e-3)
    assert seen["keys"] == len(motion.qpos)  # none is left out or made up, whatever the scene's rate
    if kind == "bvh":
        assert seen["fps"] == pytest.approx(motion.fps, abs=1e-3)
    for k, frame in enumerate(FRAMES):
        joints, skin = place_body(character, motion.qpos[frame])
        for body, place in joints.items():
            np.testing.assert_allclose(
                seen["joints"][k][body], BLENDER_FROM_WORLD @ place, atol=1e-3, err_msg=f"{body}, frame {frame}"
            )
        if kind == "glb":
            np.testing.assert_allclose(
                seen["skin"][k], skin @ BLENDER_FROM_WORLD.T, atol=1e-3, err_msg=f"skin, frame {frame}"
            )
    if kind == "glb":
        moved = np.linalg.norm(np.subtract(seen["skin"][0], seen["skin"][-1]), axis=1)
        assert moved.min() > 0.02  # all of the skin goes along
        image = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE)
        assert image is not None and image.std() > 10.0
