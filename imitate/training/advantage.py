"""Generalised advantage estimation."""

import torch
from torch import Tensor


def compute_advantage(
    reward: Tensor,
    value: Tensor,
    next_value: Tensor,
    terminated: Tensor,
    done: Tensor,
    gamma: float,
    gae_lambda: float,
) -> Tensor:
    """Generalised advantage estimation (Schulman et al. 2016, equation 16).

    delta_t = r_t + gamma V(s_{t+1}) - V(s_t), the TD error;  A_t = sum over l of (gamma lambda)^l delta_{t+l}.

    After a failure (`terminated`) no reward follows, so V(s') counts as 0. When time runs out (`done` but not
    terminated) the motion would have continued, so V(s') stands for the rewards that were not seen: `next_value` must
    be that of the last state of the episode, not of the first state of the next.

    Args:
      reward: (T, N).
      value: V(s_t), (T, N).
      next_value: V(s_{t+1}) of the state that the action led to, (T, N).
      terminated: the episode failed at this step, bool (T, N).
      done: the episode ended at this step, failed or not, bool (T, N).
      gamma: discount.
      gae_lambda: from 0, trust the value function, to 1, trust the observed rewards.

    Returns:
      Advantages (T, N); `advantage + value` are the returns that the value function is fitted to.
    """
    delta = reward + gamma * next_value * (~terminated) - value
    advantage = torch.empty_like(reward)
    last_advantage = torch.zeros_like(reward[0])
    for t in reversed(range(len(reward))):
        last_advantage = delta[t] + gamma * gae_lambda * (~done[t]) * last_advantage
        advantage[t] = last_advantage
    return advantage
