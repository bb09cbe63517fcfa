"""A finished run is read from its folder: every result, each file when it is asked for, faults in one line."""

import json
from pathlib import Path

import numpy as np
import pytest

from imitate.rollout import Rollout
from imitate.scene.scene import Scene
from pose.errors import InputError
from reconstruct.camera import View
from sfv import run as runs
from sfv.pipeline import find_source_motion
from sfv.run import Run, find_results, find_run_folder
from tests.samples import standing


def write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def folder(tmp_path) -> Path:
    """A run with a result on the plane and one on a slope."""
    folder = tmp_path / "runs" / "flip"
    write(folder / "config.json", {"command": "python -m sfv clip --video flip.mp4"})
    motion = standing(4)
    motion.save(folder / "2_motion" / "humanoid" / "motion.npz")
    write(folder / "2_motion" / "humanoid" / "stage.json", {"config": {"start": 0.0}})
    for body, scene in (("humanoid", {"kind": "flat"}), ("humanoid@slope", {"kind": "slope", "angle": 5.0, "old": 1})):
        result = folder / "4_result" / body
        Rollout(motion.qpos, motion.qpos, {"pose": np.ones(4)}, False, 30.0).save(result / "rollout.npz")
        write(result / "result.json", {"normalised_return": 0.9, "body": body})
        write(result / "stage.json", {"config": {"scene": scene}, "command": "python -m sfv clip"})
    return folder


def test_results_are_found_by_name_and_half_made_ones_are_not(folder):
    (folder / "4_result" / "atlas.partial").mkdir()
    (folder / "4_result" / "atlas.partial" / "rollout.npz").write_bytes(b"half")
    assert [run.body for run in find_results(folder)] == ["humanoid", "humanoid@slope"]
    with pytest.raises(InputError, match="no finished result yet"):
        list(find_results(folder.parent))
    for body in ("humanoid", "humanoid@slope"):
        (folder / "4_result" / body).rename(folder / "4_result" / f"{body}.old")
    with pytest.raises(InputError, match="no finished result yet"):
        next(find_results(folder))


def test_what_a_kill_left_is_no_motion_to_retarget(folder):
    for name in ("humanoid.old", "atlas.partial"):
        write(folder / "2_motion" / name / "stage.json", {"config": {"start": 0.0}})
    assert find_source_motion(folder, None) == folder / "2_motion" / "humanoid" / "motion.npz"
    with pytest.raises(InputError, match=r"no motion of 'humanoid\.old'; there are humanoid$"):
        find_source_motion(folder, "humanoid.old")


def test_a_run_is_named_by_its_folder_or_its_name(folder, monkeypatch):
    monkeypatch.setattr(runs, "RUNS", folder.parent)
    assert find_run_folder(Path("flip")) == find_run_folder(folder) == folder
    for other in (Path("flop"), folder / "4_result"):
        with pytest.raises(InputError, match="no run there"):
            find_run_folder(other)


def test_bodies_on_other_ground_share_the_motion_and_have_their_own_scene(folder):
    plain, slope = find_results(folder)
    np.testing.assert_array_equal(plain.motion.qpos, slope.motion.qpos)
    assert plain.scene == Scene() and slope.scene == Scene("slope", angle=5.0)  # an older version's option is left out
    assert slope.task.ground.incline == pytest.approx(np.radians(5.0))
    assert slope.character.height == plain.motion.height
    assert slope.metrics["body"] == "humanoid@slope" and slope.rollout.qpos.shape == (4, plain.motion.qpos.shape[1])


def test_a_motion_file_has_no_camera_and_a_video_has_one(folder):
    assert next(find_results(folder)).camera is None
    View(0.1, 0.0, 1.5, 7.0).camera((640, 480)).save(folder / "2_motion" / "humanoid" / "camera.npz")
    camera = next(find_results(folder)).camera
    assert camera is not None and camera.image_size == (640, 480)


def test_a_retargeted_body_has_its_own_report_and_the_commands_of_both(folder):
    run = Run(folder, "humanoid")
    assert run.report == folder / "report.html" and run.command == "python -m sfv clip"
    (folder / "report_humanoid.html").write_text("x")
    assert run.report == folder / "report_humanoid.html"
    write(folder / "2_motion" / "humanoid" / "stage.json", {"config": {"retarget": {}}})
    assert run.command == "python -m sfv clip --video flip.mp4 && python -m sfv clip"
    write(folder / "config.json", {})
    assert run.command is None


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("motion", "2_motion/humanoid/motion.npz"),
        ("rollout", "4_result/humanoid/rollout.npz"),
        ("metrics", "4_result/humanoid/result.json"),
        ("scene", "4_result/humanoid/stage.json"),
        ("policy", "3_policy/humanoid/policy.pt"),
        ("draft", "3_draft/humanoid/draft.npz"),
    ],
)
@pytest.mark.parametrize("content", [None, b"", b"{broken"])
def test_missing_and_damaged_files_are_named(folder, name, path, content):
    (folder / path).unlink(missing_ok=True)
    if content is not None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    with pytest.raises(InputError, match=Path(path).name.replace(".", r"\.")):
        getattr(Run(folder, "humanoid"), name)


def test_files_are_read_once(folder):
    run = Run(folder, "humanoid")
    first = run.metrics
    (folder / "4_result" / "humanoid" / "result.json").unlink()
    assert run.metrics is first
