"""`sfv retarget` through the real command line, with a budget of seconds: a run's skill on another body, beside it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imitate.rollout import Rollout
from pose.video import probe
from reconstruct.characters.character import load_character
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.retargeting import leg_length
from sfv.run import find_results
from sfv.skill import run_skills
from tests.samples import call_cli

ROOT = Path(__file__).parents[3]
STAGES = ("2_motion/atlas", "3_draft/atlas", "3_policy/atlas", "4_result/atlas")
BUDGET = ("--minutes=0.02", "--evaluate.rollouts=2", "--track.horizon=4", "--no-tensorboard")


def sfv(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sfv", *words],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of someone who raises an arm for a third of a second, and what it says."""
    folder = tmp_path_factory.mktemp("retarget")
    character = load_character("humanoid")
    model = character.model
    qpos = np.repeat(np.array(model.qpos0)[None], 11, axis=0)
    column = model.joint("right_elbow").qposadr[0]
    qpos[:, column] = np.sign(model.joint("right_elbow").range.sum()) * np.linspace(0.1, 0.6, 11)
    contacts = np.tile([name.endswith("foot") for name in character.contacts], (11, 1))
    ReferenceMotion(
        qpos, 30.0, "humanoid", character.height, character.joint_names, contacts, tuple(character.contacts)
    ).save(folder / "arm.npz")
    done = sfv(folder, "clip", "--motion=arm.npz", *BUDGET)
    assert done.returncode == 0, done.stderr
    done = sfv(folder, "retarget", "--clip=arm", "--character=atlas", *BUDGET)
    assert done.returncode == 0, done.stderr
    return folder, done.stderr


def test_result_lies_beside_the_first_one(finished):
    folder, text = finished
    run = folder / "runs/arm"
    for name in STAGES:
        assert json.loads((run / name / "stage.json").read_text())["outputs"]
        assert name in text
    assert {result.body for result in find_results(run)} == {"humanoid", "atlas"}
    assert (run / "report.html").is_file() and (run / "report_atlas.html").is_file()
    # Three panels: the first body, the new one's reference, its simulation.
    video = probe(run / "4_result/atlas/side_by_side.mp4")
    assert video.width == 3 * 480
    figures = json.loads((run / "4_result/atlas/result.json").read_text())
    assert {"normalised_return", "completed", "samples", "train_seconds", "seed", "versions"} <= figures.keys()


def test_motion_is_the_same_on_the_new_body(finished):
    folder, _ = finished
    motion = ReferenceMotion.load(folder / "runs/arm/2_motion/atlas/motion.npz")
    ours = ReferenceMotion.load(folder / "arm.npz")
    atlas, humanoid = load_character("atlas"), load_character("humanoid")
    assert motion.character == "atlas" and len(motion) == len(ours)
    # Lengths with the leg, time with its root.
    assert ours.fps / motion.fps == pytest.approx(np.sqrt(leg_length(atlas) / leg_length(humanoid)))
    rollout = Rollout.load(folder / "runs/arm/4_result/atlas/rollout.npz")
    assert rollout.qpos.shape[1] == atlas.model.nq


def test_second_time_all_is_skipped(finished):
    folder, _ = finished
    done = sfv(folder, "retarget", "--clip=runs/arm", "--character=atlas", *BUDGET)
    assert done.returncode == 0 and done.stderr.count("done before") == len(STAGES)


def test_first_skill_is_untouched(finished):
    folder, _ = finished
    done = sfv(folder, "clip", "--motion=arm.npz", *BUDGET)
    assert done.returncode == 0 and done.stderr.count("done before") == 4


def test_the_new_body_has_a_skill_to_play(finished):
    folder, _ = finished
    skills = {skill.body: skill for skill in run_skills(folder / "runs/arm")}
    assert skills["atlas"].policy.layout.character == "atlas"
    done = sfv(folder, "play", "arm", "--character=atlas", "-o", "arm.mp4", "--size", "160", "120")
    assert done.returncode == 0, done.stderr
    assert "arm by atlas" in done.stderr and probe(folder / "arm.mp4").height == 120


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--clip=nothing", "--character=atlas"), "nothing: no run there"),
        (("--clip=arm", "--character=hercules"), "unknown character 'hercules'"),
        (("--clip=arm", "--character=humanoid"), "humanoid's own already"),
        (("--clip=arm", "--character=atlas", "--source=child"), "no motion of 'child'"),
        (("--clip=arm", "--character=atlas", "--scene=moon"), "unknown scene 'moon'"),
        (("--clip=arm", "--character=atlas", "--height=9"), "height 9"),
    ],
)
def test_what_cannot_be_done_is_reported_in_one_line(finished, words, message):
    folder, _ = finished
    done = call_cli("retarget", *words, *BUDGET, cwd=folder)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
