"""The physics of several bodies that collide with each other."""

from collections.abc import Sequence

import mujoco

from imitate.scene.ground import Ground
from imitate.scene.scene import set_physics
from reconstruct.characters.character import Character
from reconstruct.characters.several import add_bodies


def build_stage(bodies: Sequence[Character]) -> mujoco.MjModel:
    """Several bodies on flat ground, in this order; raises `ValueError` for too many."""
    spec = mujoco.MjSpec()
    Ground().add_to(spec)
    add_bodies(spec, bodies)
    set_physics(spec)
    return spec.compile()
