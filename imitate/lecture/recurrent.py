"""A policy with a memory, the LSTM of the lecture's table, and what its learners take: whole sequences."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from imitate.lecture.softmax import SoftmaxActorCritic, draw_actions
from imitate.policy import Layers, Normaliser, Unchanged, mlp
from imitate.training.advantage import compute_advantage
from imitate.training.collect import Batch, Transitions

Memory = tuple[Tensor, Tensor]
"""Hidden state and cell state of an LSTM, (N, H) each."""


@dataclass(frozen=True)
class Sequences:
    """N sequences of T steps, and what was remembered before them; indexed by sequences, as a tensor is."""

    observation: Tensor
    """Normalised, (N, T, ...)."""
    done: Tensor
    """Episodes end at this step; the memory is empty afterwards, bool (N, T)."""
    memory: Memory

    def __getitem__(self, ids: Tensor) -> "Sequences":
        return Sequences(self.observation[ids], self.done[ids], (self.memory[0][ids], self.memory[1][ids]))


class RecurrentPolicy(SoftmaxActorCritic):
    """Softmax policy and V over the state of an LSTM, which carries what was seen before.

    Where states look alike (the grid's grey cells) a memory can distinguish them, and beat every policy without one.
    Actor and critic share everything up to their last layer (Mnih et al. 2016).
    """

    def __init__(self, encoder: nn.Module, features: int, actions: int, hidden: int = 64):
        """The encoder turns observations (M, ...) into features (M, F), which the LSTM takes."""
        super().__init__()
        self.encoder = encoder
        self.cell = nn.LSTMCell(features, hidden)
        self.actor = mlp((hidden, actions), last_gain=0.01)
        self.critic: Layers = mlp((hidden, 1), last_gain=1.0)
        self.observations = Unchanged()
        self.returns = Normaliser(1)
        self.state: Memory = (torch.zeros(1, hidden), torch.zeros(1, hidden))

    def begin(self, size: int) -> None:
        """Clears the memory of all N environments."""
        self.state = (torch.zeros(size, self.cell.hidden_size), torch.zeros(size, self.cell.hidden_size))

    def forget(self, ids: np.ndarray) -> None:
        """Clears the memory of these environments, whose episodes are over."""
        gone = torch.zeros(len(self.state[0]), dtype=torch.bool)
        gone[ids] = True
        self.state = clear(self.state, gone)

    @torch.no_grad()
    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations (N, ...) -> int (N,), which are remembered."""
        self.state = self.remember(torch.from_numpy(observation), self.state)
        return draw_actions(self.actor(self.state[0]).numpy(), rng)

    def remember(self, observation: Tensor, state: Memory) -> Memory:
        """Takes one step of the memory, (N, ...) and two (N, H) -> two (N, H)."""
        return self.cell(self.encoder(observation), state)

    def unroll(
        self, observation: Tensor, next_observation: Tensor, done: Tensor, state: Memory
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Runs through T steps, from the memory at their beginning.

        Args:
          observation: (T, N, ...).
          next_observation: where each action led, (T, N, ...).
          done: episodes end here; the memory is empty afterwards, bool (T, N).
          state: the memory before the first step, two (N, H).

        Returns:
          The actor's outputs (T, N, A) and normalised V(s) (T, N), with gradients; V(s') in units of reward, (T, N),
          without. s' is remembered on top of s.
        """
        hidden, cells = self.run(observation, done, state)
        value = self.critic(hidden).squeeze(-1)
        with torch.no_grad():
            # Where an episode goes on, s' is the next step's s, whose value is known.
            next_value = torch.cat([value[1:], torch.zeros_like(value[:1])])
            ends = done.clone()
            ends[-1] = True
            following = self.remember(next_observation[ends], (hidden[ends], cells[ends]))[0]
            next_value[ends] = self.critic(following).squeeze(-1)
            next_value = self.returns.inverse(next_value)
        return self.actor(hidden), value, next_value

    def run(self, observation: Tensor, done: Tensor, state: Memory) -> tuple[Tensor, Tensor]:
        """Hidden and cell states over time, (T, N, H) each; all observations are encoded at once."""
        features = self.encoder(observation.flatten(0, 1)).unflatten(0, observation.shape[:2])
        hidden, cells = [], []
        for feature, end in zip(features, done, strict=True):
            state = self.cell(feature, state)
            hidden.append(state[0])
            cells.append(state[1])
            state = clear(state, end)
        return torch.stack(hidden), torch.stack(cells)

    def outputs(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Preferences (N, T, A) and normalised V(s) (N, T) of `Sequences`, with gradients through time."""
        sequences = cast(Sequences, observation)
        done = sequences.done.transpose(0, 1)
        hidden, _ = self.run(sequences.observation.transpose(0, 1), done, sequences.memory)
        hidden = hidden.transpose(0, 1)
        return self.actor(hidden), self.critic(hidden).squeeze(-1)


def make_recurrent_policy(observation_size: int, actions: int, hidden: int = 64) -> RecurrentPolicy:
    """Makes a recurrent policy for vectors of features."""
    encoder = nn.Sequential(nn.Linear(observation_size, hidden), nn.ReLU())
    return RecurrentPolicy(encoder, hidden, actions, hidden)


def clear(state: Memory, gone: Tensor) -> Memory:
    """Empties the memory where `gone`, bool (N,)."""
    keep = (~gone).to(state[0].dtype)[:, None]
    return state[0] * keep, state[1] * keep


@torch.no_grad()
def make_sequence_batch(policy: RecurrentPolicy, batch: Transitions, gamma: float, gae_lambda: float) -> Batch:
    """The transitions in the form that PPO learns from: N samples that are sequences of T steps each.

    A minibatch of PPO is then some environments' whole sequences, through which gradients go back to the first step.
    """
    assert batch.memory is not None
    output, value, next_value = policy.unroll(batch.observation, batch.next_observation, batch.done, batch.memory)
    value = policy.returns.inverse(value)
    advantage = compute_advantage(batch.reward, value, next_value, batch.terminated, batch.done, gamma, gae_lambda)
    sequences = Sequences(batch.observation.transpose(0, 1), batch.done.T, batch.memory)
    return Batch(
        observation=cast(Tensor, sequences),  # PPO only takes some of them and hands them to `outputs`
        action=batch.action.T,
        mean=output.transpose(0, 1),
        log_std=torch.zeros(0),
        log_prob=policy.log_prob(output, batch.action).T,
        value=value.T,
        advantage=advantage.T,
        observation_moments=batch.moments,
    )
