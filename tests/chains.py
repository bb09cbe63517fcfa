"""The small chain whose trajectories can all be listed, for tests of policy gradients."""

import functools

import numpy as np
import torch

from imitate.lecture.exact_gradient import list_trajectories
from imitate.lecture.finite import make_small_chain


@functools.cache
def enumerated(gamma=1.0):
    problem = make_small_chain(gamma)
    return problem, list_trajectories(problem)


def theta_of(problem, seed=0):
    shape = problem.reward.shape[:2]
    return torch.as_tensor(np.random.default_rng(seed).normal(size=shape))
