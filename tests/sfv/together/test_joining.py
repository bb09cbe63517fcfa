"""From keypoints of two people to their common film: every stage of a run of several, with shipped policies.

Detection and learning alone are left out: the keypoints are made of the truth, and each person gets the shipped walk.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imitate.policy import Policy
from imitate.rollout import Rollout
from imitate.together.perform import Performance
from pose.keypoints import Keypoints
from pose.video import VideoWriter, probe
from reconstruct.motion import ReferenceMotion
from reconstruct.reconstruct import ReconstructConfig
from sfv.bench.people_films import PAIRS, describe
from sfv.bench.people_films import play as stage_film
from sfv.bench.together import measure_relative, simulate_everyone
from sfv.commands.play import play
from sfv.config import ClipConfig
from sfv.run import Run
from sfv.skill import SHIPPED
from sfv.stage import StageResult, run_stage, write_json
from sfv.together import film, pipeline, stages
from sfv.together.people import load_people
from sfv.together.pipeline import run_together

SECONDS = 0.45


def learn(config: ClipConfig, command: str | None, find: Any, fit: Any, before: tuple[StageResult, ...]) -> Run:
    """A run whose policy is the shipped walk, as if learnt by a body of this height."""
    assert config.out is not None and [stage.folder.name for stage in before] == ["1_pose", "2_world"]
    motion = run_stage(config.out, fit(run_stage(config.out, find)))
    qpos, result = ReferenceMotion.load(motion["motion.npz"]).qpos, config.out / "4_result" / "humanoid"
    Rollout(qpos, qpos, {"pose": np.ones(len(qpos))}, False, 30.0).save(result / "rollout.npz")
    write_json(result / "result.json", {"normalised_return": 0.9, "completed": 1.0})
    assert config.height is not None
    policy = Policy.load(SHIPPED / "walk" / "humanoid.pt")
    policy.layout = replace(policy.layout, height=config.height)
    policy.save(config.out / "3_policy" / "humanoid" / "policy.pt")
    return Run(config.out, "humanoid")


def test_two_people_are_reconstructed_in_one_world_and_perform_from_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = stage_film(PAIRS[0])
    everyone = tuple(one.select(0.0, SECONDS) for one in simulate_everyone(truth))
    video = write_blank(tmp_path / "two.mp4", everyone[0])
    monkeypatch.setattr(stages, "estimate_everyone", lambda *_: everyone)
    monkeypatch.setattr(pipeline, "run_clip", learn)
    monkeypatch.setattr(film, "PANEL_HEIGHT", 90)
    fit = ReconstructConfig(iterations=2)
    config = ClipConfig(video=video, people="all", out=tmp_path / "run", reconstruct=fit, anyway=True)
    runs, folder = run_together(config), tmp_path / "run"

    assert runs == [Run(folder / f"person{n}", "humanoid") for n in (1, 2)]
    people, done = load_people(folder / "people.json"), Performance.load(folder / "3_together" / "performance.npz")
    assert [one.body for one in people] == ["humanoid", "humanoid"]
    for n, one in enumerate(people):
        placed = ReferenceMotion.load(folder / "2_world" / f"{one.name}.npz")
        np.testing.assert_allclose(one.place.put(runs[n].motion.qpos), placed.qpos, atol=1e-9)
        np.testing.assert_allclose(done.qpos[n][0, :2], placed.qpos[0, :2], atol=1e-3)
    roots = [qpos[:1, :3] for qpos in done.qpos]
    assert measure_relative(roots, describe(truth))[0] < 300.0
    assert probe(folder / "3_together" / "together.mp4").width > 3 * 90
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "person1/report.html" in page and "person2/report.html" in page

    capsys.readouterr()
    play((str(folder),), size=(160, 90), out=tmp_path / "played.mp4")
    said = json.loads((folder / "3_together" / "stage.json").read_text(encoding="utf-8"))["summary"]
    output = capsys.readouterr()
    assert said in " ".join((output.out + output.err).split())
    assert probe(tmp_path / "played.mp4").height == 90


def write_blank(path: Path, keypoints: Keypoints) -> Path:
    """A grey video with the keypoints' size and frames."""
    width, height = keypoints.image_size
    with VideoWriter(path, keypoints.fps, (width, height)) as writer:
        for _ in range(len(keypoints)):
            writer.write(np.full((height, width, 3), 90, np.uint8))
    return path
