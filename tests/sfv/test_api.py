"""`import sfv`: cheap, typed, and every name is what it says, whatever was imported before."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

import sfv
from imitate.scene.scene import Scene
from pose.errors import InputError
from reconstruct.characters.character import load_character
from sfv.api import apply_options, format_call, to_scene
from sfv.config import ClipConfig
from sfv.demo.motions import load_demo_motion
from sfv.pipeline import resolve
from tests.samples import TINY

ROOT = Path(__file__).parents[2]
ALONE = """
import sys, os
import sfv
assert not {"numpy", "mujoco", "torch", "tyro"} & set(sys.modules), "import sfv is not cheap"
assert os.environ["OMP_NUM_THREADS"] == "1"
import sfv.commands.clip, sfv.commands.retarget, sfv.commands.complete
assert all(callable(getattr(sfv, name)) for name in
           "clip estimate reconstruct track train evaluate retarget complete".split())
"""


def test_import_is_cheap_and_functions_are_functions():
    done = subprocess.run([sys.executable, "-c", ALONE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_exported_name_is_there():
    assert sorted(sfv.__all__) == sfv.__all__
    assert all(getattr(sfv, name) is not None for name in sfv.__all__)
    assert set(sfv.__all__) <= set(dir(sfv)) and (ROOT / "sfv/py.typed").is_file()
    with pytest.raises(AttributeError, match="'klip'"):
        sfv.klip  # type: ignore[attr-defined]  # pyright: ignore  # noqa: B018


def test_options_are_put_where_they_belong():
    options = {"video": "a.mp4", "scene": "slope", "start": 1.0, "minutes": 2.0, "seed": 3, "character": "atlas"}
    config = apply_options(ClipConfig(), options)
    assert (config.video, config.scene, config.character) == (Path("a.mp4"), Scene("slope"), "atlas")
    assert (config.pose.start, config.imitate.minutes, config.imitate.seed) == (1.0, 2.0, 3)
    assert config.track == ClipConfig().track
    with pytest.raises(InputError, match=r"no option 'minuts'.*minutes"):
        apply_options(ClipConfig(), {"minuts": 3})
    with pytest.raises(InputError, match="unknown scene 'moon'"):
        to_scene("moon")


def test_calls_are_noted_as_they_were_made():
    assert format_call("clip", "a b.mp4", {"minutes": 3, "out": Path("x")}) == "sfv.clip('a b.mp4', minutes=3, out='x')"
    assert format_call("clip", None, {"motion": "a.bvh"}) == "sfv.clip(motion='a.bvh')"


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({}, {"preset": "tuned", "hidden_sizes": (256, 256)}),
        ({"preset": "sfv"}, {"preset": "sfv", "hidden_sizes": (1024, 512), "num_envs": 256}),
        ({"preset": "sfv", "num_envs": 512}, {"preset": "sfv", "num_envs": 512}),
        ({"warm_start": "none"}, {"warm_start": "none", "num_steps": 8}),
    ],
)
def test_the_recorded_config_is_the_one_that_runs(training, expected):
    config = ClipConfig(video=Path("my flip.mp4"))
    config = replace(config, imitate=replace(config.imitate, **training))
    found = resolve(replace(config, height=1.7))
    assert {name: getattr(found.imitate, name) for name in expected} == expected
    assert found.imitate == found.imitate.resolve() and None not in (
        found.imitate.num_steps,
        found.imitate.env.push_speed,
    )
    assert found.out == Path("runs/my_flip") and found.height == 1.7


def test_wrong_input_is_an_input_error(tmp_path):
    for call in (
        lambda: sfv.clip(tmp_path / "gone.mp4"),
        lambda: sfv.clip("a.mp4", motion="b.bvh"),
        lambda: sfv.estimate(tmp_path / "gone.mp4"),
        lambda: sfv.retarget(tmp_path / "gone", "atlas"),
        lambda: sfv.clip("a.mp4", config=sfv.ClipConfig(split=True)),
        lambda: sfv.reconstruct(cast(sfv.Keypoints, None), "atlas"),
        lambda: sfv.complete(tmp_path / "gone.jpg"),
        lambda: sfv.load_character("hercules"),
    ):
        with pytest.raises(sfv.InputError):
            call()


def test_stages_alone_give_what_the_pipeline_gives(tmp_path, monkeypatch):
    """Motion -> draft -> policy -> evaluation by hand and by `clip`, with the same seed: the same draft and rollout."""
    monkeypatch.chdir(tmp_path)
    motion = load_demo_motion("jump", load_character("humanoid"))
    motion = replace(motion, qpos=motion.qpos[:16], contacts=motion.contacts[:16])
    motion.save(tmp_path / "hop.npz")
    track, evaluate = sfv.TrackConfig(horizon=4), sfv.EvaluateConfig(rollouts=2)
    training = replace(TINY, warm_start="draft")
    config = ClipConfig(imitate=training, track=track, evaluate=evaluate)
    run = sfv.clip(motion=tmp_path / "hop.npz", config=config)
    draft = sfv.track(run.motion, config=track)
    np.testing.assert_array_equal(draft.rollout.qpos, run.draft.rollout.qpos)
    policy = sfv.train(run.motion, run.draft, config=training).policy
    found = sfv.evaluate(policy, run.motion, config=evaluate)
    np.testing.assert_array_equal(found.rollout.qpos, run.rollout.qpos)
    assert run.metrics["normalised_return"] == found.metrics["normalised_return"]
    assert run.report == Path("runs/hop/report.html") and run.report.is_file() and run.video.is_file()
    assert run.command == f"sfv.clip(motion='{tmp_path / 'hop.npz'}')"
    record = json.loads((run.folder / "config.json").read_text())
    assert record["config"]["imitate"] == run.read_record("3_policy")["config"]["imitate"] | {
        name: record["config"]["imitate"][name] for name in run.read_record("3_policy")["budget"]
    }
    with pytest.raises(sfv.InputError, match="humanoid's own already"):
        sfv.retarget(run, "humanoid")
    other = sfv.retarget(run.motion, "atlas")
    assert other.character == "atlas" and len(other) == len(run.motion)
