"""The learned model of the physics: what makes no difference to it, its gradients, and what it can learn."""

import numpy as np
import pytest
import torch

from imitate.env.env import EnvConfig
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.tracker.env import TrackerEnv
from imitate.tracker.imagine import compute_policy_loss
from imitate.tracker.torch_body import PRODUCT, TorchBody, combine, from_rotvec
from imitate.tracker.torch_reference import TorchReference
from imitate.tracker.world_model import WorldModel
from imitate.tracker.world_train import MODEL_WIDTHS
from reconstruct.characters.character import load_character
from tests.imitate.tracker.conftest import glide
from tests.imitate.tracker.test_torch_body import make_states

MODEL = load_character("humanoid").model


def make_model(widths: tuple[int, ...] = (24,), dtype: torch.dtype = torch.float64) -> WorldModel:
    """A model whose weights are random, also the last layer's."""
    torch.manual_seed(0)
    model = WorldModel(TorchBody(MODEL, dtype), MODEL, widths).to(dtype)
    torch.nn.init.normal_(last_layer(model.network).weight, std=0.1)
    model.outputs.mean[2] = -0.3
    return model


def last_layer(network: torch.nn.Sequential) -> torch.nn.Linear:
    last = network[-1]
    assert isinstance(last, torch.nn.Linear)
    return last


def make_tensors(count: int, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Random states and drives."""
    qpos, qvel, steps = make_states(MODEL, count)
    return (
        torch.tensor(qpos, dtype=dtype),
        torch.tensor(qvel, dtype=dtype),
        torch.tensor(0.2 * steps[:, 6:], dtype=dtype),
    )


def test_the_humanoids_model_is_small():
    assert WorldModel(TorchBody(MODEL), MODEL, MODEL_WIDTHS).size <= 400_000


def test_place_and_heading_make_no_difference_and_height_does():
    model, (qpos, qvel, drive) = make_model(), make_tensors(6)
    turn = from_rotvec(torch.tensor([[0.0, 0.0, 2.0]], dtype=torch.float64)).expand(6, 4)
    cos, sin = np.cos(2.0), np.sin(2.0)
    matrix = torch.tensor([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])

    def move(pose: torch.Tensor) -> torch.Tensor:
        place = pose[:, :3] @ matrix.T + torch.tensor([3.0, -5.0, 0.0])
        return torch.cat([place, combine(turn, pose[:, 3:7], PRODUCT), pose[:, 7:]], dim=1)

    def run(pose: torch.Tensor, speed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return model(pose, speed, model.body.place(pose, speed), drive)

    moved, turned = move(qpos), torch.cat([qvel[:, :3] @ matrix.T, qvel[:, 3:]], dim=1)
    (pose, speed), (other_pose, other_speed) = run(qpos, qvel), run(moved, turned)
    assert model.body.difference(move(pose), other_pose).detach().numpy() == pytest.approx(0.0, abs=1e-6)
    assert other_speed[:, :3].detach().numpy() == pytest.approx((speed[:, :3] @ matrix.T).detach().numpy(), abs=1e-9)
    assert other_speed[:, 3:].detach().numpy() == pytest.approx(speed[:, 3:].detach().numpy(), abs=1e-9)
    raised = qpos + torch.eye(MODEL.nq, dtype=torch.float64)[2] * 0.05
    assert (run(raised, qvel)[1] - speed).abs().max() > 1e-4


def test_the_targets_are_what_leads_from_state_to_state():
    model, (qpos, qvel, drive) = make_model(), make_tensors(4)
    placed = model.body.place(qpos, qvel)
    plain, height = model.describe(qpos, qvel, placed, drive)
    given = model.outputs.inverse(model.network(torch.cat([model.inputs(plain), height], dim=1)))
    after = model(qpos, qvel, placed, drive)
    torch.testing.assert_close(model.find_targets((qpos, qvel), after), given, atol=1e-5, rtol=1e-5)


def test_the_gradient_of_a_rollout_is_that_of_finite_differences():
    env = TrackerEnv.of_tasks([Task(load_character("humanoid"), glide(20, raised=1.0))], EnvConfig(), 2)
    model = make_model()
    reference, policy = TorchReference(env, model.body, torch.float64), Policy(env.policy_layout((16,))).double()
    frame = torch.tensor([2, 17])  # the second is over after two steps
    bias = last_layer(policy.actor).bias

    def cost() -> torch.Tensor:
        return compute_policy_loss(policy, model, reference, (reference.qpos[frame], reference.qvel[frame], frame), 6)

    cost().backward()
    slope = bias.grad
    assert slope is not None
    for servo in (0, 9, 20):
        with torch.no_grad():
            ends = list[float]()
            for step in (1e-5, -2e-5):
                bias[servo] += step
                ends.append(float(cost()))
            bias[servo] += 1e-5
        assert float(slope[servo]) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4, abs=1e-7)


def test_a_body_that_servos_pull_linearly_is_learnt():
    torch.manual_seed(0)
    model, count = WorldModel(TorchBody(MODEL), MODEL, (32,)), 512
    qpos, qvel, drive = make_tensors(count, torch.float32)
    qvel[:, :6] = 0.0
    speed = torch.cat([qvel[:, :6], 0.5 * qvel[:, 6:] + 5.0 * drive], dim=1)
    after = model.body.integrate(qpos, speed / 30.0), speed
    model.fix_scales((qpos, qvel), drive, after)
    placed, optimiser = model.body.place(qpos, qvel), torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = list[float]()
    for _ in range(60):
        loss = model.compare(model(qpos, qvel, placed, drive), after)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.25 * losses[0]
