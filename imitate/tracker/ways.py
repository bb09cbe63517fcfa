"""Three ways to learn a tracker, on the same clips and by the same clock: cloning, PPO from it, a model of the physics.

Each is stopped at the same moments, and its policy is measured there; measuring takes no time of the clock.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from imitate.env.task import Task
from imitate.policy import Policy
from imitate.tracker.evaluation import Following, follow_clips
from imitate.tracker.improve import ImproveConfig, improve_tracker
from imitate.tracker.mirror import is_symmetric, mirror_clip
from imitate.tracker.prepare import TEST, Prepared, load_clips
from imitate.tracker.train import CloneConfig, Cloning, train_for
from imitate.tracker.world_train import WorldConfig, WorldTraining
from pose.files import CHECKPOINT
from reconstruct.characters.character import Character, load_character

MOMENTS = (0.25, 0.5, 0.75, 1.0)
"""Shares of the time at which the policies are measured."""
Moments = Iterator[tuple[Policy, float]]
"""Policies and the minutes that they were learnt in."""


def clone_only(body: Character, clips: Sequence[Prepared], folder: Path, minutes: float, seed: int) -> Moments:
    """Linear-feedback policy cloning, then DAgger (`Cloning`)."""
    cloning = Cloning(body, clips, CloneConfig(minutes=minutes, seed=seed))
    yield from _train_to_moments(cloning, folder, minutes, MOMENTS)


def clone_then_ppo(body: Character, clips: Sequence[Prepared], folder: Path, minutes: float, seed: int) -> Moments:
    """Half of the time cloning, the other half PPO from what it came to (`improve_tracker`)."""
    half = 0.5 * minutes
    cloning = Cloning(body, clips, CloneConfig(minutes=half, seed=seed))
    yield from _train_to_moments(cloning, folder, half, (0.5, 1.0))
    learnt = [*clips]
    if is_symmetric(body):
        learnt += [mirror_clip(replace(clip, draft=None), body) for clip in clips]
    tasks = [Task(body, clip.motion) for clip in learnt]
    for share in (0.5, 1.0):
        config = ImproveConfig(minutes=share * half, seed=seed, workers=1, value_samples=100_000)
        policy, _ = improve_tracker(cloning.policy, tasks, folder / "ppo", config)
        yield policy, half + share * half


def learn_model(body: Character, clips: Sequence[Prepared], folder: Path, minutes: float, seed: int) -> Moments:
    """Following the reference through a learned model of the physics (`WorldTraining`)."""
    training = WorldTraining(body, clips, WorldConfig(minutes=minutes, seed=seed))
    yield from _train_to_moments(training, folder, minutes, MOMENTS)


WAYS: dict[str, Callable[[Character, Sequence[Prepared], Path, float, int], Moments]] = {
    "clone": clone_only,
    "ppo": clone_then_ppo,
    "world": learn_model,
}


def _train_to_moments(
    training: Cloning | WorldTraining, folder: Path, minutes: float, shares: Sequence[float]
) -> Moments:
    for share in shares:
        train_for(training, share * minutes, 1e9, folder / CHECKPOINT)
        yield training.policy, share * minutes


def measure_way(way: str, folder: Path, count: int, minutes: float, seed: int) -> list[dict[str, Any]]:
    """Learns a tracker in one of the `WAYS`, on one core, and measures it at the `MOMENTS`.

    Args:
      way: its name.
      folder: that `prepare_clips` wrote.
      count: clips to learn from; the mirror images of them come on top.
      minutes: time of learning [min].
      seed: of weights, states and noise.

    Returns:
      At each moment `minutes`, and how the clips learnt from (`learnt_...`) and the held-out ones (`held_out_...`) are
      followed: `followed`, `share`, `return`, `mpjpe_mm` (see `Following`).

    Raises:
      InputError: the folder has not so many clips, or is damaged.
      TrainingError: numbers exploded.
    """
    torch.set_num_threads(1)
    clips, held_out = load_clips(folder, count=count), load_clips(folder, TEST)
    body = load_character(clips[0].motion.character, clips[0].motion.height)
    tasks, others = ([Task(body, clip.motion) for clip in each] for each in (clips, held_out))
    found = list[dict[str, Any]]()
    with TemporaryDirectory() as temporary:
        for policy, passed in WAYS[way](body, clips, Path(temporary), minutes, seed):
            learnt, unseen = follow_clips(policy, tasks), follow_clips(policy, others)
            found.append({"minutes": passed, **_describe("learnt", learnt), **_describe("held_out", unseen)})
    return found


def _describe(prefix: str, found: Following) -> dict[str, float]:
    return {
        f"{prefix}_followed": float(found.followed.mean()),
        f"{prefix}_share": float(found.share.mean()),
        f"{prefix}_return": float(found.normalised_return.mean()),
        f"{prefix}_mpjpe_mm": float(1e3 * np.nanmean(found.error)),
    }
