"""`import sfv`: cheap, typed, and every name is what it says, whatever was imported before."""

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import sfv
from imitate.scene.scene import Scene
from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.scene_objects import SceneObject, save_objects
from sfv.api import apply_options, format_call, to_scene
from sfv.config import ClipConfig
from sfv.demo.motions import load_demo_motion
from sfv.pipeline import resolve
from tests.samples import TINY, standing

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


def make_run(folder: Path, body: str, scene: dict[str, Any], **motion: str) -> sfv.Run:
    """A result in a run's folder, as far as retargeting reads it; its motion with these notes."""
    name = body.split("@")[0]
    (folder / "config.json").parent.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    for stage, config in (("2_motion/" + name, motion), ("4_result/" + body, {"scene": scene})):
        (folder / stage).mkdir(parents=True, exist_ok=True)
        (folder / stage / "stage.json").write_text(json.dumps({"config": config}))
    replace(standing(4), character=name).save(folder / "2_motion" / name / "motion.npz")
    return sfv.Run(folder, body)


def test_a_run_is_retargeted_from_its_own_source_and_takes_its_scene_along(tmp_path, monkeypatch):
    asked = list[sfv.RetargetRunConfig]()
    monkeypatch.setattr("sfv.api.run_retarget", lambda config, command: asked.append(config))
    slope = make_run(tmp_path, "humanoid@slope", {"kind": "slope", "angle": 5.0})
    child = make_run(tmp_path, "child", {"kind": "flat"})
    box = SceneObject("box", 0.5, 0.0, 0.3, 0.4, 0.4)
    atlas = make_run(tmp_path, "atlas@objects", {"kind": "objects", "objects": [asdict(box)]}, retarget="{}")
    save_objects([box], tmp_path / "2_motion" / "atlas" / "scene.toml")
    for run in (slope, child, atlas):
        sfv.retarget(run, "g1")
    own = [("humanoid", sfv.Scene("slope", angle=5.0)), ("child", sfv.Scene()), (None, sfv.Scene("found"))]
    assert [(config.source, config.scene) for config in asked] == own
    sfv.retarget(slope, "g1", scene="found")
    sfv.retarget(slope, "g1", sfv.RetargetRunConfig(tmp_path, "g1", scene=sfv.Scene("gaps")))
    sfv.retarget(tmp_path, "g1")
    assert [config.scene.kind for config in asked[3:]] == ["found", "gaps", "found"]
    assert asked[5].source is None


@pytest.mark.parametrize(("left", "error"), [(True, KeyboardInterrupt), (True, sfv.WorkError), (False, sfv.InputError)])
def test_the_checkpoint_of_a_training_that_ends_early_stays_and_is_named(tmp_path, monkeypatch, left, error):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def fail(task, config, folder, *_):
        if left:
            (folder / "checkpoint.pt").touch()
        raise error()

    monkeypatch.setattr("sfv.api.train_policy", fail)
    with pytest.raises(error) as caught:
        sfv.train(standing())
    assert [path.parent for path in tmp_path.rglob("checkpoint.pt")] == list(tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == left
    assert all(f"out='{folder}'" in caught.value.__notes__[0] for folder in tmp_path.iterdir())
    monkeypatch.setattr("sfv.api.train_policy", lambda task, config, folder, *_: (folder / "checkpoint.pt").touch())
    sfv.train(standing())
    assert len(list(tmp_path.iterdir())) == left


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
