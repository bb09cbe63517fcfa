"""Several bodies in one model, each with names of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from reconstruct.characters.character import Character

MOST = 8
"""Most bodies in one simulation: the ground collides with so many kinds of geoms."""


def prefix_of(number: int) -> str:
    """What the names of a body's parts begin with, from 0 on."""
    return f"person{number + 1}_"


def add_bodies(spec: mujoco.MjSpec, bodies: Sequence[Character]) -> None:
    """Adds bodies to a model, each with names of its own (`prefix_of`), that collide with each other.

    As alone, a body does not collide with itself. Each has a bit of its own: it is of that kind, and collides with all
    other kinds.

    Raises:
      ValueError: there are more than `MOST`.
    """
    if len(bodies) > MOST:
        raise ValueError(f"{len(bodies)} bodies, at most {MOST} fit into one simulation")
    everybody = (1 << len(bodies)) - 1
    for number, body in enumerate(bodies):
        own = body.spec()
        for geom in own.geoms:
            if geom.contype:
                geom.contype, geom.conaffinity = 1 << number, everybody & ~(1 << number)
        spec.attach(own, frame=spec.worldbody.add_frame(), prefix=prefix_of(number))


@dataclass(frozen=True)
class Part:
    """Where one body is in a model of several."""

    qpos: slice
    qvel: slice
    ctrl: slice
    geoms: np.ndarray
    """Ids of its geoms, (G,)."""


def find_parts(model: mujoco.MjModel, bodies: Sequence[Character]) -> list[Part]:
    """Where each body is in a model that `add_bodies` has put them into, the first ones in it."""
    parts, qpos, qvel, ctrl = list[Part](), 0, 0, 0
    for number, body in enumerate(bodies):
        own = body.model
        named = [model.body(b).name.startswith(prefix_of(number)) for b in range(model.nbody)]
        geoms = np.flatnonzero(np.array(named)[model.geom_bodyid])
        parts.append(Part(slice(qpos, qpos + own.nq), slice(qvel, qvel + own.nv), slice(ctrl, ctrl + own.nu), geoms))
        qpos, qvel, ctrl = qpos + own.nq, qvel + own.nv, ctrl + own.nu
    return parts
