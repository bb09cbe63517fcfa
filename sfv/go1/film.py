"""A film of the Go1: the robot, and beside it z^ over time with the moment when its physics changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from imitate.adapt.networks import AdaptiveSkill
from imitate.locomotion.dynamics import NOMINAL
from imitate.locomotion.env import WalkConfig, WalkEnv
from imitate.locomotion.evaluation import EVENT_SECONDS, change_physics
from imitate.locomotion.robot import CONTROL_HZ
from imitate.locomotion.terrain import make_fractal
from imitate.locomotion.train import make_runner
from pose.progress import Progress, silent
from sfv.drawing.balls import Ball
from sfv.drawing.latent_plot import draw_latent
from sfv.drawing.rendering import write_side_by_side
from sfv.go1.side_view import draw_from_side

FPS = 25
"""Of the film, a quarter of the control rate."""


@dataclass(frozen=True)
class Walk:
    """One robot's walk through an event."""

    model: mujoco.MjModel
    qpos: np.ndarray
    """(T, nq)."""
    z: np.ndarray
    """What it believes z to be, (T, Z)."""
    fell: bool


def walk_through_event(skill: AdaptiveSkill, seconds: float, seed: int) -> Walk:
    """Lets one robot walk on fractal ground; after 3 s a payload lands, ice begins and a leg weakens."""
    steps = round(seconds * CONTROL_HZ)
    env = WalkEnv(make_fractal(seed, size=20.0), WalkConfig(NOMINAL, steps), 1, seed)
    env.start_at(np.zeros((1, 2)), np.zeros(1))
    runner, rng = make_runner(skill, 1), np.random.default_rng(seed)
    qpos, z, fell = [], [], False
    for step in range(steps):
        if step == round(EVENT_SECONDS * CONTROL_HZ):
            change_physics(env, rng)
        result = env.step(runner.act(env.observe()))
        qpos.append(env.qpos[0].copy())
        z.append(runner.z[0].copy())
        fell = bool(result.terminated[0])
        if fell:
            break
    return Walk(env.model, np.array(qpos), np.array(z), fell)


def write_film(
    skill: AdaptiveSkill,
    out: Path,
    seconds: float = 8.0,
    seed: int = 7,
    size: tuple[int, int] = (640, 480),
    progress: Progress = silent,
) -> Walk:
    """Writes the film of `walk_through_event`.

    Args:
      skill: with an adaptation module.
      out: the video.
      seconds: longest time [s].
      seed: of ground and event.
      size: width and height of each of the two panels [px].
      progress: is called after each frame.
    """
    walk = walk_through_event(skill, seconds, seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    every = CONTROL_HZ // FPS
    total, event = round(seconds * CONTROL_HZ), round(EVENT_SECONDS * CONTROL_HZ)
    panels = [draw_robot(walk, every, size), draw_latent(walk.z, every, size, total, event)]
    labels = ["Go1", "z of the adaptation module; bar: payload of 6 kg, friction .2, one leg at .7"]
    write_side_by_side(panels, labels, FPS, out, size[1], progress, len(walk.qpos[::every]))
    return walk


def draw_robot(walk: Walk, every: int, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Images of the robot, with the payload from the event on, (height, width, 3) each."""
    event, payload = round(EVENT_SECONDS * CONTROL_HZ), walk.model.body("payload").id

    def find_payload(step: int, state: mujoco.MjData) -> list[Ball]:
        place = state.xpos[payload] + np.array([0.0, 0.0, 0.05])
        return [Ball(place, 0.06, (0.8, 0.25, 0.15))] if step >= event else []

    return draw_from_side(walk.model, walk.qpos, every, size, find_payload)
