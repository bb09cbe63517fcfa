"""The warm start: the expert on the draft and near it, what the policy learns from it, and a broken run."""

from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.reference import build_reference
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.rollout import EvaluateConfig, Rollout, evaluate_policy, run_episodes
from imitate.scene.scene import CONTROL_HZ, Scene, build_model
from imitate.tracking.draft import Draft
from imitate.tracking.feasibility import Verdict
from imitate.training.distill import DistillConfig, Expert
from imitate.training.job import Job
from imitate.training.loop import BEST_POLICY, CHECKPOINT, CURVES, TrainingRun, train
from imitate.training.process_group import ProcessGroup
from imitate.training.train import train_policy
from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import from_rotvec, multiply
from tests.samples import CHARACTER
from tests.samples import TINY as FROM_NOTHING

NV, NU = CHARACTER.model.nv, CHARACTER.model.nu
TINY = replace(
    FROM_NOTHING,
    warm_start="draft",
    distill=DistillConfig(samples=64, update_epochs=2, minibatch_size=16),
)


def turning(loop: bool, frames: int = 16) -> ReferenceMotion:
    """Stands, glides 0.5 m ahead and turns by 1 rad to the left; a cycle of it goes on from there."""
    share = np.arange(frames) / (frames - 1)
    qpos = np.tile(CHARACTER.model.qpos0, (frames, 1))
    qpos[:, 0] += 0.5 * share
    turn = from_rotvec(np.outer(share, [0.0, 0.0, 1.0]))
    qpos[:, 3:7] = multiply(turn, qpos[:, 3:7])
    return ReferenceMotion(
        qpos=qpos,
        fps=float(CONTROL_HZ),
        character=CHARACTER.name,
        height=CHARACTER.height,
        joint_names=CHARACTER.joint_names,
        contacts=np.ones((frames, 2), dtype=bool),
        contact_names=("left_foot", "right_foot"),
        loop=loop,
    )


def made_up_draft(motion: ReferenceMotion, seconds: float, seed: int = 0, box: bool = False) -> Draft:
    """A draft near the reference with random controls and gains, which the expert must repeat."""
    rng = np.random.default_rng(seed)
    reference = build_reference(motion, CHARACTER, build_model(CHARACTER, Scene()), seconds)
    steps = round(seconds * CONTROL_HZ)
    qpos = reference.qpos[: steps + 1].copy()
    for pose in qpos:
        mujoco.mj_integratePos(CHARACTER.model, pose, 0.03 * rng.normal(size=NV), 1.0)
    nothing, nv, none = np.zeros(steps + 1), NV + 6 * box, np.empty((0, 7))
    places = np.column_stack([2.0 + 0.05 * rng.normal(size=(steps + 1, 3)), np.tile([1.0, 0, 0, 0], (steps + 1, 1))])
    qvel = np.zeros((steps + 1, nv))
    qvel[:, :NV] = reference.qvel[: steps + 1]
    return Draft(
        rollout=Rollout(
            qpos,
            reference.qpos[: steps + 1],
            {"pose": nothing},
            False,
            float(CONTROL_HZ),
            box_qpos=places if box else none,
        ),
        verdict=Verdict(nothing == 0, ("",) * (steps + 1), nothing, nothing, nothing),
        controls=0.1 * rng.normal(size=(steps, NU)),
        qvel=qvel + 0.1 * rng.normal(size=(steps + 1, nv)),
        gains=0.1 * rng.normal(size=(steps, NU, 2 * nv)),
    )


def place(env: ImitationEnv, expert: Expert, rows: np.ndarray) -> None:
    """The environments where the expert expects them."""
    env.start(rows, offset=expert.pose_offset[rows], speed_offset=expert.velocity_offset[rows])


@pytest.mark.parametrize("kind", ["flat", "box"])
def test_on_the_draft_the_experts_actions_are_the_plans(kind):
    """Also where they push a box, which is put where the draft had it."""
    motion = turning(loop=False)
    draft = made_up_draft(motion, motion.duration, box=kind == "box")
    env = ImitationEnv(Task(CHARACTER, motion, Scene(kind)), EnvConfig(action_scale=0.25), 15)
    expert, rows = Expert(draft, env), np.arange(15)
    place(env, expert, rows)
    np.testing.assert_allclose(env.all_qpos, draft.rollout.all_qpos[:15], atol=1e-9)
    np.testing.assert_allclose(env.all_qvel, draft.qvel[:15], atol=1e-9)
    label, weight = expert.label(env)
    np.testing.assert_allclose(label, draft.controls / 0.25, atol=1e-5)
    np.testing.assert_allclose(weight, 1.0, atol=1e-5)


def test_beside_the_draft_they_follow_its_gains_and_count_less():
    motion = turning(loop=False)
    draft = made_up_draft(motion, motion.duration)
    env = ImitationEnv(Task(CHARACTER, motion), EnvConfig(action_scale=0.25), 1)
    expert = Expert(draft, env)
    place(env, expert, np.array([7]))
    step, push = np.zeros(NV), np.zeros(NV)
    step[:3], step[20], push[0] = (0.04, -0.02, 0.01), 0.1, 0.2
    pose = env.qpos[0].copy()
    mujoco.mj_integratePos(CHARACTER.model, pose, step, 1.0)
    env.qpos[0] = pose
    env.qvel[0] += push
    label, weight = expert.label(env)
    expected = draft.controls[7] + draft.gains[7] @ np.concatenate([step, push])
    np.testing.assert_allclose(label[0], np.clip(expected, -1.0, 1.0) / 0.25, atol=1e-4)
    assert weight[0] == pytest.approx(np.exp(-((0.1 / 0.7) ** 2)), abs=1e-3)


@pytest.mark.parametrize("kind", ["flat", "box"])
def test_later_cycles_of_a_loop_are_done_like_the_drafts_turned_with_the_motion(kind):
    """Two cycles are drafted; in the fifth, turned by 4 rad, a push seen from the body is answered the same.

    So is the box, where there is one.
    """
    motion = turning(loop=True)
    cycle = round(motion.duration * CONTROL_HZ)
    draft = made_up_draft(motion, 2 * motion.duration, box=kind == "box")
    env = ImitationEnv(Task(CHARACTER, motion, Scene(kind)), EnvConfig(action_scale=0.25, episode_seconds=4.0), 2)
    expert = Expert(draft, env)
    rows = np.array([4, 4 + 4 * cycle])
    place(env, expert, rows)
    assert expert.covered.all()
    turn = env.reference.heading[rows]
    assert turn[1] - turn[0] == pytest.approx(4.0, abs=1e-6)
    ahead = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    env.qpos[:, :2] += 0.05 * ahead
    env.qvel[:, :2] += 0.3 * ahead
    if kind == "box":
        env.box_qpos[:, :2] += 0.04 * ahead
    label, _ = expert.label(env)
    np.testing.assert_allclose(label[1], label[0], atol=1e-4)
    assert np.abs(label[0] - draft.controls[4] / 0.25).max() > 0.01


def test_a_draft_that_fell_teaches_only_what_it_did():
    motion = turning(loop=False)
    draft = made_up_draft(motion, motion.duration)
    fallen = replace(draft, controls=draft.controls[:6], gains=draft.gains[:6], qvel=draft.qvel[:7])
    env = ImitationEnv(Task(CHARACTER, motion), EnvConfig(), 2)
    expert = Expert(fallen, env)
    place(env, expert, np.array([5, 9]))
    assert expert.label(env)[1].tolist() == [pytest.approx(1.0, abs=1e-5), 0.0]


def test_a_draft_of_a_scene_without_the_box_is_refused_in_one_line(tmp_path: Path):
    motion = turning(loop=False)
    with pytest.raises(InputError, match="another scene than 'box'"):
        train_policy(
            Task(CHARACTER, motion, Scene("box")), TINY, tmp_path, draft=made_up_draft(motion, motion.duration)
        )


def leaning() -> tuple[ReferenceMotion, Draft]:
    """Stands for a second; the expert leans to the left with a spring about the reference."""
    motion = replace(turning(loop=False, frames=31), qpos=np.tile(CHARACTER.model.qpos0, (31, 1)))
    draft = made_up_draft(motion, motion.duration)
    gains = np.zeros_like(draft.gains)
    driven = np.arange(6, 6 + NU)
    gains[:, np.arange(NU), driven] = -0.3
    controls = np.tile(0.1 * np.sin(np.arange(NU)), (len(draft.controls), 1))
    rollout = replace(draft.rollout, qpos=motion.qpos.copy())
    return motion, replace(draft, rollout=rollout, qvel=np.zeros_like(draft.qvel), controls=controls, gains=gains)


def test_the_policy_learns_what_the_expert_does(tmp_path: Path):
    """After 6,000 control steps its actions are the expert's to a few hundredths of a radian, in states of its own."""
    motion, draft = leaning()
    config = replace(
        TINY,
        num_envs=64,
        num_steps=16,
        hidden_sizes=(64,),
        distill=DistillConfig(samples=6144, update_epochs=8, minibatch_size=256),
    )
    run = TrainingRun(Job(Task(CHARACTER, motion), config.resolve(), tmp_path, draft), ProcessGroup())
    run.initialise_normaliser()
    losses = [run.iterate() for _ in range(6)]
    assert "kl" not in losses[-1]  # PPO did not have its turn yet
    env = ImitationEnv(Task(CHARACTER, motion), config.env, 32)
    run_episodes(env, run.policy, np.zeros(32, dtype=np.int64), start_rng=np.random.default_rng(0))
    env.start(np.full(32, 10), rng=np.random.default_rng(0))
    label, _ = Expert(draft, env).label(env)
    missed = 0.25 * np.abs(run.policy.act(env.observe()) - label).mean()
    assert missed < 0.02
    assert missed < 0.3 * 0.25 * np.abs(label).mean()
    assert "kl" in run.iterate()


@pytest.mark.parametrize(("samples", "counted"), [(0, 32), (64, 0)])
def test_only_a_draft_that_was_imitated_fixes_the_normaliser(tmp_path: Path, samples: int, counted: int):
    motion, draft = leaning()
    config = replace(TINY, distill=DistillConfig(samples=samples)).resolve()
    run = TrainingRun(Job(Task(CHARACTER, motion), config, tmp_path, draft), ProcessGroup())
    run.initialise_normaliser()
    for _ in range(samples // 32):
        assert "kl" not in run.iterate()
    before = int(run.policy.observations.count)
    assert "kl" in run.iterate() and int(run.policy.observations.count) - before == counted


def test_a_broken_warm_start_is_resumed_bit_for_bit(tmp_path: Path):
    """Broken amid the distillation, and again after it; what the expert has taught is evaluated before PPO begins."""
    motion, draft = leaning()
    config = replace(TINY, distill=DistillConfig(samples=64), evaluation_interval=10**9, early_stop=False)

    def go(folder: str, samples: int) -> list[torch.Tensor]:
        (tmp_path / folder).mkdir(exist_ok=True)
        job = Job(Task(CHARACTER, motion), replace(config, samples=samples).resolve(), tmp_path / folder, draft)
        train(job, ProcessGroup(), lambda status: None, lambda: False)
        content = torch.load(tmp_path / folder / CHECKPOINT, weights_only=True)["content"]
        evaluated[folder] = [int(point["samples"]) for point in content["curves"]]
        counted[folder] = int(content["policy"]["observations.count"])
        return [*content["policy"].values(), content["parts"][0]["collector"]["env"]["batch"]]

    evaluated: dict[str, list[int]] = {}
    counted: dict[str, int] = {}
    unbroken = go("unbroken", 128)
    # Observations count while the expert is imitated, 64, and the 32 before; PPO leaves the normaliser alone.
    assert counted["unbroken"] == 96
    for samples in (32, 96, 128):
        broken = go("broken", samples)
    assert evaluated == {"unbroken": [64, 128], "broken": [32, 64, 96, 128]}
    assert all(torch.equal(a, b) for a, b in zip(unbroken, broken, strict=True))


def test_another_draft_is_another_task(tmp_path: Path):
    motion, draft = leaning()
    runs = [
        TrainingRun(Job(Task(CHARACTER, motion), config.resolve(), tmp_path, expert), ProcessGroup()).task
        for config, expert in (
            (TINY, draft),
            (TINY, replace(draft, controls=2.0 * draft.controls)),
            (replace(TINY, warm_start="none"), draft),
            (replace(TINY, warm_start="none"), None),
        )
    ]
    assert runs[0] != runs[1]
    assert runs[1] != runs[2]
    assert runs[2] == runs[3]


def test_two_workers_learn_from_one_draft_and_the_policy_can_be_evaluated(tmp_path: Path):
    """They share gradients from the first sample on, or their policies would differ at the end."""
    motion, draft = leaning()
    config = replace(TINY, workers=2, samples=128)
    training = train_policy(Task(CHARACTER, motion), config.resolve(), tmp_path, draft=draft)
    assert training.metrics["samples"] == 128
    assert training.metrics["workers"] == 2
    assert "the samples are used" in training.summary
    assert (tmp_path / CURVES).read_text().count("\n") >= 2
    content = torch.load(tmp_path / CHECKPOINT, weights_only=True)["content"]
    assert len(content["parts"]) == 2
    assert content["learner"]["samples"] == 64
    assert content["learner"]["optimiser"]["state"]

    task = Task(CHARACTER, motion)
    metrics = evaluate_policy(Policy.load(tmp_path / BEST_POLICY), task, EvaluateConfig(rollouts=3)).metrics
    assert 0.0 < metrics["normalised_return"] <= 1.0
    assert 0.0 <= metrics["completed"] <= 1.0
    assert metrics["tracking_mpjpe_mm"] > 0.0
    with pytest.raises(InputError, match="trained for humanoid"):
        evaluate_policy(training.policy, replace(task, character=load_character("humanoid", 1.6)), EvaluateConfig())
