"""How fast the parts of training are, against bare physics."""

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import mujoco
import mujoco.batch
import numpy as np
import torch

from imitate.env.env import ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.scene.scene import SUBSTEPS
from imitate.training.config import TrainConfig
from imitate.training.initial_state import ReferenceStart
from imitate.training.ppo import PPO
from imitate.training.skill_collector import SkillCollector
from imitate.training.train import train_policy
from pose.cores import usable_cores


def bare_steps_per_second(task: Task, threads: int, seconds: float) -> float:
    """Control steps a second of bare `mj_step` on `threads` threads: servos hold poses of the motion, no more."""
    env = ImitationEnv(task, TrainConfig().resolve().env, 1)
    model = env.model
    rows = np.linspace(0, env.reference.starts - 1, 16).astype(int)
    targets = env.joints.rotation_vectors(env.reference.qpos[rows])[:, env.joints.actuator_dof]

    def run(thread: int) -> int:
        data, steps, turn = mujoco.MjData(model), 0, thread
        end = time.thread_time() + seconds  # processor time, so that other programs do not lower the limit
        while time.thread_time() < end:
            turn = (turn + 1) % len(rows)
            mujoco.mj_resetData(model, data)
            data.qpos[:], data.qvel[:] = env.reference.qpos[rows[turn]], env.reference.qvel[rows[turn]]
            data.ctrl[:] = targets[turn]
            mujoco.mj_step(model, data, nstep=40)
            steps += 40
        return steps

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(run, range(threads))) / seconds / SUBSTEPS


def part_times(task: Task, config: TrainConfig, iterations: int = 4) -> dict[str, float]:
    """Where one process spends its time, in microseconds of processor time a control step of one environment.

    Returns:
      `targets`, `physics`, `reward`, `observe`, `act`: the parts of collecting; `collect`, `update`: the two halves of
      an iteration as training runs them; `limit`: bare physics steps on one core.
    """
    config = config.resolve()
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    size = config.num_envs // usable_cores()  # as one of the workers that training starts
    env = ImitationEnv(task, config.env, size)
    policy = Policy(env.policy_layout(config.hidden_sizes), config.initial_std)
    policy.actor.bf16 = policy.critic.bf16 = config.bf16
    collector = SkillCollector(env, ReferenceStart(env.reference), config.seed)
    learner = PPO(policy, config.ppo)
    shuffle = torch.Generator().manual_seed(config.seed)
    spent: dict[str, float] = {}

    def measure(name: str, work: Callable, *arguments):
        start = time.process_time()
        result = work(*arguments)
        spent[name] = spent.get(name, 0.0) + time.process_time() - start
        return result

    rng = np.random.default_rng(config.seed)
    for _ in range(iterations):
        batch, _ = measure(
            "collect", collector.collect, policy, config.num_steps, config.ppo.gamma, config.ppo.gae_lambda
        )
        measure("update", learner.update, batch, shuffle)
        for _ in range(config.num_steps):
            observation = measure("observe", env.observe)
            action = measure("act", policy.act, observation, rng)
            env.set_targets(measure("targets", env.targets, action))
            measure("physics", env.simulate)
            result = measure("reward", env.compare)
            ended = np.flatnonzero(result.done)
            if len(ended):
                env.start(rng.integers(0, env.reference.starts, len(ended)), ended, rng)
    steps = iterations * config.num_steps * size
    times = {name: 1e6 * seconds / steps for name, seconds in spent.items()}
    return times | {"limit": 1e6 / bare_steps_per_second(task, 1, 1.0)}


def loop_speed(task: Task, config: TrainConfig, samples: int, workers: int) -> dict[str, float]:
    """How fast training runs: collecting and learning, without evaluating and saving.

    Args:
      task: what is learnt.
      config: of the learner.
      samples: control steps of all environments together.
      workers: processes; under torchrun there are as many as it started.

    Returns:
      Control steps a second by wall clock of all processes together (`wall`) and by processor time of one core (`cpu`),
      `memory_mb` and number (`workers`) of the processes.
    """
    never = 10**9
    config = replace(
        config,
        minutes=1e6,
        samples=samples,
        workers=workers,
        early_stop=False,
        evaluation_interval=never,
        evaluation_seconds=0.1,
        checkpoint_seconds=float(never),
        tensorboard=False,
        warm_start="none",
    )
    with tempfile.TemporaryDirectory() as folder:
        found = train_policy(task, config, Path(folder)).metrics
    return {
        "wall": found["env_steps_per_second"],
        "cpu": found["samples"] / found["loop_cpu_seconds"],
        "memory_mb": found["memory_mb"],
        "workers": found["workers"],
    }
