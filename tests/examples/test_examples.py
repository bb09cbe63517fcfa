"""Every example runs as its first line says, on a budget of seconds."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from reconstruct.characters import assets_folder
from tests.robots import urdf_robot

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
MINUTES = "0.02"


def run(folder: Path, name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "weights" in done.stderr and done.returncode != 0:
        pytest.skip("the pose network's weights cannot be had on this machine")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("examples")


def test_clip_and_many_videos(folder):
    subprocess.run(
        [sys.executable, "-m", "sfv", "demo", "jump", "-o", str(folder / "jump.mp4")],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=True,
    )  # fmt: skip
    text = run(folder, "01_clip.py", "jump.mp4", MINUTES)
    assert "one pass" in text and (folder / "runs/jump/report.html").is_file()
    (folder / "broken.mp4").write_bytes(b"no video")
    # The first is found done, the second is no video: both have their line.
    lines = run(folder, "05_many_videos.py", MINUTES, "jump.mp4", "broken.mp4").splitlines()
    assert "jump.mp4: return" in lines[0] and "broken.mp4" in lines[1] and "return" not in lines[1]


def test_own_body(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(assets_folder, "OWN_CHARACTERS", tmp_path / "characters")
    (tmp_path / "my_robot.urdf").write_text(urdf_robot(), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["02_own_body.py", str(tmp_path / "my_robot.urdf"), MINUTES])
    runpy.run_path(str(EXAMPLES / "02_own_body.py"), run_name="__main__")
    assert "my_robot: return" in capsys.readouterr().out
    assert (tmp_path / "characters/my_robot/character.toml").is_file()


def test_own_reward(folder):
    text = run(folder, "03_own_reward.py", MINUTES)
    values = {name: float(value) for name, value in (line.split() for line in text.splitlines())}
    # At .2 / (1 + exp(-5 (z - 1))), with the centre of mass between .6 and 1.6 m above the ground.
    assert 0.2 * 0.12 < values["height"] < 0.2 * 0.96 and values["pose"] <= 0.65


def test_own_motion(folder):
    run(folder, "04_own_motion.py", str(ROOT / "assets/demo/jump.npz"), MINUTES)
    names = {path.parent.name for path in (folder / "runs/jump").glob("4_result/*/result.json")}
    assert {"humanoid", "atlas"} <= names


def test_the_notebook_runs_and_holds_no_outputs(folder, monkeypatch, capsys):
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SFV_MINUTES", MINUTES)
    shown: list[object] = []
    space = {"display": shown.append, "__name__": "notebook"}
    for cell in cells:
        exec("".join(cell["source"]), space)
    assert shown and all("data:video/mp4;base64," in str(item) for item in shown)
