"""`python -m sfv bench physics`: the speed of training against bare physics, and how it scales."""

import importlib.util
import json as json_format
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import torch

from imitate.env.task import Task
from imitate.training.benchmark import bare_steps_per_second, loop_speed, part_times
from imitate.training.config import TrainConfig
from pose.cores import usable_cores
from pose.errors import WorkError
from reconstruct.characters.character import load_character
from sfv.bench.inputs import read_motions
from sfv.console import bar
from sfv.rows import Row, show

LIMIT_SECONDS = 2.0
"""Processor time of each measurement of bare physics [s]."""
PARTS = {
    "targets": "targets of the servos",
    "physics": "four physics steps, in C",
    "reward": "reward and termination",
    "observe": "observation",
    "act": "the actor's forward pass and noise",
    "collect": "the whole rollout: the parts above, restarts, values, advantages",
    "update": "PPO's update",
    "limit": "bare mj_step",
}


def bench_physics(
    motion: Path | None = None,
    character: str = "humanoid",
    samples: int = 65_536,
    comparisons: bool = True,
    json: bool = False,
) -> None:
    """How fast training and its parts are, against bare physics, Stable-Baselines3 and several processes.

    Args:
      motion: reference motion (DeepMimic .txt, or .npz of a run); default: the shipped walk.
      character: body that performs it.
      samples: control steps that the training loop is timed over.
      comparisons: also time Stable-Baselines3 and torchrun.
      json: one JSON object on standard output instead of a table.
    """
    body = load_character(character)
    (reference,) = read_motions((motion,) if motion else (), body, ("walk",)).values()
    task, cores = Task(body, reference), usable_cores()
    with bar("physics") as progress:
        parts = part_times(task, TrainConfig())
        progress(1, 4, "the whole loop, one process")
        alone = loop_speed(task, TrainConfig(), samples // cores, workers=1)
        progress(2, 4, "the whole loop, one process a core")
        # The limit before and after: other programs, and the clock of a warm processor, change from minute to minute.
        before = bare_steps_per_second(task, cores, LIMIT_SECONDS)
        loop = loop_speed(task, TrainConfig(), samples, workers=cores)
        limit = 0.5 * (before + bare_steps_per_second(task, cores, LIMIT_SECONDS))
        rows = [
            Row("limit_steps_per_second", limit, note=f"bare mj_step, {cores} threads, by processor time"),
            Row("loop_steps_per_second", loop["wall"], goal=0.6 * limit, note=f"{cores} processes, wall clock"),
            Row("loop_steps_per_second_cpu", cores * loop["cpu"], goal=0.6 * limit, note="the same by processor time"),
            Row("loop_share", cores * loop["cpu"] / limit, "", goal=0.6, note="of the limit, by processor time"),
            Row("memory_mb", loop["memory_mb"], "MB", goal=2000.0, note=f"{cores} processes together"),
            Row("one_process_steps_per_second", alone["wall"], note="wall clock"),
            *(Row(f"{name}_us", parts[name], "us", note=f"a control step: {what}") for name, what in PARTS.items()),
        ]
        if comparisons:
            progress(3, 4, "Stable-Baselines3 and torchrun")
            rows += [
                _compare_stable_baselines(task, loop["wall"]),
                _measure_torchrun(motion, character, samples, alone, cores),
            ]
    show("physics", rows, json)


def _compare_stable_baselines(task: Task, ours: float) -> Row:
    """Stable-Baselines3's PPO on the same environment, with our networks, batch size and number of epochs."""
    name = "sb3_steps_per_second"
    if importlib.util.find_spec("stable_baselines3") is None:
        return Row(name, None, note="Stable-Baselines3 is not installed (pip install -e '.[bench]')")
    speeds = {kind: _time_stable_baselines(task, kind) for kind in ("DummyVecEnv", "SubprocVecEnv")}
    best = max(speeds, key=lambda kind: speeds[kind])
    note = f"with {best}, the faster one, wall clock; ours is {ours / speeds[best]:.1f} times as fast (goal 5)"
    return Row(name, speeds[best], note=note)


def _time_stable_baselines(task: Task, kind: str) -> float:
    """Control steps a second of Stable-Baselines3's PPO over one batch: rollouts and updates."""
    import stable_baselines3  # pyright: ignore[reportMissingImports]
    from stable_baselines3.common import vec_env  # pyright: ignore[reportMissingImports]

    from imitate.env.gymnasium_env import GymImitationEnv

    config = TrainConfig().resolve()
    count = 16 if kind == "DummyVecEnv" else 2 * usable_cores()
    env = getattr(vec_env, kind)([partial(GymImitationEnv, task) for _ in range(count)])
    try:
        model = stable_baselines3.PPO(
            "MlpPolicy",
            env,
            n_steps=config.num_envs * config.num_steps // count,
            batch_size=config.ppo.minibatch_size,
            n_epochs=config.ppo.update_epochs,
            policy_kwargs={"net_arch": list(config.hidden_sizes), "activation_fn": torch.nn.ReLU},
            device="cpu",
            seed=0,
        )
        begin = time.perf_counter()
        model.learn(config.num_envs * config.num_steps)
        return model.num_timesteps / (time.perf_counter() - begin)
    finally:
        env.close()


def _measure_torchrun(motion: Path | None, character: str, samples: int, alone: dict[str, float], cores: int) -> Row:
    """Samples a second and core of as many processes as there are cores, against those of one."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(cores), "-m", "sfv"]
    command += ["bench", "loop", "--character", character, "--samples", str(samples), "--json"]
    command += ["--motion", str(motion)] if motion else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise WorkError(f"torchrun failed: {last}")
    found = {row["name"]: row["value"] for row in json_format.loads(done.stdout)["rows"]}
    by_cpu = found["loop_steps_per_cpu_second"] / alone["cpu"]
    return Row(
        "torchrun_efficiency",
        found["loop_steps_per_second"] / (cores * alone["wall"]),
        "",
        cores,
        goal=0.85,
        note=f"{cores} processes against 1, samples/s a core, wall clock; {by_cpu:.2f} by processor time",
    )
