"""Every example runs as its first line says: in this process, on a motion of half a second and a budget of seconds."""

import json
import runpy
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

import sfv
from pose.errors import InputError
from reconstruct.characters import assets_folder
from sfv import api
from sfv.demo.demo import make_demo
from tests.robots import urdf_robot

EXAMPLES = Path(__file__).parents[2] / "examples"
MINUTES = "0.02"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs an example as the main program in an empty folder, with little effort in every stage; what it printed."""
    motion = sfv.ReferenceMotion.load(sfv.ASSETS / "skills" / "jump" / "humanoid.npz")
    replace(motion, qpos=motion.qpos[:15], contacts=motion.contacts[:15]).save(
        tmp_path / "assets/skills/jump/humanoid.npz"
    )
    track, evaluate = sfv.TrackConfig(horizon=4), sfv.EvaluateConfig(rollouts=2)
    monkeypatch.setattr(sfv, "ASSETS", tmp_path / "assets")
    monkeypatch.setattr(sfv, "track", partial(sfv.track, config=track))
    monkeypatch.setattr(sfv, "evaluate", partial(sfv.evaluate, config=evaluate))
    monkeypatch.setattr(api, "ClipConfig", partial(sfv.ClipConfig, track=track, evaluate=evaluate))
    monkeypatch.setattr(api, "RetargetRunConfig", partial(sfv.RetargetRunConfig, track=track, evaluate=evaluate))
    monkeypatch.chdir(tmp_path)

    def run_example(name: str, *arguments: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out.splitlines()

    return run_example


def test_clip_and_many_videos(run, monkeypatch):
    pose = sfv.PoseConfig(model_size="full", crop_rounds=0)
    monkeypatch.setattr(api, "ClipConfig", partial(api.ClipConfig, pose=pose))
    make_demo("jump", Path("jump.mp4"))
    Path("broken.mp4").write_bytes(b"no video")
    try:
        lines = run("01_clip.py", "jump.mp4", MINUTES)
    except InputError as error:
        if "weights" in str(error):
            pytest.skip("the pose network's weights cannot be had on this machine")
        raise
    assert "one pass" in lines[0] and Path("runs/jump/report.html").is_file()
    finished = Path("runs/jump/4_result/humanoid/stage.json").stat().st_mtime
    # The first is found done, the second is no video: both have their line.
    lines = run("05_many_videos.py", MINUTES, "jump.mp4", "broken.mp4")
    assert "jump.mp4: return" in lines[0] and "broken.mp4" in lines[1] and "return" not in lines[1]
    assert Path("runs/jump/4_result/humanoid/stage.json").stat().st_mtime == finished


def test_own_body(run, tmp_path, monkeypatch):
    monkeypatch.setattr(assets_folder, "OWN_CHARACTERS", tmp_path / "characters")
    Path("my_robot.urdf").write_text(urdf_robot(), encoding="utf-8")
    assert "my_robot: return" in run("02_own_body.py", "my_robot.urdf", MINUTES)[-1]
    assert Path("characters/my_robot/character.toml").is_file()


def test_own_reward(run):
    values = {name: float(value) for name, value in (line.split() for line in run("03_own_reward.py", MINUTES))}
    # .2 / (1 + exp(-5 (z - 1))), with the centre of mass between .6 and 1.6 m above the ground.
    assert 0.2 * 0.12 < values["height"] < 0.2 * 0.96 and 0.0 < values["pose"] <= 0.65


def test_own_motion_and_the_notebook_which_finds_its_run_done(run, monkeypatch, capsys):
    lines = run("04_own_motion.py", "assets/skills/jump/humanoid.npz", MINUTES)
    assert [line.split()[:2] for line in lines] == [["humanoid", "return"], ["atlas", "return"]]
    assert Path("runs/humanoid/report_atlas.html").is_file()

    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    monkeypatch.setenv("SFV_MINUTES", MINUTES)
    shown: list[object] = []
    space = {"display": shown.append, "__name__": "notebook"}
    for cell in cells:
        exec("".join(cell["source"]), space)
    assert len(shown) == 2 and all("data:video/mp4;base64," in str(item) for item in shown)
    assert capsys.readouterr().err.count("done before") == 8
