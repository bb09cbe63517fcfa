"""Rollouts in a learned model of physics: along recorded actions to fit the model, along a policy's to fit the policy.

The policy's loss has the terms of SuperTrack (Fussell et al. 2021): distances of the bodies' places, rotations and
velocities from the reference's, and a cost of actions. They are taken in the world, where the reward and the ends of
episodes are, not in the root's frame: what the body loses on the way counts.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from imitate.policy import Policy
from imitate.tracker.torch_body import TINY, Placed
from imitate.tracker.torch_reference import TorchReference
from imitate.tracker.world_model import WorldModel

PLACE_WEIGHT, TURN_WEIGHT, SPEED_WEIGHT, SPIN_WEIGHT = 10.0, 2.0, 0.5, 0.1
"""Of the bodies' mean distances [1/m], of two columns of their rotations, of velocities [s/m] and [s/rad]."""
# So that errors of 5 cm, .25, 1 m/s and 5 rad/s, which a body has that still follows, cost the same.
ACTION_WEIGHT = 0.02
"""Of the mean square of the actions."""


@dataclass(frozen=True)
class Window:
    """What N bodies did in W control steps in a row."""

    qpos: Tensor
    """Poses, the last after the last step, (W + 1, N, nq)."""
    qvel: Tensor
    """Velocities, (W + 1, N, nv)."""
    frame: Tensor
    """Frames of the reference that they were at, (W + 1, N)."""
    action: Tensor
    """Actions from each state but the last on, (W, N, nu)."""


def roll_actions(model: WorldModel, reference: TorchReference, window: Window) -> list[tuple[Tensor, Tensor]]:
    """States that the model leads to from the window's first ones along its actions, W times (N, nq) and (N, nv)."""
    qpos, qvel, states = window.qpos[0], window.qvel[0], list[tuple[Tensor, Tensor]]()
    for frame, action in zip(window.frame[:-1], window.action, strict=True):
        drive = reference.drive(qpos, frame, action)
        qpos, qvel = model(qpos, qvel, model.body.place(qpos, qvel), drive)
        states.append((qpos, qvel))
    return states


def compute_model_loss(model: WorldModel, reference: TorchReference, window: Window) -> Tensor:
    """Mean error of the states along windows, see `WorldModel.compare`, ()."""
    states = roll_actions(model, reference, window)
    wanted = zip(window.qpos[1:], window.qvel[1:], strict=True)
    return torch.stack([model.compare(found, each) for found, each in zip(states, wanted, strict=True)]).mean()


def compute_policy_loss(
    policy: Policy,
    model: WorldModel,
    reference: TorchReference,
    start: tuple[Tensor, Tensor, Tensor],
    steps: int,
) -> Tensor:
    """What a policy costs in the model, mean over the steps within the clips, (); differentiable by its weights.

    Args:
      policy: acts by its mean.
      model: its weights get gradients as well, unless they want none.
      reference: what is to be followed.
      start: poses (N, nq), velocities (N, nv) and frames (N,).
      steps: control steps.
    """
    qpos, qvel, frame = start
    placed, total, count = model.body.place(qpos, qvel), qpos.new_zeros(()), qpos.new_zeros(())
    for _ in range(steps):
        action = policy.actor(policy.observations(reference.observe(qpos, qvel, placed, frame)))
        qpos, qvel = model(qpos, qvel, placed, reference.drive(qpos, frame, action))
        placed, inside = model.body.place(qpos, qvel), ~reference.is_over(frame)
        frame = reference.follow(frame)
        cost = compare_bodies(placed, reference.placed, frame) + ACTION_WEIGHT * action.square().mean(-1)
        total, count = total + (inside * cost).sum(), count + inside.sum()
    return total / count.clamp(min=1.0)


def compare_bodies(placed: Placed, wanted: Placed, frame: Tensor) -> Tensor:
    """How far bodies are from where they should be at frames of the reference, weighted, (N,)."""
    columns, turned = placed.xmat[..., :2], wanted.xmat[frame][..., :2]
    return (
        PLACE_WEIGHT * _distance(placed.xpos - wanted.xpos[frame])
        + TURN_WEIGHT * _distance((columns - turned).flatten(2))
        + SPEED_WEIGHT * _distance(placed.linear - wanted.linear[frame])
        + SPIN_WEIGHT * _distance(placed.angular - wanted.angular[frame])
    )


def _distance(offset: Tensor) -> Tensor:
    """Mean length of vectors, (N, B, D) -> (N,)."""
    return (offset.square().sum(-1) + TINY).sqrt().mean(-1)
