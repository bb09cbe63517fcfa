"""How much better an action was than expected."""

import torch
from torch import Tensor


def generalised_advantage(
    reward: Tensor,
    value: Tensor,
    next_value: Tensor,
    terminated: Tensor,
    done: Tensor,
    gamma: float,
    gae_lambda: float,
) -> Tensor:
    """Generalised advantage estimation (Schulman et al. 2016).

    The lecture's A = r + gamma V(s') - V(s), averaged over horizons.

    Failure and time running out differ. After failure (`terminated`) there is nothing to earn, so V(s') counts as 0.
    At the end of time (`done` but not terminated) the motion would have gone on, so V(s') stands for what was not
    seen; the caller gives the value of the last state of that episode, not of the one that the next began with.

    Args:
      reward: (T, N).
      value: V(s_t), (T, N).
      next_value: V(s_{t+1}) of the state that the action led to, (T, N).
      terminated: the episode failed at this step, bool (T, N).
      done: the episode ended at this step, failed or not, bool (T, N).
      gamma: discount.
      gae_lambda: 0 trusts the value function, 1 the rewards seen.

    Returns:
      Advantages (T, N); added to `value` they are the returns that the value function learns.
    """
    surprise = reward + gamma * next_value * (~terminated) - value
    advantage = torch.empty_like(reward)
    running = torch.zeros_like(reward[0])
    for t in reversed(range(len(reward))):
        running = surprise[t] + gamma * gae_lambda * (~done[t]) * running
        advantage[t] = running
    return advantage
