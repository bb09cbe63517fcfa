"""A skill that adapts performs where every skill does, is saved, read, and exported as two ONNX files."""

import json
from typing import cast

import numpy as np
import onnxruntime
import pytest
import torch

from imitate.adapt.evaluation import event_extrinsics, measure_survival, record_event
from imitate.adapt.export import write_adaptive_onnx
from imitate.adapt.in_use import AdaptingPolicy, BlindPolicy, KnowingPolicy, load_performer
from imitate.adapt.networks import AdaptationModule, AdaptiveSkill
from imitate.adapt.skill_regression import DELAY, PERIOD
from imitate.adapt.start import extend_policy
from imitate.env.dynamics import DynamicsConfig, columns, nominal_extrinsics
from imitate.policy import Policy
from imitate.rollout import EvaluateConfig, evaluate_policy
from pose.errors import InputError
from sfv.skill import skills_named


@pytest.fixture(scope="module")
def plain():
    return next(skill for skill in skills_named("walk") if skill.body == "humanoid")


@pytest.fixture(scope="module")
def skill(plain):
    """The walk with an untrained adaptation module, and a policy that z moves a little."""
    policy = extend_policy(plain.policy, DynamicsConfig())
    torch.manual_seed(1)
    with torch.no_grad():
        cast(torch.nn.Linear, policy.actor.base[0]).weight[:, -8:] = 0.01 * torch.randn(256, 8)
    return AdaptiveSkill(policy, AdaptationModule(policy.layout.state_size + 28, 8))


def observations(plain, steps: int) -> np.ndarray:
    size = plain.policy.layout.observation_size
    return np.random.default_rng(0).normal(size=(steps, 2, size)).astype(np.float32)


def test_it_is_evaluated_as_every_policy_and_saved_and_read(plain, skill, tmp_path):
    path = tmp_path / "policy.pt"
    AdaptingPolicy(skill).save_actor(path)
    assert path.stat().st_size < 600_000
    again = load_performer(path)
    assert isinstance(again, AdaptingPolicy) and isinstance(load_performer(plain.policy_path), Policy)
    for row in observations(plain, 3):
        np.testing.assert_allclose(again.act(row), AdaptingPolicy(skill).act(row), atol=0.02)
    metrics = evaluate_policy(again, plain.task, EvaluateConfig(rollouts=2, loop_seconds=1.0)).metrics
    assert metrics["normalised_return"] > 0.9
    with pytest.raises(InputError, match="plain skill"):
        Policy.load(path)
    with pytest.raises(InputError, match="sfv adapt"):
        AdaptingPolicy(AdaptiveSkill(skill.policy, None))


def test_it_remembers_each_episode_and_forgets_it(plain, skill):
    policy, rows = AdaptingPolicy(skill), observations(plain, 8)
    first = [policy.act(row) for row in rows]
    policy.forget(np.arange(2))
    np.testing.assert_array_equal([policy.act(row) for row in rows], first)
    assert len({tuple(action[0]) for action in (AdaptingPolicy(skill).act(rows[-1]), first[-1])}) == 2
    frozen = AdaptingPolicy(skill, frozen=True)
    nominal = skill.policy.encode(nominal_extrinsics()[None].astype(np.float32))
    for row in rows:
        frozen.act(row)
        np.testing.assert_array_equal(frozen.z, np.repeat(nominal, 2, axis=0))


def test_onnx_pi_and_phi_at_their_rates_act_as_torch_does(plain, skill, tmp_path):
    policy, path = AdaptingPolicy(skill), tmp_path / "policy.onnx"
    write_adaptive_onnx(policy, plain.task, path)
    words = json.loads(path.with_suffix(".json").read_text())["adaptation"]
    assert words["adaptation_hz"] == 10.0 and words["policy_hz"] == 30 and words["history_steps"] == 50
    pi, phi = (
        onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        for file in (path, tmp_path / words["file"])
    )
    history = np.zeros((2, 50, policy.adaptation.inputs), dtype=np.float32)
    z = coming = np.asarray(phi.run(["z"], {"history": history})[0])
    for step, row in enumerate(observations(plain, 8)):
        if step and step % PERIOD == 0:
            coming = np.asarray(phi.run(["z"], {"history": history})[0])
        if step >= DELAY and step % PERIOD == DELAY:
            z = coming
        action, normalised = (
            np.asarray(part) for part in pi.run(["action", "normalised"], {"observation": row, "z": z})
        )
        np.testing.assert_allclose(action, policy.act(row), rtol=1e-3, atol=1e-4)
        history = np.concatenate([history[:, 1:], np.concatenate([normalised, action], axis=1)[:, None]], axis=1)


def test_survival_and_events(plain, skill):
    dynamics = DynamicsConfig(payload=(0.0, 0.01), friction=(0.9, 1.1), strength=(0.99, 1.0), slope=0.0)
    for policy in (BlindPolicy(plain.policy), KnowingPolicy(skill)):
        survival = measure_survival(policy, plain.task, dynamics, rollouts=3, seconds=1.0)
        assert survival.upright.all() and survival.kept.all()
        assert survival.extrinsics[:, columns("payload")].max() <= 0.01
    heavy = DynamicsConfig(payload=(20.0, 20.0), strength=(0.05, 0.06), redraw=0.0)
    assert not measure_survival(BlindPolicy(plain.policy), plain.task, heavy, 2, 3.0).upright.any()
    record = record_event(AdaptingPolicy(skill), plain.task, "ice", at=0.5, seconds=1.0)
    assert record.at == 15 and len(record.qpos) == len(record.z) == 30
    assert event_extrinsics("ice")[columns("friction")] == 0.25 and event_extrinsics("weak").sum() < 9.0
