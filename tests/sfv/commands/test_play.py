"""Skills that are shipped and skills of runs: found by name, small on disk, the same in what they do, performed."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy, PolicyLayout
from imitate.rollout import EvaluateConfig, Rollout, evaluate_policy
from imitate.scene.scene import Scene
from pose.errors import InputError
from pose.video import probe
from reconstruct.characters.character import load_character
from reconstruct.motion import ReferenceMotion
from sfv import skill as skills
from sfv.commands.export import export
from sfv.commands.play import choose, perform, play
from sfv.commands.play_motion import FilePart
from sfv.demo.motions import load_demo_motion
from sfv.run import find_results
from sfv.skill import LARGEST, SHIPPED, Skill, run_skills, ship, shipped_skills, to_shareable


def standing() -> ReferenceMotion:
    """Half a second of standing, which a policy that does nothing can do."""
    character = load_character("humanoid")
    contacts = np.tile([name.endswith("foot") for name in character.contacts], (16, 1))
    qpos = np.repeat(np.array(character.model.qpos0)[None], 16, axis=0)
    return ReferenceMotion(
        qpos, 30.0, "humanoid", character.height, character.joint_names, contacts, tuple(character.contacts)
    )


def made_run(folder: Path, motion: ReferenceMotion) -> Path:
    """A finished run in `folder` as `clip` leaves it, with an untrained policy of the usual size."""
    character = load_character(motion.character, motion.height)
    env = ImitationEnv(Task(character, motion), EnvConfig(), 1)
    torch.manual_seed(0)
    actuators = tuple(env.model.actuator(u).name for u in range(env.model.nu))
    sizes = env.observation_layout.sizes
    layout = PolicyLayout(character.name, character.height, sizes, actuators, EnvConfig().action_scale, (256, 256))
    policy = Policy(layout)
    policy.observations.update(policy.observations.moments(torch.randn(64, layout.observation_size)))
    command = "python -m sfv clip --video '/home/somebody/my flip.mp4' --minutes=3"
    for stage in ("2_motion/humanoid", "3_policy/humanoid", "4_result/humanoid"):
        (folder / stage).mkdir(parents=True)
        content = {"config": {"scene": Scene().settings}, "command": command}
        (folder / stage / "stage.json").write_text(json.dumps(content))
    (folder / "4_result/humanoid/result.json").write_text(json.dumps({"samples": 9, "seed": 4}))
    motion.save(folder / "2_motion/humanoid/motion.npz")
    policy.save(folder / "3_policy/humanoid/policy.pt")
    ones = {"pose": np.ones(len(motion))}
    Rollout(motion.qpos, motion.qpos, ones, False, 30.0).save(folder / "4_result/humanoid/rollout.npz")
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return made_run(tmp_path_factory.mktemp("runs") / "stand", standing())


@pytest.fixture(scope="module")
def skill(run) -> Skill:
    return next(run_skills(run))


def test_a_shipped_skill_is_small_and_does_the_same(run, skill, tmp_path):
    note_path, note = ship(skill, "stand", "CC0", "make it", tmp_path)
    names = {path.name for path in note_path.parent.iterdir()}
    assert names == {"humanoid.npz", "humanoid.pt", "humanoid.json"}
    assert sum(path.stat().st_size for path in note_path.parent.iterdir()) < LARGEST / 2
    assert (note["licence"], note["command"], note["weights"]) == ("CC0", "make it", "float16")
    again = next(shipped_skills(tmp_path))
    assert (again.name, again.body, again.licence) == ("stand", "humanoid", "CC0")
    seen = np.random.default_rng(0).normal(size=(50, skill.policy.layout.observation_size)).astype(np.float32)
    np.testing.assert_allclose(again.policy.act(seen), skill.policy.act(seen), atol=2e-3)
    assert again.metrics["normalised_return"] == pytest.approx(perform(again).reward[1:].mean(), abs=0.02)
    # Nothing in the files can run code, and nothing only learning needs is in them.
    state = torch.load(again.policy_path, weights_only=True)["state"]
    assert not [name for name in state if "critic" in name] and state["actor.0.weight"].dtype == torch.float16
    assert state["observations.mean"].dtype == torch.float32


def test_no_more_than_allowed_is_shipped(skill, tmp_path, monkeypatch):
    monkeypatch.setattr(skills, "LARGEST", 1000)
    with pytest.raises(InputError, match="at most"):
        ship(skill, "stand", "CC0", "make it", tmp_path)
    assert not list(tmp_path.rglob("*.pt")) and not list(shipped_skills(tmp_path))


def test_performing(skill):
    rollout = perform(skill)
    assert not rollout.terminated and rollout.duration == pytest.approx(0.5)
    # The end meets the start, so it can be done for as long as one likes.
    assert perform(skill, 2.0).duration <= 2.0 + 1e-9
    loop = replace(skill, reference=load_demo_motion("walk", load_character("humanoid")))
    assert perform(loop, 0.2).duration == pytest.approx(0.2)
    open_ended = skill.reference.qpos.copy()
    open_ended[-1, 2] += 0.3
    with pytest.raises(InputError, match="does not meet its start"):
        perform(replace(skill, reference=replace(skill.reference, qpos=open_ended)), 2.0)


def test_a_policy_of_another_body_is_refused(skill):
    child = standing()
    with pytest.raises(InputError, match="was trained for"):
        perform(replace(skill, reference=replace(child, height=1.2)))


def test_choice_of_body_and_ground(skill):
    sloped = replace(skill, body="humanoid@slope", scene=Scene("slope", angle=15.0))
    atlas = replace(skill, body="atlas", reference=replace(skill.reference, character="atlas"))
    assert choose([atlas, skill, sloped], None, Scene()) is skill
    assert choose([atlas, skill, sloped], "atlas", Scene()) is atlas
    assert choose([skill, sloped], None, Scene("slope")).scene.angle == 15.0  # as it was learnt
    assert choose([skill, sloped], None, Scene("slope", angle=5.0)).scene.angle == 5.0
    assert choose([sloped], None, Scene()) is sloped  # nowhere else can it be done
    assert choose([skill], None, Scene("wind")).body == "humanoid@wind"  # the policy does not see it
    adaptive = replace(skill, body="humanoid@adaptive")
    assert choose([skill, adaptive], None, Scene()) is skill is choose([adaptive, skill], "humanoid", Scene())
    assert choose([skill, adaptive], "humanoid@adaptive", Scene()) is adaptive
    assert choose([skill, sloped], "humanoid@slope", Scene()) is sloped
    for wanted, scene, words in (("child", Scene(), "not by 'child'"), (None, Scene("gaps"), "not been learnt on")):
        with pytest.raises(InputError, match=words):
            choose([skill, sloped, atlas], wanted, scene)


def test_play_writes_a_video(run, tmp_path, capsys):
    play((str(run),), size=(160, 120), out=tmp_path / "a.mp4")
    film = probe(tmp_path / "a.mp4")
    assert (film.width, film.height) == (160, 120) and film.duration == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("skills", "options", "said"),
    [
        ((), {"eyes": True}, "name a skill"),
        ((), {"seconds": 2.0}, "name a skill"),
        ((), {"scene": Scene("slope")}, "name a skill"),
        (("walk",), {"file": FilePart(start=1.0)}, "are for motion files"),
        (("go1",), {"transitions": Path("t.svg")}, "play it alone, without other options"),
        (("go1", "walk"), {}, "play it alone, without other options"),
        (("walk",), {"eyes": True, "character": "atlas"}, "one skill alone"),
        (("charleston",), {"seconds": 2.0}, "'charleston' is performed once"),
    ],
)
def test_no_option_is_passed_over(skills: tuple[str, ...], options: dict[str, Any], said: str):
    with pytest.raises(InputError, match=said):
        play(skills, **options)


def test_the_list_of_skills(run, tmp_path, monkeypatch, capsys):
    (tmp_path / "runs/unfinished").mkdir(parents=True)
    (tmp_path / "runs/unfinished/config.json").write_text("{}")
    shutil.copytree(run, tmp_path / "runs/stand")
    monkeypatch.chdir(tmp_path)
    play()
    text = capsys.readouterr().err
    assert "stand" in text and "unfinished" not in text
    with pytest.raises(InputError, match=r"no skill 'fly'.*stand"):
        play(("fly",))


def test_export_writes_the_policy(run, tmp_path):
    export(run, ("onnx",), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"humanoid_policy.onnx", "humanoid_policy.json"}
    with pytest.raises(InputError, match="--licence"):
        export(run, skill="stand")
    with pytest.raises(InputError, match="no result of atlas"):
        export(run, body=("atlas",))


def test_the_command_that_makes_it_again(run):
    (result,) = find_results(run)
    assert result.command == "python -m sfv clip --video '/home/somebody/my flip.mp4' --minutes=3"
    # Where the file lies and what the run is called is nobody's business.
    assert to_shareable(result.command) == "python -m sfv clip --video 'my flip.mp4' --minutes=3"
    for typed, shared in (
        ("sfv clip --out=/tmp/a --video=/home/b/c.mp4 --seed 3", "sfv clip --video=c.mp4 --seed 3"),
        ("sfv clip --out runs/a --no-tensorboard", "sfv clip --no-tensorboard"),
        ("sfv clip && sfv retarget --clip a", "sfv clip && sfv retarget --clip a"),
        ("sfv.clip('/home/b/c d.mp4', seed=3)", "sfv.clip('c d.mp4', seed=3)"),
    ):
        assert to_shareable(typed) == shared


def test_a_run_that_does_not_name_its_command_is_not_shipped_without_one(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run/4_result/humanoid/stage.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "command": None}))
    with pytest.raises(InputError, match="--command"):
        export(tmp_path / "run", skill="stand", licence="CC0")


@pytest.mark.parametrize("shipped", list(shipped_skills()), ids=lambda skill: f"{skill.name}-{skill.body}")
def test_shipped_skills_do_what_their_notes_say(shipped):
    assert shipped.licence
    note = json.loads((SHIPPED / shipped.name / f"{shipped.body}.json").read_text())
    assert note["command"] and "/home" not in note["command"] and "/work" not in note["command"]
    assert not perform(shipped).terminated
    config = EvaluateConfig(rollouts=8 if shipped.adaptive else 32)
    figures = evaluate_policy(shipped.policy, shipped.task, config).metrics
    assert figures["normalised_return"] == pytest.approx(shipped.metrics["normalised_return"], abs=0.03)
    assert figures["completed"] == pytest.approx(shipped.metrics["completed"], abs=0.05)
