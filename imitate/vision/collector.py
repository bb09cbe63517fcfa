"""Robots on the course and what acts for them: samples for imitation and for PPO."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imitate.env.step import StepResult
from imitate.training.collect import Batch, Transitions, estimate_advantage
from imitate.vision.networks import SeeingPolicy, Student, pack
from imitate.vision.seeing_env import SeeingEnv
from pose.errors import InputError

MAP_SHIFT, MAP_OFFSET, MAP_NOISE = 0.08, 0.05, 0.02
"""Errors of a noisy map [m]: of its place, drawn for each episode; of its height, so too; of each dot at each step."""


class MapErrors:
    """What is wrong with the elevation map of each robot; nothing but noise of sensors and drift of odometry."""

    def __init__(self, num_envs: int, seed: int):
        self.rng = np.random.default_rng(seed)
        self.shift, self.offset = np.zeros((num_envs, 2)), np.zeros(num_envs)
        self.redraw(np.arange(num_envs))

    def redraw(self, ids: np.ndarray) -> None:
        """New drift for robots whose episodes begin."""
        self.shift[ids] = MAP_SHIFT * self.rng.standard_normal((len(ids), 2))
        self.offset[ids] = MAP_OFFSET * self.rng.standard_normal(len(ids))

    def spoil(self, env: SeeingEnv, observation: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Observations (M, O) of robots `ids` with the scandots of their maps."""
        dots = env.read_dots(ids, self.shift[ids]) + self.offset[ids, None]
        dots += MAP_NOISE * self.rng.standard_normal(dots.shape)
        spoilt = observation.copy()
        spoilt[:, env.first_dot :] = np.clip(dots, -env.deepest, env.deepest)
        return spoilt


class SeeingRunner:
    """A teacher or baseline in use: remembers for N robots."""

    def __init__(self, policy: SeeingPolicy, num_envs: int):
        self.policy, self.observations = policy, policy.observations
        self.memory = torch.zeros(num_envs, policy.layout.memory)

    @torch.no_grad()
    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations (N, O), which are remembered: the mean, or a sample where `rng` is given."""
        seen, actor = self.observations(torch.from_numpy(observation))[None], self.policy.actor
        mean, self.memory = actor.run(seen, actor.see(seen), torch.zeros(1, len(observation)), self.memory)
        return self.policy.add_noise(mean[0].numpy(), rng)

    def forget(self, ids: np.ndarray) -> None:
        """New episodes have begun in these environments."""
        self.memory[ids] = 0.0


class StudentRunner:
    """A student in use: looks at the pictures of an environment as they arrive, and remembers for N robots."""

    def __init__(self, student: Student, env: SeeingEnv, masked: bool = False, swapped: bool = False):
        """Begins with empty memories.

        Args:
          student: acts.
          env: whose pictures it sees.
          masked: the camera is covered: every pixel reads 0.
          swapped: each robot is shown the pictures of another on another lane, at first the one a third of their
            number further on; when that one's walk is over, those of the next that still walks. The last to walk
            keeps the picture it was shown.

        Raises:
          InputError: the environment's camera takes other pictures than the student's.
          ValueError: `swapped`, and all robots are on one lane.
        """
        eye = env.eyes.camera.config if env.eyes.camera is not None else None
        own = student.camera
        if eye is None or (eye.rows, eye.columns, eye.far) != (own.rows, own.columns, own.far):
            size = f"{own.rows} x {own.columns}"
            raise InputError(f"this student sees {size} depths up to {own.far:g} m; give it such a camera")
        if swapped and len(np.unique(env.lane)) < 2:
            raise ValueError("all robots are on one lane: there is none whose pictures would be another's")
        self.student, self.env, self.observations = student, env, student.observations
        self.masked, self.swapped = masked, swapped
        count = env.num_envs
        self.sources = (np.arange(count) + count // 3) % count if swapped else np.arange(count)
        """Whose pictures each robot is shown, (N,)."""
        self.seen = torch.zeros(count, 64)
        eye, actor = student.memory_sizes
        self.memory: tuple[Tensor, Tensor] = (torch.zeros(count, eye), torch.zeros(count, actor))

    @torch.no_grad()
    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations (N, O), of which the scandots are not read; `rng` is not used."""
        new = self.env.eyes.is_new & self._choose_sources() if self.swapped else self.env.eyes.is_new
        ids = np.flatnonzero(new)
        if len(ids):
            pictures = torch.from_numpy(self.env.eyes.pictures[self.sources[ids]])
            self.seen[ids] = self.student.look(pictures * 0.0 if self.masked else pictures)
        seen = self.observations(torch.from_numpy(observation))[None]
        begins = torch.zeros(1, len(observation))
        mean, _, self.memory = self.student.run(seen, self.seen[None], begins, self.memory)
        return mean[0].numpy()

    def _choose_sources(self) -> np.ndarray:
        """Gives another source to robots whose source walks no more; which robots have one that walks, bool (N,)."""
        lane, walks = self.env.lane, np.ones(self.env.num_envs, dtype=bool)
        if self.env.running is not None:
            walks[:] = False
            walks[self.env.running] = True
        suits = walks[self.sources] & (lane[self.sources] != lane)
        for robot in np.flatnonzero(walks & ~suits):
            others = np.roll(np.arange(len(lane)), -self.sources[robot])
            others = others[walks[others] & (lane[others] != lane[robot])]
            if len(others):
                self.sources[robot], suits[robot] = others[0], True
        return suits

    def forget(self, ids: np.ndarray) -> None:
        """New episodes have begun in these environments."""
        for memory in self.memory:
            memory[ids] = 0.0


class CourseCollector:
    """Episodes on the course, whose difficulty follows what the robots can."""

    def __init__(self, env: SeeingEnv, seed: int, noisy: bool = False, blank: float = 0.0):
        """Begins the episodes of all robots.

        Args:
          env: the robots.
          seed: of starts, actions and the map's errors.
          noisy: the scandots are those of a map with errors.
          blank: share of episodes in which all scandots and pictures are 0.
        """
        self.env, self.rng, self.blank = env, np.random.default_rng(seed), blank
        self.errors = MapErrors(env.num_envs, seed) if noisy else None
        self.begins = np.ones(env.num_envs, dtype=bool)
        """The next step is the first of an episode, (N,)."""
        self.falls = 0
        """So far."""
        self._start_all()

    def _start_all(self) -> None:
        """Begins episodes of all robots on the lanes that they are on."""
        self.env.eyes.covered[:] = self.rng.random(self.env.num_envs) < self.blank
        self.env.start(np.arange(self.env.num_envs), self.rng)
        self.env.stagger(self.rng)

    def start(self, ids: np.ndarray) -> None:
        """Begins episodes of these robots, on lanes that they can just do."""
        self.env.change_levels(ids)
        self.env.eyes.covered[ids] = self.rng.random(len(ids)) < self.blank
        self.env.start(ids, self.rng)
        if self.errors is not None:
            self.errors.redraw(ids)

    def observe(self, ids: np.ndarray | None = None) -> np.ndarray:
        """Raw observations of these robots, with the map that they are given."""
        these = np.arange(self.env.num_envs) if ids is None else ids
        observation = self.env.observe(these)
        if self.errors is not None:
            observation = self.errors.spoil(self.env, observation, these)
        observation[self.env.eyes.covered[these], self.env.first_dot :] = 0.0
        return observation

    def step(self, action: np.ndarray) -> tuple[StepResult, np.ndarray, np.ndarray]:
        """One control step of all robots; those whose episode ended start again.

        Returns:
          The result, the observations it led to (N, O), and which robots started again (M,).
        """
        result = self.env.step(action)
        after, ids = self.observe(), np.flatnonzero(result.done)
        self.falls += int(result.terminated.sum())
        self.begins = result.done
        if len(ids):
            self.start(ids)
        return result, after, ids

    def collect(
        self, policy: SeeingPolicy, runner: SeeingRunner, num_steps: int, gamma: float, gae_lambda: float
    ) -> tuple[Batch, dict[str, float]]:
        """Takes `num_steps` control steps of every robot for PPO; a sample is the sequence of one robot."""
        memory, falls = runner.memory.clone(), self.falls
        steps = Steps([], [], [], [], [])
        raw = self.observe()
        for _ in range(num_steps):
            action = runner.act(raw, self.rng)
            steps.begins.append(self.begins)
            result, after, ids = self.step(action)
            steps.observation.append(raw)
            steps.following.append(after)
            steps.action.append(action)
            steps.result.append(result)
            raw = after
            if len(ids):
                runner.forget(ids)
                raw = after.copy()
                raw[ids] = self.observe(ids)
        return make_batch(policy, steps, memory, gamma, gae_lambda, self.env.alive_reward), {
            "reward": float(np.mean([result.reward.mean() for result in steps.result])),
            "falls_per_1000_steps": 1000.0 * (self.falls - falls) / (num_steps * self.env.num_envs),
            "level": self.env.mean_level,
        }

    def state(self) -> dict[str, Any]:
        """What `restore` goes on from."""
        return {"env": self.env.state(), "rng": self.rng.bit_generator.state}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on with the lanes and the generator that `state` returned, and begins episodes of all robots.

        Within an episode nobody could go on: what policies remember of it, and the errors of maps, are not kept.
        """
        self.env.restore(state["env"])
        self.rng.bit_generator.state = state["rng"]
        if self.errors is not None:
            self.errors = MapErrors(self.env.num_envs, int(self.rng.integers(2**31)))
        self.begins = np.ones(self.env.num_envs, dtype=bool)
        self._start_all()


@dataclass(frozen=True)
class Steps:
    """T control steps of N robots, one entry a step."""

    observation: list[np.ndarray]
    """Raw, (N, O) each."""
    following: list[np.ndarray]
    """Raw, that the step led to, also where the episode ended there, (N, O) each."""
    action: list[np.ndarray]
    """(N, A) each."""
    result: list[StepResult]
    begins: list[np.ndarray]
    """The step is the first of an episode, bool (N,) each."""


@torch.no_grad()
def make_batch(
    policy: SeeingPolicy, steps: Steps, memory: Tensor, gamma: float, gae_lambda: float, alive: float
) -> Batch:
    """The steps as N samples of PPO, see `pack`.

    Args:
      policy: whose samples they are.
      steps: what happened.
      memory: the policy's before them, (N, H).
      gamma: discount.
      gae_lambda: of the advantage estimation.
      alive: is added to every reward.
    """
    raw = torch.from_numpy(np.stack(steps.observation))
    observation = policy.observations(raw)
    following = policy.observations(torch.from_numpy(np.stack(steps.following)))
    action = torch.from_numpy(np.stack(steps.action))
    done = torch.from_numpy(np.stack([result.done for result in steps.result]))
    transitions = Transitions(
        observation=observation,
        action=action,
        reward=torch.from_numpy(np.stack([result.reward for result in steps.result]).astype(np.float32)) + alive,
        next_observation=following,
        terminated=torch.from_numpy(np.stack([result.terminated for result in steps.result])),
        done=done,
        alive=torch.ones_like(done),
        moments=torch.zeros(1 + 2 * raw.shape[-1], dtype=torch.float64),  # inputs stay scaled as they were imitated
    )
    advantage, value = estimate_advantage(policy, transitions, gamma, gae_lambda)
    packed = pack(observation, torch.from_numpy(np.stack(steps.begins)), memory)
    mean, action = policy.actor(packed), action.transpose(0, 1).contiguous()
    return Batch(
        observation=packed,
        action=action,
        mean=mean,
        log_std=policy.log_std.detach().clone(),
        log_prob=policy.log_prob(mean, action),
        value=value.T.contiguous(),
        advantage=advantage.T.contiguous(),
        observation_moments=transitions.moments,
    )
