"""A policy with a memory, the LSTM of the lecture's table."""

import numpy as np
import torch
from torch import Tensor, nn


class RecurrentPolicy(nn.Module):
    """Softmax policy and V over the state of an LSTM, which carries what was seen before.

    Where states look alike (the grid's grey cells) a memory can distinguish them, and beat every policy without one.
    Actor and critic share everything up to their last layer (Mnih et al. 2016).
    """

    def __init__(self, observation_size: int, actions: int, hidden: int = 64):
        super().__init__()
        self.encoder = nn.Linear(observation_size, hidden)
        self.cell = nn.LSTMCell(hidden, hidden)
        self.actor = nn.Linear(hidden, actions)
        self.critic = nn.Linear(hidden, 1)
        nn.init.orthogonal_(self.actor.weight, 0.01)
        nn.init.zeros_(self.actor.bias)
        self.observations = nn.Identity()
        """Observations of the lecture's problems need no normaliser."""
        self.state: tuple[Tensor, Tensor] = (torch.zeros(1, hidden), torch.zeros(1, hidden))

    def begin(self, size: int) -> None:
        """Clears the memory of all N environments."""
        self.state = (torch.zeros(size, self.cell.hidden_size), torch.zeros(size, self.cell.hidden_size))

    def forget(self, ids: np.ndarray) -> None:
        """Clears the memory of these environments, whose episodes are over."""
        keep = torch.ones(len(self.state[0]), 1)
        keep[ids] = 0.0
        self.state = (self.state[0] * keep, self.state[1] * keep)

    @torch.no_grad()
    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations (N, O) -> int (N,), which are remembered."""
        self.state = self.remember(torch.from_numpy(observation), self.state)
        preference = self.actor(self.state[0]).numpy()
        return (preference if rng is None else preference + rng.gumbel(size=preference.shape)).argmax(-1)

    def remember(self, observation: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Takes one step of the memory, (N, O) and two (N, H) -> two (N, H)."""
        return self.cell(torch.relu(self.encoder(observation)), state)

    def unroll(
        self, observation: Tensor, next_observation: Tensor, done: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Runs through T steps with gradients, from the memory at their beginning.

        Args:
          observation: (T, N, O).
          next_observation: where each action led, (T, N, O).
          done: episodes end here; the memory is empty afterwards, bool (T, N).
          state: the memory before the first step, two (N, H).

        Returns:
          The actor's outputs (T, N, A), V(s) and V(s'), (T, N) each; s' is remembered on top of s.
        """
        hidden, following = [], []
        for t in range(len(observation)):
            state = self.remember(observation[t], state)
            hidden.append(state[0])
            following.append(self.remember(next_observation[t], state)[0])
            keep = (~done[t]).float()[:, None]
            state = (state[0] * keep, state[1] * keep)
        memory = torch.stack(hidden)
        next_value = self.critic(torch.stack(following)).squeeze(-1)
        return self.actor(memory), self.critic(memory).squeeze(-1), next_value

    def log_prob(self, preference: Tensor, action: Tensor) -> Tensor:
        """log pi(a|s) of the actor's outputs (..., A) and actions (...)."""
        return torch.log_softmax(preference, -1).gather(-1, action[..., None]).squeeze(-1)

    def entropy(self, preference: Tensor) -> Tensor:
        """-sum_a pi log pi, (..., A) -> (...)."""
        log_prob = torch.log_softmax(preference, -1)
        return -(log_prob.exp() * log_prob).sum(-1)
