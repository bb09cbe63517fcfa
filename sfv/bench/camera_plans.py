"""Motions of the films by a camera that goes along: walk, run and dance, of any duration."""

import hashlib
from typing import Literal

import numpy as np

from pose.downloads import cache_folder
from pose.files import replace_file
from reconstruct.characters.character import Character
from reconstruct.cycle import close_loop, repeat_cycle
from sfv.demo.motions import FPS, load_demo_motion, solve_plan
from sfv.demo.plans import Channel, Plan

MotionName = Literal["walk", "run", "dance"]


def swap_sides(channel: Channel) -> Channel:
    """A gait's channel of the other side: half a cycle later."""
    half = (len(channel) - 1) // 2
    return (*channel[half:-1], *channel[: half + 1])


_RUN = {
    "hip": (34, 30, 18, 4, -8, -10, -4, 12, 30, 44, 50, 44, 34),
    "knee": (16, 32, 40, 32, 16, 24, 50, 84, 96, 84, 56, 24, 16),
    "ankle": (2, 10, 18, 6, -22, -22, -12, -4, 0, 2, 4, 4, 2),
    "shoulder": (-28, -22, -8, 8, 20, 24, 22, 20, 10, -4, -18, -26, -28),
}
RUN = Plan(
    times=(0.00, 0.06, 0.12, 0.18, 0.24, 0.30, 0.35, 0.41, 0.47, 0.53, 0.59, 0.65, 0.70),
    channels={f"right_{name}": values for name, values in _RUN.items()}
    | {f"left_{name}": swap_sides(values) for name, values in _RUN.items()}
    | {
        "elbow": (85,) * 13,
        "abduct_shoulder": (8,) * 13,
        "pitch": (5,) * 13,
        "chest": (5,) * 13,
        "chest_turn": (-10, -8, -3, 2, 7, 9, 10, 8, 3, -2, -7, -9, -10),
        "height": (0.865, 0.835, 0.825, 0.845, 0.88, 0.895, 0.865, 0.835, 0.825, 0.845, 0.88, 0.895, 0.865),
    },
    contacts={
        "right_heel": ((0.00, 0.14),),
        "right_toe": ((0.03, 0.24),),
        "left_heel": ((0.35, 0.49),),
        "left_toe": ((0.38, 0.59),),
    },
    cycles=3,
    stride=2.2,
)
"""3.1 m/s, with two flights a cycle."""

DANCE = Plan(
    times=(0.00, 0.25, 0.50, 0.75, 1.00, 1.25, 1.50, 1.75, 2.00),
    channels={
        "left": (0, -0.06, -0.22, -0.38, -0.42, -0.36, -0.20, -0.04, 0),
        "height": (0.885, 0.855, 0.85, 0.855, 0.885, 0.855, 0.85, 0.855, 0.885),
        "right_abduct_hip": (0, 18, 18, 4, 0, 4, 18, 10, 0),
        "left_abduct_hip": (0, 4, 18, 10, 0, 18, 18, 4, 0),
        "right_hip": (6, 24, 14, 18, 6, 18, 14, 24, 6),
        "left_hip": (6, 18, 14, 24, 6, 24, 14, 18, 6),
        "right_knee": (10, 46, 22, 32, 10, 32, 22, 46, 10),
        "left_knee": (10, 32, 22, 46, 10, 46, 22, 32, 10),
        "right_ankle": (4, 0, 8, 14, 4, 14, 8, 0, 4),
        "left_ankle": (4, 14, 8, 0, 4, 0, 8, 14, 4),
        "right_shoulder": (20, 80, 130, 80, 20, 40, 50, 40, 20),
        "left_shoulder": (20, 40, 50, 40, 20, 80, 130, 80, 20),
        "abduct_shoulder": (8, 20, 30, 20, 8, 20, 30, 20, 8),
        "elbow": (30, 60, 30, 60, 30, 60, 30, 60, 30),
        "chest_turn": (0, -14, 0, 12, 0, 14, 0, -12, 0),
    },
    contacts={
        "right_heel": ((0.00, 0.10), (0.44, 1.60), (1.90, 9.0)),
        "right_toe": ((0.00, 0.14), (0.42, 1.64), (1.88, 9.0)),
        "left_heel": ((0.00, 0.60), (0.90, 1.10), (1.44, 9.0)),
        "left_toe": ((0.00, 0.64), (0.88, 1.14), (1.42, 9.0)),
    },
    cycles=3,
)
"""Steps to the right and back, with arms."""

PLANS: dict[str, Plan] = {"run": RUN, "dance": DANCE}


def perform(name: MotionName, seconds: float, character: Character) -> np.ndarray:
    """The motion over this time at `FPS`, (T, nq); run and dance are solved once and kept in the cache."""
    if name == "walk":
        cycle = load_demo_motion("walk", character).qpos
    else:
        plan = PLANS[name]
        folder = cache_folder() / "bench" / "takes"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}-{hashlib.sha256(repr(plan).encode()).hexdigest()[:8]}.npz"
        if not path.is_file():
            with replace_file(path) as temporary, open(temporary, "wb") as file:
                np.savez_compressed(file, allow_pickle=False, qpos=solve_plan(plan, character)[0])
        with np.load(path, allow_pickle=False) as arrays:
            take = arrays["qpos"]
        frames = round(plan.times[-1] * FPS)
        cycle = take[frames : 2 * frames + 1].copy()
        cycle[:, :2] -= cycle[0, :2]
        cycle = close_loop(character.model, cycle, blend=frames // 2)
    wanted = round(seconds * FPS)
    return repeat_cycle(cycle, int(np.ceil(wanted / (len(cycle) - 1))) + 1)[:wanted]
